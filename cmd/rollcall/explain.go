package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/workspace"
)

func (a *app) explainCommand() *cobra.Command {
	return workspaceCommand("explain ID",
		"What is wrong with a workspace, why, and what mends it",
		func(ctx context.Context, args []string) error {
			var e workspace.Explanation
			if err := a.call(ctx, "GET", workspacePath(args[0])+"/explain", nil, &e); err != nil {
				return err
			}
			return a.show(e, func(w *printer) {
				w.lines(w.words(e.Text()))
				if e.Delivery.Effective == workspace.Push && a.output != "json" {
					if also := sameURLAs(args[0], a.firstPage(ctx)); also != "" {
						w.lines(also)
					}
				}
			})
		})
}
