package simulation

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// Table is what was seen, for people.
func Table(c Config, results []*Result) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%d agents, %.0f %% poll each %s, the others beat; %g messages a day to each; answers take %s;\n",
		c.Agents, 100*c.Polling, c.PollEvery, c.MessagesPerDay, c.AnswerTime)
	fmt.Fprintf(&text, "lease %s and %s of grace; %d runs of dispatch; "+
		"sweep: %d workers of %.0f workspaces, %.0f changes together, a second;\n",
		c.Policy.LeaseTTL, c.Policy.Grace, c.Runs(), c.Sweep.Workers, c.Sweep.Each, c.Sweep.Changes)
	fmt.Fprintf(&text, "the API takes %.0f calls a second; seed %d\n\n", headroom*c.steadyCalls(), c.Seed)
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "story\tpace\tcalls/s\tpeak/s\trefused\tfalse offline\tsuspected\tdeaths found\tdetect p50\tp99\t"+
		"drain p50\tp99\tsweep lag\ttold after\tUSD/month\t\n")
	for _, r := range results {
		pace := "fixed"
		if r.Paced {
			pace = "paced"
		}
		fmt.Fprintf(w, "%s\t%s\t%.0f\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%.0f\t\n",
			r.Story, pace, r.MeanCalls, r.PeakCalls, r.Throttled, r.FalseOffline, r.Suspected, r.Detected,
			brief(r.Detect50), brief(r.Detect99), brief(r.Drain50), brief(r.Drain99), brief(r.SweepLag),
			brief(r.ToldAfter), r.Bill)
	}
	w.Flush()
	return text.String()
}

// brief is a time in two or three digits.
func brief(d time.Duration) string {
	switch {
	case d == 0:
		return "-"
	case d < 10*time.Second:
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// Check returns what must not be: an agent that lived and called was shown offline, a sweep of the steady fleet took
// more than its minute, or mail went missing.
func Check(results []*Result) (err error) {
	for _, r := range results {
		if r.FalseOffline > 0 {
			err = errors.Join(err, fmt.Errorf("%s, paced=%t: %d agents that lived were shown offline",
				r.Story, r.Paced, r.FalseOffline))
		}
		if r.Story == Stories[0].Name && r.SweepLag > sweepEvery {
			err = errors.Join(err, fmt.Errorf("%s, paced=%t: a sweep of the steady fleet took %s", r.Story, r.Paced, r.SweepLag))
		}
		if open := r.Backlog[len(r.Backlog)-1]; r.Accepted < r.Delivered {
			err = errors.Join(err, fmt.Errorf("%s, paced=%t: %d accepted, %d delivered, %d open",
				r.Story, r.Paced, r.Accepted, r.Delivered, open))
		}
	}
	return err
}
