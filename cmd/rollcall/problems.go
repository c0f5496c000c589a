package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/workspace"
)

// problem is one thing that is wrong, and what comes next.
type problem struct {
	Workspaces []string         `json:"workspaces,omitempty"` // none: the platform itself
	Status     workspace.Status `json:"status,omitempty"`
	Reason     workspace.Reason `json:"reason,omitempty"`
	Since      time.Time        `json:"since,omitzero"`
	Text       string           `json:"text"`
	Command    string           `json:"command,omitempty"`
	// CommandNeeds is the scope that the command needs, where that of the credential in use is smaller.
	CommandNeeds string `json:"command_needs,omitempty"`
}

func (a *app) problemsCommand() *cobra.Command {
	var only filter
	cmd := &cobra.Command{
		Use:   "problems",
		Short: "What is wrong, worst first, and a command for each",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found, err := a.problems(cmd.Context(), only, time.Now())
			if err != nil {
				return err
			}
			if err := a.show(found, func(w *printer) { problemsReport(w, found, only) }); err != nil || len(found) == 0 {
				return err
			}
			return &outcome{exitUnhealthy, count(len(found), "problem")}
		},
	}
	only.flags(a, cmd)
	return cmd
}

// problems is everything that is wrong with the platform and with the workspaces that only picks, worst first.
func (a *app) problems(ctx context.Context, only filter, now time.Time) ([]problem, error) {
	fleet, err := a.picked(ctx, only) // first, as it finds a wrong filter without a call
	if err != nil {
		return nil, err
	}
	var health api.Health
	if err := a.call(ctx, "GET", "/healthz", nil, &health); err != nil {
		return nil, err
	}
	out := []problem{}
	if health.Status != "ok" {
		text := "the platform is " + health.Status + ": " + health.Sweeper
		out = append(out, problem{Text: text, Command: "rollcall sweep"})
	}
	for _, p := range problemsOf(fleet, only, now) {
		if p.Reason == workspace.ReasonPlatformSuspect && health.Status == "ok" {
			p.Text += "; " + health.Sweeper
		}
		out = append(out, p)
	}
	return out, nil
}

// silentLong is after how long silence is nothing new.
const silentLong = 3 * 24 * time.Hour

// problemsOf is what is wrong in a fleet that only picked, worst first.
func problemsOf(fleet []api.Workspace, only filter, now time.Time) (out []problem) {
	suspect := problem{Status: workspace.StatusUnknown, Reason: workspace.ReasonPlatformSuspect}
	silent := problem{Status: workspace.StatusOffline, Reason: workspace.ReasonLeaseExpired}
	refused := problem{Status: workspace.StatusProvisioning, Reason: workspace.ReasonNeverRegistered}
	for _, ws := range worstFirst(fleet) {
		switch {
		case ws.Reason == workspace.ReasonPlatformSuspect:
			suspect = suspect.with(ws)
		case ws.Status == workspace.StatusOffline && now.Sub(ws.Since) > silentLong:
			silent = silent.with(ws)
		case ws.Status == workspace.StatusPaused && ws.Inbox.Queued > 0:
			out = append(out, problem{
				[]string{ws.ID},
				ws.Status, ws.Reason, ws.Since,
				"waiting until it is resumed: " + count(int(ws.Inbox.Queued), "message"), ws.Command, ws.CommandNeeds,
			})
		case ws.Status == workspace.StatusProvisioning && ws.Inbox.Queued > 0:
			out = append(out, problem{
				[]string{ws.ID},
				ws.Status, ws.Reason, ws.Since,
				"waiting for an agent of which no call was accepted yet: " + count(int(ws.Inbox.Queued), "message") + "; " +
					ws.Hint,
				ws.Command, ws.CommandNeeds,
			})
		case ws.Status == workspace.StatusProvisioning && ws.Hop == workspace.HopCredential:
			refused = refused.with(ws)
		case ws.Status == workspace.StatusDegraded || ws.Status == workspace.StatusOffline:
			text := ws.Hint
			if ws.Inbox.Queued > 0 {
				text += "; waiting: " + count(int(ws.Inbox.Queued), "message")
			}
			out = append(out, problem{[]string{ws.ID}, ws.Status, ws.Reason, ws.Since, text, ws.Command, ws.CommandNeeds})
		}
		for _, r := range ws.Remarks {
			if ws.Status != workspace.StatusRemoved {
				out = append(out, problem{
					Workspaces: []string{ws.ID}, Text: r.Text, Command: r.Command, CommandNeeds: r.CommandNeeds,
				})
			}
		}
	}
	if n := len(suspect.Workspaces); n > 0 {
		suspect.Text = fmt.Sprintf("the platform may be what is wrong with %s (%s): %s", count(n, "workspace"),
			some(suspect.Workspaces), suspect.Text)
		out = append([]problem{suspect}, out...)
	}
	if n := len(silent.Workspaces); n > 0 {
		silent.Text = fmt.Sprintf("%s silent for more than three days (%s)", count(n, "workspace"), some(silent.Workspaces))
		only.status = string(workspace.StatusOffline)
		silent.Command = "rollcall status " + only.words()
		out = append(out, silent)
	}
	if n := len(refused.Workspaces); n > 0 { // one line, as whoever knows ids can make such calls
		refused.Text = fmt.Sprintf("calls are refused in the name of %s of which none was accepted yet (%s)",
			count(n, "workspace"), some(refused.Workspaces))
		only.status, only.reason = "", string(workspace.ReasonNeverRegistered)
		refused.Command, refused.CommandNeeds = "rollcall status "+only.words(), ""
		if n == 1 {
			refused.Command, refused.CommandNeeds = "rollcall explain "+refused.Workspaces[0], ""
			refused.Text = "calls are refused in its name, and none was accepted yet"
		}
		out = append(out, refused)
	}
	return out
}

