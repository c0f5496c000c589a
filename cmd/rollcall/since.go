package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// age is the value of --since: how far back a list goes. Zero: as far as it can.
type age time.Duration

var _ pflag.Value = (*age)(nil)

// sinceVar defines --since.
func sinceVar(cmd *cobra.Command, to *age) {
	cmd.Flags().Var(to, "since", "how far back: 30m, 2h, 7d")
}

// Set implements pflag.Value.
func (g *age) Set(text string) error {
	back, err := parseLifetime(text)
	*g = age(back)
	return err
}

// String implements pflag.Value.
func (g *age) String() string {
	if *g == 0 {
		return ""
	}
	return time.Duration(*g).String()
}

// Type implements pflag.Value.
func (*age) Type() string { return "time" }

// holds reports whether a time is not further back.
func (g age) holds(t, now time.Time) bool { return g == 0 || now.Sub(t) <= time.Duration(g) }

// parseLifetime reads a duration that may be in days, which time.ParseDuration
// doesn't know.
func parseLifetime(text string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n <= 36500 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	} else if lasts, err := time.ParseDuration(text); err == nil && lasts > 0 {
		return lasts, nil
	}
	return 0, fmt.Errorf("it must be a time like 90d, 12h or 30m, not %q", text)
}
