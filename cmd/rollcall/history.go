package main

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
)

func (a *app) historyCommand() *cobra.Command {
	var limit int
	var since age
	cmd := workspaceCommand("history ID", "Its statuses and what operators did to it, newest first",
		func(ctx context.Context, args []string) error {
			return a.showActivity(ctx, workspacePath(args[0])+"/history", limit, since)
		})
	cmd.Flags().IntVar(&limit, "limit", 50, "how many lines at most")
	sinceVar(cmd, &since)
	return cmd
}

func (a *app) auditCommand() *cobra.Command {
	var limit int
	var since age
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "What people did that concerns no single workspace, newest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.showActivity(cmd.Context(), "/audit", limit, since)
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 50, "how many lines at most")
	sinceVar(cmd, &since)
	return cmd
}

// historyColumns are those of a history.
var historyColumns = []column{
	{head: "AT"},
	{head: "WHAT"},
	{head: "WHO", rank: 1, least: 8},
	{head: "FROM", rank: 2},
	{head: "MORE", prose: true, least: 24},
}

// showActivity prints the rows of a workspace's history or of the audit trail.
func (a *app) showActivity(ctx context.Context, path string, limit int, since age) error {
	activity, more, err := pages(ctx, a, path, url.Values{}, limit, func(p page) []api.HistoryEntry { return p.History },
		func(h api.HistoryEntry) bool { return since.holds(h.At, time.Now()) })
	if err != nil {
		return err
	}
	return a.show(activity, func(w *printer) {
		if len(activity) == 0 {
			fmt.Fprintln(w, nothing(since))
			return
		}
		historyTable(w, activity)
		moreLine(w, more, limit)
	})
}

// historyTable prints a line for each change of status and each act.
func historyTable(w *printer, activity []api.HistoryEntry) {
	var rows [][]string
	for _, r := range activity {
		rows = append(rows, []string{w.at(r.At), r.Action, r.Who, orDash(r.From), w.words(r.Summary)})
	}
	w.table(historyColumns, rows)
}

// nothing says that a list is empty: of all time, or of as far back as was asked for.
func nothing(since age) string {
	if since == 0 {
		return "nothing yet"
	}
	return "nothing in the last " + since.String()
}
