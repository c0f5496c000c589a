package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
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
func choiceVar(cmd *cobra.Command, to *string, name, usage string, words []string) {
	choiceVarP(cmd, cmd.Flags(), to, name, "", usage, words)
}

// choiceVarP is choiceVar with a short name, and for flags that other commands share.
func choiceVarP(cmd *cobra.Command, flags *pflag.FlagSet, to *string, name, short, usage string, words []string) {
	flags.VarP(choice{to, words}, name, short, usage+": "+strings.Join(words, ", "))
	completeFlag(cmd, name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

// completeFlag says what a shell offers for a flag's value.
func completeFlag(cmd *cobra.Command, name string, complete cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(name, complete); err != nil {
		panic(err) // the flag is defined just before
	}
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

// listed is a choice of several words, joined by commas.
type listed struct{ choice }

// listedVar defines a flag that takes one or more of words.
func listedVar(cmd *cobra.Command, to *string, name, usage string, words []string) {
	cmd.Flags().Var(listed{choice{to, words}}, name, usage+", joined by commas: "+strings.Join(words, ", "))
	completeFlag(cmd, name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

// Set implements pflag.Value.
func (l listed) Set(text string) error {
	for word := range strings.SplitSeq(text, ",") {
		if err := l.choice.Set(word); err != nil {
			return err
		}
	}
	*l.to = text
	return nil
}

// Type implements pflag.Value.
func (c choice) Type() string { return "word" }
