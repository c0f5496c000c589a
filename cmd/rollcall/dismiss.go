package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/workspace"
)

func (a *app) dismissCommand() *cobra.Command {
	var lost bool
	var messages []string
	cmd := a.bulkCommand("dismiss", "Forget refused calls that aren't the agent's, or close lost mail",
		func(ctx context.Context, id string) error {
			switch {
			case lost:
				return a.dismissLost(ctx, id, map[string]any{"lost": true})
			case len(messages) > 0:
				return a.dismissLost(ctx, id, map[string]any{"messages": messages})
			}
			var ws api.Dismissed
			if err := a.call(ctx, "POST", workspacePath(id)+"/dismiss", nil, &ws); err != nil {
				return err
			}
			return a.show(ws, func(w *printer) {
				did := "dismissed"
				if ws.Unchanged {
					did = "there was nothing to dismiss"
				}
				fmt.Fprintf(w, "%s; %s is %s (%s)\n", did, ws.ID, ws.Status, ws.Reason)
				if ws.Unchanged && tellsLost(ws.Workspace) {
					fmt.Fprintf(w, "the messages that it lost are told: rollcall dismiss %s --lost closes them\n", ws.ID)
				}
			})
		})
	cmd.Flags().BoolVar(&lost, "lost", false, "close the messages that were lost, without delivering them")
	cmd.Flags().StringSliceVar(&messages, "message", nil, "close this lost message alone; may be given again")
	cmd.MarkFlagsMutuallyExclusive("lost", "message")
	return cmd
}

// dismissLost closes messages that were lost, page by page.
func (a *app) dismissLost(ctx context.Context, id string, body any) error {
	closed, left := 0, 0
	for {
		var out api.Dismissed
		if err := a.call(ctx, "POST", workspacePath(id)+"/dismiss", body, &out); err != nil {
			return partly(err, closed, "closed", left)
		}
		closed, left = closed+out.Closed, out.Left
		if out.Left > 0 && out.Closed > 0 {
			continue
		}
		out.Closed, out.Unchanged = closed, closed == 0
		return a.show(out, func(w *printer) {
			fmt.Fprintf(w, "%s closed without being delivered; %s is %s (%s)\n",
				count(closed, "lost message"), out.ID, out.Status, out.Reason)
		})
	}
}

// tellsLost reports whether a workspace tells of mail that was lost.
func tellsLost(ws api.Workspace) bool {
	for _, r := range ws.Remarks {
		if r.Code == workspace.RemarkMailLost {
			return true
		}
	}
	return false
}
