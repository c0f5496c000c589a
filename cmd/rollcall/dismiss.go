package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
)

func (a *app) dismissCommand() *cobra.Command {
	cmd := a.bulkCommand("dismiss", "Drop the refused calls on record: they are not the agent's",
		func(ctx context.Context, id string) error {
			var ws api.Changed
			if err := a.call(ctx, "POST", workspacePath(id)+"/dismiss", nil, &ws); err != nil {
				return err
			}
			return a.show(ws, func(w *printer) {
				did := "dismissed"
				if ws.Unchanged {
					did = "there was nothing to dismiss"
				}
				fmt.Fprintf(w, "%s; %s is %s (%s)\n", did, ws.ID, ws.Status, ws.Reason)
			})
		})
	cmd.Long = `dismiss drops the refused calls on a workspace's record, and the warning of a
stranger. Use it when they are not the agent's and can't be told from it, such as
those of a neighbour behind one network address: they keep the workspace degraded
until they are forgotten. No credential changes, and attempts that go on are noted
again. What was dismissed stands in rollcall history ID.`
	return cmd
}
