package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
)

func (a *app) createCommand() *cobra.Command {
	var body createRequest
	cmd := &cobra.Command{
		Use:   "create [ID]",
		Short: "Create a workspace; its credential is shown once",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				body.ID = args[0]
			}
			return a.create(cmd.Context(), body)
		},
	}
	body.addFlags(cmd)
	return cmd
}

func (a *app) adoptCommand() *cobra.Command {
	body := createRequest{Adopt: true}
	cmd := workspaceCommand("adopt ID",
		"Take over a workspace: all but its mail, name and team is reset",
		func(ctx context.Context, args []string) error {
			body.ID = args[0]
			return a.create(ctx, body)
		})
	body.addFlags(cmd)
	cmd.Flags().BoolVar(&body.Reset, "reset-credentials", false, "end its credentials too, and print a new one")
	cmd.Flags().BoolVar(&body.Force, "force", false, "also when an agent works with the credential that this ends")
	return cmd
}

// createRequest is the body of POST /workspaces.
type createRequest struct {
	ID       string `json:"id,omitempty"`
	Name     string `json:"name,omitempty"`
	Runtime  string `json:"runtime,omitempty"`
	Role     string `json:"role,omitempty"`
	Tier     int    `json:"tier,omitempty"`
	Mode     string `json:"delivery_mode,omitempty"`
	MaxTasks int    `json:"max_concurrent_tasks,omitempty"`
	Team     string `json:"team,omitempty"`
	Adopt    bool   `json:"adopt,omitempty"`
	Reset    bool   `json:"reset_credentials,omitempty"`
	Force    bool   `json:"force,omitempty"`
}

// addFlags adds the flags of a workspace's profile.
func (r *createRequest) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&r.Name, "name", "", "what people call it")
	flags.StringVar(&r.Runtime, "runtime", "", "what it runs; an agent of the runtime external can't be pushed to")
	flags.StringVar(&r.Role, "role", "", "what it does, in a few words for its peers")
	flags.StringVar(&r.Team, "team", "", "the team that it belongs to")
	flags.IntVar(&r.Tier, "tier", 0, "a number of your own, to sort workspaces by")
	choiceVar(cmd, &r.Mode, "mode",
		"how it gets its mail, until its agent says so when it registers", []string{"push", "poll"})
	flags.Var(bounded{&r.MaxTasks, 1, 64}, "max-tasks", "how many tasks it takes at a time (without it: 1)")
}

// create creates or adopts a workspace.
func (a *app) create(ctx context.Context, body createRequest) error {
	var out api.Created
	err := a.confirmed(ctx, body.ID, body.Force, func(force bool) error {
		body.Force = force
		return a.call(ctx, "POST", "/workspaces", body, &out)
	})
	if err != nil {
		return err
	}
	return a.show(out, func(w *printer) {
		did := "created"
		if out.Adopted {
			did = "adopted"
		}
		fmt.Fprintf(w, "%s %s: %s (%s)\n", did, out.ID, out.Status, out.Reason)
		if out.Adopted && body.Team != "" {
			fmt.Fprintf(w, "who sees the team %s sees its mail, its log and its history now, also those of before\n", body.Team)
		}
		if out.AuthToken != "" {
			fmt.Fprintf(w, "its credential, shown this once: %s\n", out.AuthToken)
		}
	})
}
