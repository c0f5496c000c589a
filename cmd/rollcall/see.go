package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/workspace"
)

// page is one of a list; it has one of the three.
type page struct {
	Workspaces []httpapi.Workspace `json:"workspaces"`
	History    []trailLine         `json:"history"`
	Messages   []httpapi.Receipt   `json:"messages"`
	Next       *string             `json:"next"`
}

const (
	maxPage = 500 // rows the platform gives at once
	noLimit = 1 << 30
)

// pages reads a list page by page up to limit, and tells whether there is more:
// it asks for one row too many, as a full page has a next even if it is the last.
func pages[T any](ctx context.Context, a *app, path string, q url.Values, limit int, rows func(page) []T) ([]T, bool, error) {
	if limit < 1 {
		return nil, false, &outcome{exitUsage, "--limit must be at least 1"}
	}
	for out := []T{}; ; {
		q.Set("limit", strconv.Itoa(min(maxPage, limit+1-len(out))))
		var p page
		if err := a.call(ctx, "GET", path+"?"+q.Encode(), nil, &p); err != nil {
			return nil, false, err
		}
		if out = append(out, rows(p)...); len(out) > limit {
			return out[:limit], true, nil
		}
		if p.Next == nil {
			return out, false, nil
		}
		q.Set("cursor", *p.Next)
	}
}

// moreLine ends a table that doesn't show all there is.
func moreLine(w io.Writer, more bool, limit int) {
	if more {
		fmt.Fprintf(w, "… more: --limit %d\n", 4*limit)
	}
}

// fleet reads all of it.
func (a *app) fleet(ctx context.Context, status string) ([]httpapi.Workspace, error) {
	q := url.Values{}
	if status != "" {
		q.Set("status", status)
	}
	out, _, err := pages(ctx, a, "/workspaces", q, noLimit, func(p page) []httpapi.Workspace { return p.Workspaces })
	slices.SortFunc(out, func(a, b httpapi.Workspace) int { return cmp.Compare(a.ID, b.ID) })
	return out, err
}

func (a *app) see() []*cobra.Command {
	var filter string
	var check bool
	status := &cobra.Command{
		Use: "status [ID]", Short: "The fleet, or one workspace: status, reason, and what mends it", GroupID: "see", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				ws, err := a.fleet(cmd.Context(), filter)
				if err != nil {
					return err
				}
				if err := a.show(ws, func(w io.Writer) {
					if filter != "" && len(ws) == 0 {
						fmt.Fprintf(w, "no workspace is %s\n", filter)
						return
					}
					fleetTable(w, ws)
				}); err != nil {
					return err
				}
				return verdict(check, ws...)
			}
			var ws httpapi.Workspace
			if err := a.call(cmd.Context(), "GET", "/workspaces/"+url.PathEscape(args[0]), nil, &ws); err != nil {
				return err
			}
			if err := a.show(ws, func(w io.Writer) { workspaceTable(w, ws) }); err != nil {
				return err
			}
			return verdict(check, ws)
		},
	}
	status.Flags().StringVar(&filter, "status", "", "only these: online, degraded, offline, unknown, provisioning, paused, removed")
	status.Flags().BoolVar(&check, "check", false, "exit with 4 unless all shown are online")

	var every time.Duration
	watch := &cobra.Command{
		Use: "watch", Short: "The fleet, and then each change of a status as it comes", GroupID: "see", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.watch(cmd.Context(), every) },
	}
	watch.Flags().DurationVar(&every, "every", 2*time.Second, "time between two looks")

	explain := &cobra.Command{
		Use: "explain ID", Short: "What is wrong, in words: the faulty hop, the next step, the exact command, the evidence", GroupID: "see", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var e workspace.Explanation
			if err := a.call(cmd.Context(), "GET", "/workspaces/"+url.PathEscape(args[0])+"/explain", nil, &e); err != nil {
				return err
			}
			return a.show(e, func(w io.Writer) { fmt.Fprint(w, e.Text()) })
		},
	}

	var limit int
	history := &cobra.Command{
		Use: "history ID", Short: "What its status was and who did what, newest first", GroupID: "see", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.trail(cmd.Context(), "/workspaces/"+url.PathEscape(args[0])+"/history", limit)
		},
	}
	audit := &cobra.Command{
		Use: "audit", Short: "Who did what that concerns no single workspace, newest first", GroupID: "see", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.trail(cmd.Context(), "/audit", limit) },
	}
	for _, c := range []*cobra.Command{history, audit} {
		c.Flags().IntVar(&limit, "limit", 50, "how many lines")
	}

	var since int64
	var follow bool
	events := &cobra.Command{
		Use: "events", Short: "The fleet's announced changes of status, in order", GroupID: "see", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("since") {
				since = -1
			}
			return a.events(cmd.Context(), since, follow)
		},
	}
	events.Flags().Int64Var(&since, "since", 0, "only those after this number (without it: the newest)")
	events.Flags().BoolVarP(&follow, "follow", "f", false, "go on with those to come")
	return []*cobra.Command{status, watch, explain, history, audit, events}
}

