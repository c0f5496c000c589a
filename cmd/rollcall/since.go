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
	cmd.Flags().Var(to, "since", "how far back, such as 30m, 2h or 7d (without it: no limit)")
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
	return briefly(time.Duration(*g))
}

// Type implements pflag.Value.
func (*age) Type() string { return "duration" }

// holds reports whether a time is not further back.
func (g age) holds(t, now time.Time) bool { return g == 0 || now.Sub(t) <= time.Duration(g) }

// positive is the value of a flag that takes a time, which is more than none.
type positive struct{ to *time.Duration }

var _ pflag.Value = positive{}

// positiveVar defines a flag that takes a time. What stands in to is its default; none: it need not be given.
func positiveVar(cmd *cobra.Command, to *time.Duration, name, usage string) {
	cmd.Flags().Var(positive{to}, name, usage)
}

// Set implements pflag.Value.
func (p positive) Set(text string) (err error) {
	*p.to, err = parseLifetime(text)
	return err
}

// String implements pflag.Value.
func (p positive) String() string {
	if p.to == nil || *p.to == 0 {
		return ""
	}
	return briefly(*p.to)
}

// briefly is a duration without the units of which there are none.
func briefly(lasts time.Duration) string {
	text := lasts.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// Type implements pflag.Value.
func (positive) Type() string { return "duration" }

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
