package main

import (
	"github.com/spf13/cobra"
)

func (a *app) cancelCommand() *cobra.Command {
	return &cobra.Command{
		Use: "cancel ID MESSAGE…", Short: "Cancel messages that wait", Args: cobra.MinimumNArgs(2),
		ValidArgsFunction: a.completeMessages,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.eachMessage("cancel", args[1:], func(message string) error {
				return a.changeMessage(cmd.Context(), messagePath(args[0], message)+"/cancel", nil)
			})
		},
	}
}