// verdict is the outcome of status --check.
func verdict(check bool, ws ...httpapi.Workspace) error {
	bad := 0
	for _, w := range ws {
		if w.Status != workspace.StatusOnline {
			bad++
		}
	}
	switch {
	case !check || bad == 0:
		return nil
	case len(ws) == 1:
		return &outcome{exitNotSo, fmt.Sprintf("%s is %s (%s)", ws[0].ID, ws[0].Status, ws[0].Reason)}
	}
	return &outcome{exitNotSo, fmt.Sprintf("%d of %d are not online", bad, len(ws))}
}

func table(w io.Writer, rows [][]string) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(tw, strings.Join(r, "\t"))
	}
	tw.Flush()
}

func fleetTable(w io.Writer, ws []httpapi.Workspace) {
	if len(ws) == 0 {
		fmt.Fprintln(w, "no workspaces")
		return
	}
	rows := [][]string{{"ID", "NAME", "STATUS", "REASON", "SINCE", "MODE", "WAITING", "OLDEST", "HEARD"}}
	for _, v := range ws {
		oldest := "-"
		if v.Inbox.Queued+v.Inbox.InFlight > 0 {
			oldest = span(time.Duration(v.Inbox.OldestAgeSeconds) * time.Second)
		}
		rows = append(rows, []string{v.ID, clip(v.Name, 24), string(v.Status), string(v.Reason), ago(v.Since), string(v.Delivery.Effective),
			strconv.FormatInt(v.Inbox.Queued+v.Inbox.InFlight, 10), oldest, ago(v.LastHeartbeat)})
	}
	table(w, rows)
}

func workspaceTable(w io.Writer, v httpapi.Workspace) {
	rows := [][]string{
		{"workspace", v.ID}, {"name", v.Name}, {"status", fmt.Sprintf("%s (%s) since %s", v.Status, v.Reason, at(v.Since))},
	}
	if v.Hint != "" {
		rows = append(rows, []string{"next", v.Hint})
	}
	mail := fmt.Sprintf("%d queued, %d in flight; of %d accepted: %d delivered, %d expired, %d cancelled, %d dead",
		v.Totals.Queued, v.Totals.InFlight, v.Totals.Accepted, v.Totals.Delivered, v.Totals.Expired, v.Totals.Cancelled, v.Totals.Dead)
	if v.Totals.Missing > 0 {
		mail += fmt.Sprintf(", %d missing", v.Totals.Missing)
	}
	rows = append(rows,
		[]string{"mail goes by", fmt.Sprintf("%s: %s", v.Delivery.Effective, v.Delivery.Reason)},
		[]string{"mail", mail},
		[]string{"tasks", fmt.Sprintf("%d of %d", v.ActiveTasks, v.MaxTasks)},
		[]string{"last heartbeat", at(v.LastHeartbeat)})
	if v.URL != "" {
		rows = append(rows, []string{"url", v.URL})
	}
	for i, e := range v.Evidence {
		label := ""
		if i == 0 {
			label = "evidence"
		}
		rows = append(rows, []string{label, fmt.Sprintf("%s  %s", at(e.At), e.Fact)})
	}
	table(w, rows)
}

