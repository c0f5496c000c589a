package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
)

func (a *app) probeCommand() *cobra.Command {
	how, toEnd := following{patience: 3 * time.Minute}, false
	cmd := a.bulkCommand("probe", "Send an empty test message, and report whether it arrived",
		func(ctx context.Context, id string) error {
			var out accepted
			if err := a.call(ctx, "POST", workspacePath(id)+"/probe", nil, &out); err != nil {
				return err
			}
			a.warnOfDelay(out)
			how.untilAnswered = !toEnd
			return a.follow(ctx, id, out, how)
		})
	positiveVar(cmd, &how.patience, "timeout", "how long to follow it, such as 1m")
	cmd.Flags().BoolVar(&toEnd, "to-end", false, "follow it to its end, also after a try that failed")
	return cmd
}
