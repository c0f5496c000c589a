package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/workspace"
)

// problem is one thing that is wrong, and what comes next.
type problem struct {
	Workspaces []string         `json:"workspaces,omitempty"` // none: the platform itself, or a webhook
	Webhook    string           `json:"webhook,omitempty"`
	Status     workspace.Status `json:"status,omitempty"`
	Reason     workspace.Reason `json:"reason,omitempty"`
	Since      time.Time        `json:"since,omitzero"`
	Text       string           `json:"text"`
	Command    string           `json:"command,omitempty"`
	// CommandNeeds is the scope that the command needs, where that of the credential in use is smaller.
	CommandNeeds string `json:"command_needs,omitempty"`

	ofWebhooks bool              // it is of one webhook, or of all
	shared     workspace.Problem // by all its workspaces, and told once; "": it is of one of them by itself
	// together is how many of the workspaces a repair of all those with a refused credential would repair, and
	// togetherNeeds the scope that this needs.
	together      int
	togetherNeeds string
}

func (a *app) problemsCommand() *cobra.Command {
	var only filter
	var each bool
	cmd := &cobra.Command{
		Use:   "problems",
		Short: "What is wrong, worst first, and a command for each",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found, fleet, err := a.problems(cmd.Context(), only, each)
			if err != nil {
				return err
			}
			err = a.show(found, func(w *printer) {
				problemsReport(w, found, only)
				tellSameURLs(w, fleet)
			})
			if err != nil || len(found) == 0 {
				return err
			}
			return &outcome{exitUnhealthy, summaryOf(len(found), fleet)}
		},
	}
	only.flags(a, cmd)
	cmd.Flags().BoolVar(&each, "each", false, "tell each workspace by itself, with its cause and its command, and no "+
		"two in one line")
	return cmd
}