// watch shows the fleet, and then what differs from one look to the next. The
// status is computed at each look, so a change shows at once.
func (a *app) watch(ctx context.Context, every time.Duration) error {
	was := map[string]httpapi.Workspace{}
	var failed error
	for first := true; ; first = false {
		ws, err := a.fleet(ctx, "")
		switch {
		case ctx.Err() != nil:
			return nil // that is how it ends
		case err != nil && (first || !passing(err)):
			return err
		case err != nil && failed == nil:
			a.again(err)
		}
		failed = err
		if first && a.output == "table" {
			fleetTable(a.out, ws)
		}
		is := map[string]httpapi.Workspace{}
		for _, v := range ws {
			is[v.ID] = v
			before, known := was[v.ID]
			if first && a.output == "table" || known && before.Status == v.Status && before.Reason == v.Reason {
				continue
			}
			if a.output == "json" {
				if err := a.show(v, nil); err != nil {
					return err
				}
				continue
			}
			from := "new"
			if known {
				from = string(before.Status)
			}
			fmt.Fprintf(a.out, "%s  %s  %s → %s (%s)  %s\n", at(time.Now()), v.ID, from, v.Status, v.Reason, v.Hint)
		}
		for id := range was {
			if _, there := is[id]; !there && err == nil && a.output == "table" {
				fmt.Fprintf(a.out, "%s  %s  removed\n", at(time.Now()), id)
			}
		}
		if err == nil {
			was = is
		}
		if !pause(ctx, every) {
			return nil
		}
	}
}

type trailLine struct {
	At      time.Time        `json:"at"`
	Type    string           `json:"type"`
	Action  string           `json:"action"`
	Who     string           `json:"who"`
	From    string           `json:"from,omitempty"`
	Summary string           `json:"summary"`
	Change  *statuslog.Change `json:"change,omitempty"`
}

func (a *app) trail(ctx context.Context, path string, limit int) error {
	lines, more, err := pages(ctx, a, path, url.Values{}, limit, func(p page) []trailLine { return p.History })
	if err != nil {
		return err
	}
	return a.show(lines, func(w io.Writer) {
		if len(lines) == 0 {
			fmt.Fprintln(w, "nothing yet")
			return
		}
		rows := [][]string{{"AT", "WHAT", "WHO", "FROM", ""}}
		for _, l := range lines {
			rows = append(rows, []string{at(l.At), l.Action, l.Who, orDash(l.From), l.Summary})
		}
		table(w, rows)
		moreLine(w, more, limit)
	})
}

// events prints the fleet's log; since -1 is the newest of it.
func (a *app) events(ctx context.Context, since int64, follow bool) error {
	var failed error
	for first := true; ; first = false {
		path := "/events?limit=" + strconv.Itoa(maxPage)
		if since >= 0 {
			path += "&since=" + strconv.FormatInt(since, 10)
		}
		var page struct {
			Events []statuslog.Change `json:"events"`
			Next   int64             `json:"next"`
		}
		err := a.call(ctx, "GET", path, nil, &page)
		switch {
		case follow && ctx.Err() != nil:
			return nil // that is how it ends
		case err != nil && (!follow || first || !passing(err)):
			return err
		case err != nil && failed == nil:
			a.again(err)
		}
		if failed = err; err == nil {
			since = page.Next
		}
		for _, c := range page.Events {
			from := "nothing"
			if c.From != nil {
				from = string(c.From.Status)
			}
			if err := a.show(c, func(w io.Writer) {
				fmt.Fprintf(w, "%6d  %s  %s  %s → %s (%s)\n", c.Seq, at(c.At), c.Workspace, from, c.To.Status, c.To.Reason)
			}); err != nil {
				return err
			}
		}
		if len(page.Events) == maxPage {
			continue
		}
		if !follow || !pause(ctx, 2*time.Second) {
			return nil
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

func at(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Local().Format("2006-01-02 15:04:05")
}

func ago(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return span(time.Since(t)) + " ago"
}

// span is a duration as people say it.
func span(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
