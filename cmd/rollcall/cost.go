package main

import (
	"fmt"
	"math"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/cost"
)

// costCommand asks no platform: it works out a bill from list prices.
func (a *app) costCommand() *cobra.Command {
	w := cost.Workload{
		Agents: 1000, Polling: 0.5, PollEvery: 5 * time.Second, BeatEvery: 30 * time.Second,
		MessagesPerDay: 20, MessageKB: 1, AnswerTime: 20 * time.Second,
	}
	cmd := &cobra.Command{
		Use: "cost", Short: "Work out the monthly bill of a deployment, from list prices", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if err := checkWorkload(w); err != nil {
				return err
			}
			bill := cost.Of(w, cost.USEast1)
			alternatives := cost.Alternatives(w, bill, cost.USEast1)
			return a.show(map[string]any{
				"region": cost.USEast1.Region, "prices_of": cost.USEast1.Date, "bill": bill, "alternatives": alternatives,
			}, func(out *printer) { printCost(out, w, bill, alternatives) })
		},
	}
	flags := cmd.Flags()
	flags.Float64Var(&w.Agents, "agents", w.Agents, "how many agents there are")
	flags.Float64Var(&w.Polling, "polling", w.Polling, "the share that polls, from 0 to 1; the others are pushed to")
	flags.DurationVar(&w.PollEvery, "poll", w.PollEvery, "how often a polling agent polls")
	flags.DurationVar(&w.BeatEvery, "beat", w.BeatEvery, "how often an agent sends a heartbeat")
	flags.BoolVar(&w.PollersBeat, "pollers-beat", w.PollersBeat, "polling agents send heartbeats too")
	flags.Float64Var(&w.MessagesPerDay, "messages-per-day", w.MessagesPerDay, "messages to each agent a day")
	flags.Float64Var(&w.MessageKB, "message-kb", w.MessageKB, "the size of a message with its answer, in KB")
	flags.DurationVar(&w.AnswerTime, "answer-time", w.AnswerTime, "how long a pushed agent takes to answer")
	flags.Float64Var(&w.MaxDrains, "max-drains", w.MaxDrains,
		"how many runs wait for agents at most; more pushes share them, ten to each (0: one run for each push)")
	return cmd
}

// checkWorkload returns what is wrong with w.
func checkWorkload(w cost.Workload) error {
	switch {
	case w.Agents < 1 || w.Agents > 1e9:
		return fmt.Errorf("--agents must be from 1 to a thousand million, not %g", w.Agents)
	case w.Polling < 0 || w.Polling > 1:
		return fmt.Errorf("--polling must be from 0 to 1, not %g", w.Polling)
	case w.PollEvery < time.Second || w.BeatEvery < time.Second:
		return fmt.Errorf("--poll and --beat must be at least 1s")
	case w.MessagesPerDay < 0 || w.MessageKB < 0 || w.MessageKB > 256:
		return fmt.Errorf("--messages-per-day must be at least 0, and --message-kb from 0 to 256")
	case w.AnswerTime < 0 || w.AnswerTime > cost.PushTimeout:
		return fmt.Errorf("--answer-time must be from 0 to 2m: a push waits no longer")
	case w.MaxDrains < 0 || w.MaxDrains > 1000:
		return fmt.Errorf("--max-drains must be from 0 to 1000, not %g", w.MaxDrains)
	case w.MaxDrains > 0 && w.Runs() > w.MaxDrains:
		return fmt.Errorf("--max-drains must be at least %.0f: %.0f pushes wait at once, %d in a run, "+
			"which ends with the slowest of them",
			math.Ceil(w.Runs()), math.Ceil(w.Waiting()), cost.DrainsInARun)
	}
	return nil
}

func printCost(out *printer, w cost.Workload, bill cost.Bill, alternatives []cost.Alternative) {
	out.lines(fmt.Sprintf("List prices of %s, %s, a month of 30 days, without a free tier, data transfer and taxes.",
		cost.USEast1.Region, cost.USEast1.Date))
	fmt.Fprintln(out)
	var rows [][]string
	for _, line := range bill.Lines {
		rows = append(rows, []string{line.Service, line.What, fmt.Sprintf("%.2f", line.USD), line.Arithmetic})
	}
	rows = append(rows, []string{
		"total", "", fmt.Sprintf("%.2f", bill.Total),
		fmt.Sprintf("%.4f for each agent", bill.Total/w.Agents),
	})
	out.table([]column{
		{head: "SERVICE"},
		{head: "FOR", rank: 1, least: 10},
		{head: "USD A MONTH"},
		{head: "WORKED OUT AS", prose: true, least: 24},
	}, rows)
	fmt.Fprint(out, "\nThe same workload by other means:\n\n")
	rows = nil
	for _, alternative := range alternatives {
		rows = append(rows, []string{alternative.Name, fmt.Sprintf("%.0f", alternative.USD), alternative.Lacks})
	}
	out.table([]column{{head: "MEANS"}, {head: "USD A MONTH"}, {head: "WHAT IT LACKS", prose: true, least: 24}}, rows)
	fmt.Fprintln(out)
	for _, alternative := range alternatives {
		out.lines(alternative.Name + ": " + alternative.Changes)
	}
}