// problems is everything that is wrong with the platform and with the workspaces that only picks, worst first; fleet is
// these workspaces. each: no line is of several workspaces.
func (a *app) problems(ctx context.Context, only filter, each bool) (out []problem, fleet []api.Workspace, _ error) {
	fleet, err := a.picked(ctx, only) // first, as it finds a wrong filter without a call
	if err != nil {
		return nil, nil, err
	}
	var health api.Health
	if err := a.call(ctx, "GET", "/healthz", nil, &health); err != nil {
		return nil, nil, err
	}
	out = []problem{}
	if health.Status != "ok" {
		text := "the platform is " + health.Status + ": " + health.Sweeper
		out = append(out, problem{Text: text, Command: "rollcall sweep"})
	}
	hooks, err := a.webhookProblems(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range problemsOf(fleet, only, each) {
		if p.shared == workspace.ProblemPlatform && health.Status == "ok" {
			p.Text += "; " + health.Sweeper
		}
		out = append(out, p)
	}
	return inPlace(append(out, hooks...)), fleet, nil
}

// inPlace puts problems in the order in which the console shows them: first what may be wrong with the platform, then
// who is not told, then the workspaces, as they are; at the end the silence that is nothing new.
func inPlace(found []problem) []problem {
	place := func(p problem) int {
		switch {
		case p.Reason == workspace.ReasonPlatformSuspect, len(p.Workspaces) == 0 && !p.ofWebhooks:
			return 0
		case p.ofWebhooks:
			return 1
		case p.shared == workspace.ProblemSilent:
			return 3
		}
		return 2
	}
	slices.SortStableFunc(found, func(a, b problem) int { return cmp.Compare(place(a), place(b)) })
	return found
}

// webhookProblems are the webhooks that fail or are disabled, for who may see webhooks; to others it says nothing.
func (a *app) webhookProblems(ctx context.Context) (out []problem, _ error) {
	var all api.Webhooks
	if err := a.call(ctx, "GET", "/webhooks", nil, &all); err != nil {
		refused, ok := errors.AsType[*refusal](err)
		if ok && (refused.status == http.StatusUnauthorized || refused.status == http.StatusForbidden) {
			return nil, nil
		}
		if !ok || ctx.Err() != nil {
			return nil, err
		}
		// What is wrong with the workspaces must be told all the same.
		return []problem{{
			Text: "the webhooks can't be read: " + refused.Error(), Command: "rollcall webhook list", ofWebhooks: true,
		}}, nil
	}
	for _, h := range all.Webhooks {
		if h.Problem == "" {
			continue
		}
		at := h.WebhookID
		if to := toldOf(h, all.Webhooks); to != "" {
			at += " to " + to
		}
		out = append(out, problem{
			Webhook: h.WebhookID, Since: cmp.Or(h.DisabledAt, h.FailingSince), Text: "the webhook " + at + ": " + h.Problem,
			Command: h.Command, ofWebhooks: true,
		})
	}
	return out, nil
}

// toldOf is the host that a webhook posts to. The rest of its URL may be a secret of its receiver: the end of the path
// is said only where another webhook posts to that host too.
func toldOf(h api.Webhook, all []api.Webhook) string {
	const end = 6
	u, err := url.Parse(h.URL)
	if err != nil {
		return ""
	}
	others := slices.ContainsFunc(all, func(other api.Webhook) bool {
		at, err := url.Parse(other.URL)
		return other.WebhookID != h.WebhookID && err == nil && at.Host == u.Host
	})
	path := []rune(u.EscapedPath())
	switch {
	case !others || len(path) < 2:
		return u.Host
	case len(path) > end+1:
		path = append([]rune("/…"), path[len(path)-end:]...)
	}
	return u.Host + string(path)
}

// summaryOf says how many of a fleet need a hand. Where there are more problems, or fewer, it says so: a workspace may
// have several, and some are of several workspaces, or of none.
func summaryOf(problems int, fleet []api.Workspace) string {
	n, need := needOf(fleet)
	switch {
	case n == 0:
		return count(problems, "problem")
	case n != problems:
		return fmt.Sprintf("%s; %s in all, as one workspace may have several, and not each is of one workspace", need,
			count(problems, "problem"))
	}
	return need
}

// needOf says how many of a fleet need a hand, as the console's headline does; "": none.
func needOf(fleet []api.Workspace) (n int, need string) {
	verb := "needs"
	for _, ws := range fleet {
		if ws.Problem.NeedsHand(len(ws.Remarks)) {
			n++
		}
	}
	switch n {
	case 0:
		return 0, ""
	case 1:
	default:
		verb = "need"
	}
	return n, fmt.Sprintf("%d of %d workspaces %s a hand", n, len(fleet), verb)
}

// problemsOf is what is wrong in a fleet that only picked, worst first. What is a problem, workspace.ProblemOf decides.
// each: each workspace is told by itself. Else what a whole fleet may have at once, or whoever knows ids may bring
// about, is one line, with the command that tells each by itself.
func problemsOf(fleet []api.Workspace, only filter, each bool) (out []problem) {
	sharing := map[workspace.Problem][]api.Workspace{}
	for _, ws := range worstFirst(fleet) {
		switch kind := ws.Problem; kind {
		case "":
		case workspace.ProblemPlatform, workspace.ProblemSilent, workspace.ProblemRefused:
			if each {
				out = append(out, ownProblem(ws))
				break
			}
			if sharing[kind] = append(sharing[kind], ws); len(sharing[kind]) == 1 {
				out = append(out, problem{shared: kind}) // at the place of the worst of them
			}
		default: // also one that only a newer platform knows
			out = append(out, ownProblem(ws))
		}
		for _, r := range ws.Remarks {
			out = append(out, problem{
				Workspaces: []string{ws.ID}, Text: r.Text, Command: r.Command, CommandNeeds: r.CommandNeeds,
			})
		}
	}
	for i, p := range out {
		if p.shared != "" {
			out[i] = sharedProblem(p.shared, sharing[p.shared], only)
		}
	}
	return inPlace(out)
}

// sharedProblem is the one line for all workspaces that share a problem. Of a single one it is what its verdict says,
// but where the platform may be what is wrong.
func sharedProblem(kind workspace.Problem, of []api.Workspace, only filter) problem {
	if len(of) == 1 && kind != workspace.ProblemPlatform {
		p := ownProblem(of[0])
		p.shared = kind
		return p
	}
	p := problem{Status: of[0].Status, Reason: of[0].Reason, shared: kind}
	for _, ws := range of {
		p = p.with(ws)
	}
	many := fmt.Sprintf("%s (%s)", count(len(of), "workspace"), some(p.Workspaces))
	switch kind {
	case workspace.ProblemPlatform: // its command is that of each
		p.Text = fmt.Sprintf("the platform may be what is wrong with %s: %s", many, p.Text)
		return p
	case workspace.ProblemSilent:
		p.Reason, only.status = workspace.ReasonLeaseExpired, string(workspace.StatusOffline)
		p.Text = many + " silent for more than three days"
	default:
		only.status, only.reason = "", string(workspace.ReasonNeverRegistered)
		p.Text = "calls are refused in the name of " + many + ", of which none was accepted yet"
	}
	p.Text += "; this says of each why, and what to do:"
	p.Command, p.CommandNeeds = "rollcall problems --each "+only.words(), ""
	return p
}

// ownProblem is the problem that is told of a workspace by itself.
func ownProblem(ws api.Workspace) problem {
	waiting := ""
	if n := ws.Inbox.Queued + ws.Inbox.InFlight; n > 0 {
		waiting = count(int(n), "message")
	}
	text := ws.Hint
	switch {
	case waiting == "":
	case ws.Status == workspace.StatusPaused:
		text = "waiting until it is resumed: " + waiting
	case ws.Status == workspace.StatusProvisioning:
		text = "waiting for an agent of which no call was accepted yet: " + waiting + "; " + ws.Hint
	default:
		text += "; waiting: " + waiting
	}
	return problem{Status: ws.Status, Reason: ws.Reason, Text: text}.with(ws)
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
	if repairedTogether(ws) {
		p.together++
		p.togetherNeeds = cmp.Or(p.togetherNeeds, ws.CommandNeeds)
	}
	return p
}

// worstFirst orders a fleet by what an operator looks at first, then by id, as the console does.
func worstFirst(fleet []api.Workspace) []api.Workspace {
	severity := func(ws api.Workspace) int {
		var remarks []string
		for _, r := range ws.Remarks {
			remarks = append(remarks, r.Code)
		}
		return workspace.Severity(ws.Status, ws.Reason, remarks...)
	}
	place := func(ws api.Workspace) int { return ws.Problem.Place(ws.Reason, ws.Hop, ws.Action) }
	return slices.SortedStableFunc(slices.Values(fleet), func(a, b api.Workspace) int {
		return cmp.Or(cmp.Compare(severity(a), severity(b)), cmp.Compare(place(a), place(b)), cmp.Compare(a.ID, b.ID))
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

// repairTogether names the command for many refused credentials: nobody runs a command for each at night. It counts
// those that this command would repair, and no other.
func repairTogether(w *printer, found []problem, only filter) {
	n, needs := 0, ""
	for _, p := range found {
		if p.together > 0 {
			n, needs = n+p.together, cmp.Or(needs, p.togetherNeeds)
		}
	}
	if n < 2 {
		return
	}
	only.reason = string(workspace.ReasonCredentialsRejected)
	w.lines(fmt.Sprintf("%d of these are refused credentials that a repair mends; what a repair of all would do:", n))
	w.command("    ", "rollcall repair --dry-run "+only.words()+workspace.WhoRuns(needs))
}
