package main

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/visible"
	"github.com/rollcall/rollcall/shared/workspace"
)

// fleet reads every workspace, or those of one status, worst first.
func (a *app) fleet(ctx context.Context, status string) ([]api.Workspace, error) {
	query := url.Values{}
	if status != "" {
		query.Set("status", status)
	}
	fleet, _, err := pages(ctx, a, "/workspaces", query, noLimit,
		func(p page) []api.Workspace { return p.Workspaces }, nil)
	return worstFirst(fleet), err
}

// fleetColumns are those of the fleet: what is wrong, since when, and whether mail waits or is lost come first.
var fleetColumns = []column{
	{head: "ID"},
	{head: "NAME", rank: 5, least: 10},
	{head: "STATUS"},
	{head: "REASON"},
	{head: "SINCE", rank: 1},
	{head: "MODE", rank: 7},
	{head: "WAITING", rank: 2},
	{head: "OLDEST", rank: 6},
	{head: "DEAD", rank: 3},
	{head: "HEARD", rank: 4},
}

// fleetTable prints a line for each workspace.
func fleetTable(w *printer, fleet []api.Workspace) {
	if len(fleet) == 0 {
		fmt.Fprintln(w, "no workspaces")
		return
	}
	var rows [][]string
	for _, v := range fleet {
		open := v.Inbox.Queued + v.Inbox.InFlight
		oldest := "-"
		if open > 0 {
			oldest = span(time.Duration(v.Inbox.OldestAgeSeconds) * time.Second)
		}
		rows = append(rows, []string{
			v.ID, v.Name, string(v.Status), string(v.Reason), w.ago(v.Since),
			string(v.Delivery.Effective), strconv.FormatInt(open, 10), oldest,
			strconv.FormatInt(v.Totals.Dead, 10), w.ago(v.LastHeard),
		})
	}
	w.table(fleetColumns, rows)
	for _, v := range fleet {
		for _, r := range v.Remarks {
			w.thenCommand("", v.ID+": "+w.words(r.Text), commandOfRemark(r))
		}
	}
}

// heardLine is when the agent was last heard, and what of it, where that is no heartbeat and no poll.
func heardLine(w *printer, v api.Workspace) string {
	last := v.LastHeard
	switch {
	case last.IsZero():
		return "never: its agent has not registered yet"
	case last.Equal(v.RegisteredAt) && !v.LastHeartbeat.Equal(last) && !v.Inbox.LastPollAt.Equal(last):
		return w.at(last) + ", when it registered; no heartbeat since"
	}
	return w.at(last)
}

// commandOfRemark is the command that mends what a remark says, and who runs it; "" for none, and where its text has
// it.
func commandOfRemark(r api.Remark) string {
	if r.Command == "" || r.CommandNeeds == "" && hasCommand(r.Text, r.Command) {
		return ""
	}
	return r.Command + workspace.WhoRuns(r.CommandNeeds)
}

// hasCommand reports whether a text has a command in it, and not only a longer one that begins so, or somebody's words.
func hasCommand(text, command string) bool {
	_, rest, found := visible.CutUnquoted(text, command)
	return found && (rest == "" || strings.ContainsRune(",;:.)", rune(rest[0])))
}

// workspaceTable prints one workspace, a line for each of its facts.
func workspaceTable(w *printer, v api.Workspace) {
	rows := [][]string{
		{"workspace", v.ID},
		{"name", v.Name},
		{"status", fmt.Sprintf("%s (%s) since %s", v.Status, v.Reason, w.at(v.Since))},
	}
	if v.Hop != workspace.HopNone {
		rows = append(rows, []string{"at fault", "the " + string(v.Hop)})
	}
	if v.Hint != "" {
		rows = append(rows, []string{"next", w.words(v.Hint)})
	}
	for _, r := range v.Remarks {
		rows = append(rows, []string{"also", w.words(r.Text), commandOfRemark(r)})
	}
	rows = append(rows,
		[]string{"mail goes by", fmt.Sprintf("%s: %s", v.Delivery.Effective, v.Delivery.Reason)},
		[]string{"mail", mailLine(v.Totals)},
		[]string{"tasks", fmt.Sprintf("%d of %d", v.ActiveTasks, v.MaxTasks)},
		[]string{"last heard", heardLine(w, v)})
	if v.URL != "" {
		rows = append(rows, []string{"url", v.URL})
	}
	for i, e := range v.Evidence {
		label := ""
		if i == 0 {
			label = "evidence"
		}
		rows = append(rows, []string{label, fmt.Sprintf("%s  %s", w.at(e.At), w.words(e.Fact))})
	}
	w.facts(rows)
}

// mailLine says how many messages a workspace has accepted and what became of
// them. Missing ones are named only when there are any.
func mailLine(t api.Totals) string {
	line := fmt.Sprintf("%d queued, %d in flight; of %d accepted: %d delivered, %d expired, %d cancelled, %d dead",
		t.Queued, t.InFlight, t.Accepted, t.Delivered, t.Expired, t.Cancelled, t.Dead)
	if t.Missing > 0 {
		line += fmt.Sprintf(", %d missing", t.Missing)
	}
	return line
}
