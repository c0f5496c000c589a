package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
)

func (a *app) removeCommand() *cobra.Command {
	var yes, purge bool
	cmd := workspaceCommand("remove ID",
		"Remove a workspace: its credentials end, its mail is cancelled",
		func(ctx context.Context, args []string) error {
			if !yes {
				does, flags := "", ""
				if purge {
					does, flags = "its history and profile are erased, ", " --purge"
				}
				return &outcome{exitUsage, fmt.Sprintf("its credentials end, its mail is cancelled, %sand this can't be "+
					"taken back; if you mean it: rollcall remove %s%s --yes", does, args[0], flags)}
			}
			path, more := workspacePath(args[0]), ""
			if purge {
				path, more = path+"?purge=true", "; its mail, log, history and profile are erased within two minutes"
			}
			var ws api.Changed
			if err := a.call(ctx, "DELETE", path, nil, &ws); err != nil {
				return err
			}
			return a.show(ws, func(w *printer) { fmt.Fprintf(w, "%s is %s%s%s\n", ws.ID, ws.Status, more, unchangedWords(ws)) })
		})
	cmd.Flags().BoolVar(&purge, "purge", false, "also erase everything that is kept of it except the audit trail")
	cmd.Flags().BoolVar(&yes, "yes", false, "confirm the removal")
	return cmd
}
