package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// choice is the value of a flag that takes one of a few words. Another word is
// wrong usage, before any call is made.
type choice struct {
	to    *string
	words []string
}

var _ pflag.Value = choice{}

// choiceVar defines a flag that takes one of words.
func choiceVar(flags *pflag.FlagSet, to *string, name, usage string, words []string) {
	flags.Var(choice{to, words}, name, usage+": "+strings.Join(words, ", "))
}

// Set implements pflag.Value.
func (c choice) Set(word string) error {
	if !slices.Contains(c.words, word) {
		return fmt.Errorf("it must be one of: %s", strings.Join(c.words, ", "))
	}
	*c.to = word
	return nil
}

// String implements pflag.Value.
func (c choice) String() string {
	if c.to == nil {
		return ""
	}
	return *c.to
}

// Type implements pflag.Value.
func (c choice) Type() string { return "word" }
