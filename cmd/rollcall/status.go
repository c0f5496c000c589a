package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/workspace"
)

func (a *app) statusCommand() *cobra.Command {
	var only filter
	var check bool
	cmd := &cobra.Command{
		Use:   "status [ID]",
		Short: "The fleet, or one workspace: status, reason, and what mends it",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && only.given() {
				return errors.New("give an ID, or the flags that pick workspaces, not both")
			}
			show := func(ctx context.Context) ([]api.Workspace, error) { return a.showFleet(ctx, only) }
			if len(args) == 1 {
				show = func(ctx context.Context) ([]api.Workspace, error) { return a.showWorkspace(ctx, args[0]) }
			}
			shown, err := show(cmd.Context())
			if err != nil || !check {
				return err
			}
			return allOnline(shown)
		},
	}
	only.flags(a, cmd)
	cmd.Flags().BoolVar(&check, "check", false, "exit with 4 unless all shown are online")
	return cmd
}

// showFleet prints the fleet, or those of its workspaces that only picks, and returns what
// it printed.
func (a *app) showFleet(ctx context.Context, only filter) ([]api.Workspace, error) {
	fleet, err := a.picked(ctx, only)
	if err != nil {
		return nil, err
	}
	return fleet, a.show(fleet, func(w *printer) {
		if only.given() && len(fleet) == 0 {
			fmt.Fprintf(w, "no workspace fits %s\n", only.words())
			return
		}
		fleetTable(w, fleet)
		tellSameURLs(w, fleet)
	})
}

// showWorkspace prints one workspace and returns it.
func (a *app) showWorkspace(ctx context.Context, id string) ([]api.Workspace, error) {
	var ws api.Workspace
	if err := a.call(ctx, "GET", workspacePath(id), nil, &ws); err != nil {
		return nil, err
	}
	return []api.Workspace{ws}, a.show(ws, func(w *printer) { workspaceTable(w, ws) })
}

// allOnline is the outcome of status --check: nil when every workspace is online.
func allOnline(shown []api.Workspace) error {
	bad := 0
	for _, ws := range shown {
		if ws.Status != workspace.StatusOnline {
			bad++
		}
	}
	switch {
	case bad == 0:
		return nil
	case len(shown) == 1:
		return &outcome{exitUnhealthy, fmt.Sprintf("%s is %s (%s)", shown[0].ID, shown[0].Status, shown[0].Reason)}
	}
	return &outcome{exitUnhealthy, fmt.Sprintf("%d of %d are not online", bad, len(shown))}
}
