package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
)

func (a *app) dismissCommand() *cobra.Command {
	return a.bulkCommand("dismiss", "Forget refused calls that are not the agent's",
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
}
