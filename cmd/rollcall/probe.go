package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
)

func (a *app) probeCommand() *cobra.Command {
	var patience time.Duration
	cmd := a.bulkCommand("probe", "Send an empty test message, and report whether it arrived",
		func(ctx context.Context, id string) error {
			var out accepted
			if err := a.call(ctx, "POST", workspacePath(id)+"/probe", nil, &out); err != nil {
				return err
			}
			a.warnOfDelay(out)
			return a.follow(ctx, id, out, patience)
		})
	patience = 3 * time.Minute
	positiveVar(cmd, &patience, "timeout", "how long to follow it, such as 1m")
	return cmd
}
