package main

import (
	"context"

	"github.com/spf13/cobra"
)

func (a *app) cancelCommand() *cobra.Command {
	return workspaceCommand("cancel ID MESSAGE", "Cancel a message that waits",
		func(ctx context.Context, args []string) error {
			return a.changeMessage(ctx, messagePath(args[0], args[1])+"/cancel", nil)
		})
}
