package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) rotateCommand() *cobra.Command {
	var asked struct {
		Fetch bool `json:"fetch,omitempty"`
		Force bool `json:"force,omitempty"`
	}
	cmd := workspaceCommand("rotate ID",
		"Make a new credential; the old one is good until its first use",
		func(ctx context.Context, args []string) error {
			var out struct {
				AuthToken string `json:"auth_token,omitempty"`
				Next      string `json:"next"`
			}
			if err := a.call(ctx, "POST", workspacePath(args[0])+"/rotate", asked, &out); err != nil {
				return err
			}
			return a.show(out, func(w *printer) {
				if out.AuthToken != "" {
					fmt.Fprintln(w, out.AuthToken)
				}
				w.lines("next: " + w.words(out.Next))
			})
		})
	cmd.Flags().BoolVar(&asked.Fetch, "fetch", false, "print none: the agent is told to fetch it")
	cmd.Flags().BoolVar(&asked.Force, "force", false, "also when a new one waits for its first use: that one ends")
	return cmd
}

func (a *app) revokeCommand() *cobra.Command {
	var asked struct {
		Force bool `json:"force,omitempty"`
	}
	cmd := workspaceCommand("revoke ID",
		"End every credential of a workspace at once, such as a stolen one",
		func(ctx context.Context, args []string) error {
			var out struct {
				Revoked int    `json:"revoked"`
				Next    string `json:"next"`
			}
			err := a.confirmed(ctx, args[0], asked.Force, func(force bool) error {
				asked.Force = force
				return a.call(ctx, "POST", workspacePath(args[0])+"/revoke", asked, &out)
			})
			if err != nil {
				return err
			}
			return a.show(out, func(w *printer) {
				w.lines(count(out.Revoked, "credential") + " revoked\nnext: " + w.words(out.Next))
			})
		})
	cmd.Flags().BoolVar(&asked.Force, "force", false, "also when an agent works with its credential")
	return cmd
}