// mostNamed is how many workspaces that share a problem are named.
const mostNamed = 5

// some are the first of many ids, and how many more there are.
func some(ids []string) string {
	if len(ids) <= mostNamed {
		return strings.Join(ids, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(ids[:mostNamed], ", "), len(ids)-mostNamed)
}

// with adds a workspace to those that share a problem.
func (p problem) with(ws api.Workspace) problem {
	p.Workspaces = append(p.Workspaces, ws.ID)
	if p.Since.IsZero() || ws.Since.Before(p.Since) {
		p.Since = ws.Since
	}
	p.Text, p.Command = cmp.Or(p.Text, ws.Hint), cmp.Or(p.Command, ws.Command)
	p.CommandNeeds = cmp.Or(p.CommandNeeds, ws.CommandNeeds)
	return p
}

// worstFirst orders a fleet by what an operator looks at first, then by id.
func worstFirst(fleet []api.Workspace) []api.Workspace {
	severity := func(ws api.Workspace) int {
		var remarks []string
		for _, r := range ws.Remarks {
			remarks = append(remarks, r.Code)
		}
		return workspace.Severity(ws.Status, ws.Reason, remarks...)
	}
	return slices.SortedStableFunc(slices.Values(fleet), func(a, b api.Workspace) int {
		return cmp.Or(cmp.Compare(severity(a), severity(b)), cmp.Compare(a.ID, b.ID))
	})
}

func problemsReport(w *printer, found []problem, only filter) {
	if len(found) == 0 {
		fmt.Fprintln(w, strings.TrimSpace("nothing is wrong "+only.among()))
		return
	}
	for _, p := range found {
		text := w.words(p.Text)
		line := text
		switch {
		case len(p.Workspaces) != 1:
		case p.Status == "":
			line = p.Workspaces[0] + ": " + text
		default:
			line = fmt.Sprintf("%s is %s (%s) %s: %s", p.Workspaces[0], p.Status, p.Reason, w.lasting(p.Since), text)
		}
		w.lines(line)
		if p.Command != "" {
			w.command("    ", p.Command+workspace.WhoRuns(p.CommandNeeds))
		}
	}
	repairTogether(w, found, only)
}

// repairTogether names the command for many refused credentials: nobody runs a command for each at night.
func repairTogether(w *printer, found []problem, only filter) {
	n, needs := 0, ""
	for _, p := range found {
		if p.Reason == workspace.ReasonCredentialsRejected && len(p.Workspaces) == 1 {
			n, needs = n+1, cmp.Or(needs, p.CommandNeeds)
		}
	}
	if n < 2 {
		return
	}
	only.reason = string(workspace.ReasonCredentialsRejected)
	w.lines(fmt.Sprintf("%d of these are refused credentials; what a repair of all would do:", n))
	w.command("    ", "rollcall repair --dry-run "+only.words()+workspace.WhoRuns(needs))
}
