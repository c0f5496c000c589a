package main

import (
	"context"
	"fmt"
	"io"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
)

func (a *app) historyCommand() *cobra.Command {
	var limit int
	cmd := workspaceCommand("history ID", "What its status was and who did what, newest first",
		func(ctx context.Context, args []string) error {
			return a.showActivity(ctx, workspacePath(args[0])+"/history", limit)
		})
	cmd.Flags().IntVar(&limit, "limit", 50, "how many lines")
	return cmd
}

func (a *app) auditCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Actions that concern no single workspace, and who took them, newest first",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.showActivity(cmd.Context(), "/audit", limit) },
	}
	cmd.Flags().IntVar(&limit, "limit", 50, "how many lines")
	return cmd
}

// showActivity prints the rows of a workspace's history or of the audit trail.
func (a *app) showActivity(ctx context.Context, path string, limit int) error {
	activity, more, err := pages(ctx, a, path, url.Values{}, limit, func(p page) []api.HistoryEntry { return p.History })
	if err != nil {
		return err
	}
	return a.show(activity, func(w io.Writer) {
		if len(activity) == 0 {
			fmt.Fprintln(w, "nothing yet")
			return
		}
		rows := [][]string{{"AT", "WHAT", "WHO", "FROM", ""}}
		for _, r := range activity {
			rows = append(rows, []string{at(r.At), r.Action, r.Who, orDash(r.From), r.Summary})
		}
		table(w, rows)
		moreLine(w, more, limit)
	})
}
