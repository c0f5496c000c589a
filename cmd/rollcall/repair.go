package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/workspace"
)

func (a *app) repairCommand() *cobra.Command {
	var wait time.Duration
	var asked repairRequest
	t := repairTargets(&asked)
	cmd := a.bulkCommandOf(t, "repair", "Mend a lost credential: end it, and let the agent fetch a new one",
		func(ctx context.Context, ws api.Workspace) error { return a.repair(ctx, ws.ID, asked.asTold(ws), wait) })
	positiveVar(cmd, &wait, "wait", "wait so long for the agent to register again, such as 10m (without it: don't wait)")
	cmd.Flags().StringVar(&asked.From, "from", "",
		"only an agent that calls from this network address is given the new credential")
	cmd.Flags().BoolVar(&asked.Anyone, "anyone", false,
		"give the new credential to whoever registers first, from any address")
	cmd.Flags().BoolVar(&asked.Show, "show", false, "print a credential to place by hand; no agent can fetch one")
	cmd.Flags().BoolVar(&asked.Force, "force", false, "also when the agent works with the credential that this ends")
	cmd.MarkFlagsMutuallyExclusive("from", "anyone", "show")
	return cmd
}

// repairTargets are the workspaces that a repair is done to, of those that are picked.
func repairTargets(asked *repairRequest) *targets {
	return &targets{
		concerns: lacksCredential, why: "as no repair is asked for",
		spares: func(ws api.Workspace) string { return asked.spares(ws) },
	}
}

// repairedTogether reports whether rollcall repair --reason credentials_rejected would repair a workspace.
func repairedTogether(ws api.Workspace) bool {
	return ws.Reason == workspace.ReasonCredentialsRejected && repairTargets(&repairRequest{}).touches(ws)
}

// repairRequest is what the platform is asked for.
type repairRequest struct {
	From   string `json:"from,omitempty"`
	Told   bool   `json:"told,omitempty"` // From is as the verdict says
	Anyone bool   `json:"anyone,omitempty"`
	Show   bool   `json:"show,omitempty"`
	Force  bool   `json:"force,omitempty"`
}

// plain reports whether the platform is to say whom the window is for.
func (r repairRequest) plain() bool { return r.From == "" && !r.Anyone && !r.Show }

// asTold is the request for a workspace that was picked, as its verdict has it: with the address that the verdict's
// command names. It moves no window that an operator has opened meanwhile.
func (r repairRequest) asTold(ws api.Workspace) repairRequest {
	words := strings.Fields(ws.Command)
	if at := slices.Index(words, "--from"); r.plain() && repairs(ws) && at >= 0 && at+1 < len(words) {
		r.From, r.Told = words[at+1], true
	}
	return r
}

// spares says why a workspace that was picked is left out: what its verdict asks for is not that its agent is let in.
// The verdict's own hint says what it waits for: an agent that comes, or a person who changes what it sends. Where that
// is for want of an address, the command that names one is said too.
func (r repairRequest) spares(ws api.Workspace) string {
	switch {
	case ws.Reason == "" || !r.plain(): // named by its id, of which nothing else is known; or it is said how
		return ""
	case !repairs(ws):
		return strings.TrimSuffix("its next step is "+cmp.Or(ws.Command, "rollcall explain "+ws.ID)+": "+ws.Hint, ": ")
	case !strings.HasSuffix(ws.Command, " --show"):
		return ""
	case ws.Action == "repair":
		return "a repair knows no address of its agent: " + ws.Hint + ". If you know it: rollcall repair " + ws.ID +
			" --from ADDR"
	}
	return "a credential is to be placed: " + ws.Hint
}

// lacksCredential reports whether a workspace's verdict is of a lost credential, or asks for a repair.
func lacksCredential(ws api.Workspace) bool {
	return ws.Reason == workspace.ReasonCredentialsRejected || repairs(ws)
}

// repairs reports whether the command of a workspace's verdict is a repair.
func repairs(ws api.Workspace) bool { return strings.HasPrefix(ws.Command, "rollcall repair "+ws.ID) }

// repair revokes the workspace's credentials and opens the window for a new one.
// With wait it waits until the agent has registered again.
func (a *app) repair(ctx context.Context, id string, asked repairRequest, wait time.Duration) error {
	var before api.Workspace
	if wait > 0 {
		if err := a.call(ctx, "GET", workspacePath(id), nil, &before); err != nil {
			return err
		}
	}
	var out api.Repaired
	err := a.confirmed(ctx, id, asked.Force, func(force bool) error {
		asked.Force = force
		return a.call(ctx, "POST", workspacePath(id)+"/repair", asked, &out)
	})
	if err != nil {
		return err
	}
	err = a.show(out, func(w *printer) { printRepaired(w, out) })
	if err != nil || wait == 0 {
		return err
	}
	return a.awaitRegister(ctx, id, before.RegisteredAt, wait)
}

func printRepaired(w *printer, out api.Repaired) {
	fmt.Fprintf(w, "%s revoked; ", count(out.Revoked, "credential"))
	switch {
	case out.AuthToken != "":
		fmt.Fprintf(w, "the new one:\n%s\n", out.AuthToken)
	case out.From != "":
		fmt.Fprintf(w, "bootstrap is open until %s, to an agent at %s only\n", w.at(out.BootstrapUntil), out.From)
	default:
		fmt.Fprintf(w, "bootstrap is open until %s, to whoever registers first\n", w.at(out.BootstrapUntil))
	}
	next := strings.ReplaceAll(out.Next, "bootstrap_until", w.at(out.BootstrapUntil)) // the member of the API's answer
	w.lines("next: " + w.words(next))
}

// awaitRegister waits until the agent has registered later than before. Both
// times are the platform's, whose clock may differ from this machine's.
func (a *app) awaitRegister(ctx context.Context, id string, before time.Time, patience time.Duration) error {
	var last api.Workspace
	done, err := a.await(ctx, patience, time.Second, func(ctx context.Context) (bool, error) {
		var ws api.Workspace
		if err := a.call(ctx, "GET", workspacePath(id), nil, &ws); err != nil {
			return false, err
		}
		last = ws
		if !ws.RegisteredAt.After(before) || ws.Reason == workspace.ReasonCredentialsRejected {
			return false, nil
		}
		a.printf("the agent registered at %s: %s (%s)\n", a.printer().at(ws.RegisteredAt), ws.Status, ws.Reason)
		return true, nil
	})
	next := "see whether it has: rollcall status " + id
	switch {
	case errors.Is(err, context.Canceled):
		return &outcome{exitInterrupted, "interrupted, and the agent may still register; " + next}
	case err != nil || done:
		return err
	}
	return &outcome{exitUnhealthy, a.notBack(last, before, patience, next)}
}

// notBack says of an agent that was waited for how far it came, and what its verdict asks for.
func (a *app) notBack(ws api.Workspace, before time.Time, patience time.Duration, next string) string {
	hint := "restart it, then " + next
	if ws.Hint != "" {
		hint = a.printer().words(ws.Hint)
		if ws.Command != "" {
			hint += "; " + ws.Command + workspace.WhoRuns(ws.CommandNeeds)
		}
	}
	if ws.RegisteredAt.After(before) {
		return fmt.Sprintf("the agent registered at %s, and is still %s (%s) after %s: %s",
			a.printer().at(ws.RegisteredAt), ws.Status, ws.Reason, patience, hint)
	}
	return fmt.Sprintf("the agent was not seen to register within %s: %s", patience, hint)
}
