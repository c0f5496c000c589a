package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// plainUsage has every command say what is wrong with a command line in this program's words: the libraries that read
// it say it in those of a programmer.
func plainUsage(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if check(cmd, args) == nil {
				return nil
			}
			return wrongArguments(cmd, check, args)
		}
	}
	if cmd.HasSubCommands() && cmd.HasParent() && !cmd.Runnable() {
		cmd.Args, cmd.RunE = cobra.ArbitraryArgs, noSubcommand
	}
	for _, sub := range cmd.Commands() {
		plainUsage(sub)
	}
}

// noSubcommand is what a command does that does nothing alone: it shows its help, or says that it has no such
// subcommand, and which may be meant. Cobra shows the help for both.
func noSubcommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	cmd.SuggestionsMinimumDistance = 2 // as it is of the commands of the root
	text := fmt.Sprintf("unknown command %q for %q", args[0], cmd.CommandPath())
	if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
		text += ": did you mean " + strings.Join(like, " or ") + "?"
	}
	return errors.New(text)
}

// wrongArguments says which argument is missing, or which one is too much.
func wrongArguments(cmd *cobra.Command, check cobra.PositionalArgs, args []string) error {
	for n, last := range slices.Backward(args) {
		if check(cmd, args[:n]) != nil {
			continue
		}
		text := fmt.Sprintf("%s does not take %q", cmd.CommandPath(), last)
		if ofTheFleet[cmd.Name()] {
			text += "; for one workspace: rollcall explain " + quoted(last)
		}
		return errors.New(text)
	}
	missing := "an argument"
	if words := strings.Fields(cmd.Use); len(args)+1 < len(words) {
		missing = strings.Trim(words[len(args)+1], "[]…")
	}
	return fmt.Errorf("%s lacks %s", cmd.CommandPath(), missing)
}

// ofTheFleet are commands that show all workspaces, and are taken for some that show one.
var ofTheFleet = map[string]bool{"problems": true, "top": true, "watch": true}

// wrongFlag says of a flag's value what it has to be.
func wrongFlag(_ *cobra.Command, err error) error {
	bad, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return err
	}
	flag := bad.GetFlag()
	if errors.Is(err, strconv.ErrRange) {
		return fmt.Errorf("--%s: %q is too large or too small", flag.Name, bad.GetValue())
	}
	if want := valueWords[flag.Value.Type()]; want != "" && !saysItself(flag.Value) {
		return fmt.Errorf("--%s must be %s, not %q", flag.Name, want, bad.GetValue())
	}
	return fmt.Errorf("--%s: %w", flag.Name, errors.Unwrap(err))
}

// valueWords are what the values of flags are, by the types of the flag library.
var valueWords = map[string]string{
	"int": "a whole number", "int64": "a whole number", "float64": "a number", "bool": "true or false",
	"duration": "a time like 1h, 5m or 30s",
}

// saysItself reports whether a value is one of this program, whose errors say what it has to be.
func saysItself(v pflag.Value) bool {
	switch v.(type) {
	case choice, listed, positive, *age, bounded:
		return true
	}
	return false
}

var (
	exclusive = regexp.MustCompile(`^if any flags in the group \[(.+)\] are set none of the others can be; \[(.+)\] were`)
	required  = regexp.MustCompile(`^required flag\(s\) (.+) not set$`)
)

// plainFlags says in this program's words which flags exclude each other, which are missing, and which command may be
// meant.
func plainFlags(err error) error {
	if found := exclusive.FindStringSubmatch(err.Error()); found != nil {
		return fmt.Errorf("%s exclude each other: give one of %s",
			dashed(strings.Fields(found[2])), dashed(strings.Fields(found[1])))
	}
	if found := required.FindStringSubmatch(err.Error()); found != nil {
		names := strings.Split(strings.ReplaceAll(found[1], `"`, ""), ", ")
		return fmt.Errorf("it lacks %s", dashed(names))
	}
	if text, like, found := strings.Cut(err.Error(), "\n\nDid you mean this?\n"); found {
		return fmt.Errorf("%s: did you mean %s?", text, strings.Join(strings.Fields(like), " or "))
	}
	return err
}

// dashed are the names of flags as they are written, with "and" before the last.
func dashed(names []string) string {
	out := "--" + strings.Join(names, ", --")
	if i := strings.LastIndex(out, ", "); i >= 0 {
		out = out[:i] + " and " + out[i+2:]
	}
	return out
}

// bounded is the value of a flag that takes a whole number within bounds.
type bounded struct {
	to          *int
	least, most int
}

var _ pflag.Value = bounded{}

// Set implements pflag.Value.
func (b bounded) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < b.least || n > b.most {
		return fmt.Errorf("it must be a whole number from %d to %d, not %q", b.least, b.most, text)
	}
	*b.to = n
	return nil
}

// String implements pflag.Value.
func (b bounded) String() string {
	if b.to == nil || *b.to == 0 {
		return ""
	}
	return strconv.Itoa(*b.to)
}

// Type implements pflag.Value.
func (bounded) Type() string { return "int" }
