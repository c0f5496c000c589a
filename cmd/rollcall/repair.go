package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/workspace"
)

func (a *app) repairCommand() *cobra.Command {
	var wait time.Duration
	var from string
	cmd := workspaceCommand("repair ID",
		"Mend a lost credential: revoke what there is, and let the agent fetch a new one",
		func(ctx context.Context, args []string) error { return a.repair(ctx, args[0], from, wait) })
	cmd.Long = `Revokes every credential of the workspace and opens a time-limited window in
which its agent, and only this workspace's, is given a new one when it registers.
The window closes when the new credential is first used, so a lost reply locks
nobody out. Restart the agent afterwards; --wait waits until it is back.`
	cmd.Flags().DurationVar(&wait, "wait", 0, "how long to wait for the agent to register again")
	cmd.Flags().StringVar(&from, "from", "",
		"only an agent that calls from this network address is given the new credential")
	return cmd
}

// repairReply is what the platform answers to a repair.
type repairReply struct {
	Revoked        int       `json:"revoked"`
	BootstrapUntil time.Time `json:"bootstrap_until"`
	From           string    `json:"from,omitempty"`
	Next           string    `json:"next"`
}

// repair revokes the workspace's credentials and opens the window for a new one.
// With wait it waits until the agent has registered again.
func (a *app) repair(ctx context.Context, id, from string, wait time.Duration) error {
	var before api.Workspace
	if wait > 0 {
		if err := a.call(ctx, "GET", workspacePath(id), nil, &before); err != nil {
			return err
		}
	}
	var body any
	if from != "" {
		body = map[string]string{"from": from}
	}
	var out repairReply
	if err := a.call(ctx, "POST", workspacePath(id)+"/repair", body, &out); err != nil {
		return err
	}
	err := a.show(out, func(w io.Writer) {
		fmt.Fprintf(w, "%s revoked; bootstrap is open until %s", count(out.Revoked, "credential"), at(out.BootstrapUntil))
		if out.From != "" {
			fmt.Fprintf(w, ", to an agent at %s only", out.From)
		}
		fmt.Fprintf(w, "\nnext: %s\n", out.Next)
	})
	if err != nil || wait == 0 {
		return err
	}
	return a.awaitRegister(ctx, id, before.RegisteredAt, wait)
}

// awaitRegister waits until the agent has registered later than before. Both
// times are the platform's, whose clock may differ from this machine's.
func (a *app) awaitRegister(ctx context.Context, id string, before time.Time, patience time.Duration) error {
	done, err := a.await(ctx, patience, time.Second, func(ctx context.Context) (bool, error) {
		var ws api.Workspace
		if err := a.call(ctx, "GET", workspacePath(id), nil, &ws); err != nil {
			return false, err
		}
		if !ws.RegisteredAt.After(before) || ws.Reason == workspace.ReasonCredentialsRejected {
			return false, nil
		}
		a.printf("the agent registered at %s: %s (%s)\n", at(ws.RegisteredAt), ws.Status, ws.Reason)
		return true, nil
	})
	next := "see whether it has: rollcall status " + id
	switch {
	case errors.Is(err, context.Canceled):
		return &outcome{exitInterrupted, "interrupted, and the agent may still register; " + next}
	case err != nil || done:
		return err
	}
	return &outcome{exitUnhealthy, fmt.Sprintf(
		"the agent was not seen to register within %s: restart it, then %s", patience, next)}
}
