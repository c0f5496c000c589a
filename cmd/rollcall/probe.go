package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
)

func (a *app) probeCommand() *cobra.Command {
	var patience time.Duration
	cmd := workspaceCommand("probe ID", "Send an empty test message, and report whether it arrived",
		func(ctx context.Context, args []string) error {
			var out accepted
			if err := a.call(ctx, "POST", workspacePath(args[0])+"/probe", nil, &out); err != nil {
				return err
			}
			a.warnOfDelay(out)
			return a.follow(ctx, args[0], out, patience)
		})
	cmd.Flags().DurationVar(&patience, "timeout", 3*time.Minute, "how long to follow it")
	return cmd
}
