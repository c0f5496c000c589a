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
		"Issue a second credential; the one in use stays valid until the new one is used",
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
	cmd.Flags().BoolVar(&asked.Fetch, "fetch", false, "show none: have the agent fetch one itself")
	cmd.Flags().BoolVar(&asked.Force, "force", false, "also when one waits for its first use: that one ends")
	return cmd
}

func (a *app) revokeCommand() *cobra.Command {
	var asked struct {
		Force bool `json:"force,omitempty"`
	}
	cmd := workspaceCommand("revoke ID",
		"End every credential of a workspace at once (a stolen one); repair lets its agent in again",
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
