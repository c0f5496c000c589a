package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
)

func (a *app) redriveCommand() *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "redrive ID [MESSAGE]",
		Short: "Put back one dead message of a workspace, or all; each keeps its id and place",
		Args:  cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 {
				return a.redriveOne(cmd.Context(), args[0], args[1], dryRun)
			}
			return a.redriveAll(cmd.Context(), args[0], dryRun)
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only show what would be put back")
	return cmd
}

func (a *app) redriveOne(ctx context.Context, id, message string, dryRun bool) error {
	return a.changeMessage(ctx, messagePath(id, message)+"/redrive", map[string]bool{"dry_run": dryRun})
}

func (a *app) redriveAll(ctx context.Context, id string, dryRun bool) error {
	var out api.Redriven
	body := map[string]bool{"dry_run": dryRun}
	if err := a.call(ctx, "POST", workspacePath(id)+"/redrive", body, &out); err != nil {
		return err
	}
	return a.show(out, func(w *printer) {
		did := "put back"
		if dryRun {
			did = "would be put back"
		}
		fmt.Fprintf(w, "%d %s\n", len(out.Messages), did)
		if len(out.Messages) > 0 {
			receiptsTable(w, out.Messages)
		}
	})
}

// changeMessage posts to one message and prints its receipt afterwards.
func (a *app) changeMessage(ctx context.Context, path string, body any) error {
	var r api.Receipt
	if err := a.call(ctx, "POST", path, body, &r); err != nil {
		return err
	}
	return a.show(r, func(w *printer) { receiptsTable(w, []api.Receipt{r}) })
}
