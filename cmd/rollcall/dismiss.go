package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
)

func (a *app) dismissCommand() *cobra.Command {
	cmd := a.bulkCommand("dismiss", "Drop the refused attempts on record: they are not the agent's",
		func(ctx context.Context, id string) error {
			var ws api.Workspace
			if err := a.call(ctx, "POST", workspacePath(id)+"/dismiss", nil, &ws); err != nil {
				return err
			}
			return a.show(ws, func(w *printer) {
				fmt.Fprintf(w, "dismissed; %s is %s (%s)\n", ws.ID, ws.Status, ws.Reason)
			})
		})
	cmd.Long = `dismiss drops the refused attempts on a workspace's record, and the warning of a
stranger. Use it when they are not the agent's and can't be told from it, such as
those of a neighbour behind one network address: they keep the workspace degraded
until they are forgotten. No credential changes, and attempts that go on are noted
again. What was dismissed stands in rollcall history ID.`
	return cmd
}
