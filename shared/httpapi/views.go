package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/visible"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Viewer makes the views that show a verdict.
type Viewer struct {
	fleet  workspace.Fleet
	policy workspace.Policy
	now    time.Time
	reader people.Scope // of the person who reads; "": none does
	// onlyViews says that whoever reads is neither the workspace itself nor may operate.
	onlyViews bool
}

// As makes the views for who calls: a person is told what a command needs where the person may not run it.
func (vw Viewer) As(c Caller) Viewer {
	vw.reader, vw.onlyViews = c.Scope, c.Workspace == "" && !c.Operates()
	return vw
}

// readingCommands are the commands that change nothing and that a viewer may run.
var readingCommands = []string{"doctor", "explain", "history", "problems", "status"}

// needs is the scope that a command of the command-line program needs, "" where the reader may run it, or is no person.
func (vw Viewer) needs(command string) string {
	needed := CommandNeeds(command)
	if vw.reader == "" || vw.reader.Includes(needed) {
		return ""
	}
	return string(needed)
}

// CommandNeeds is the scope that a person needs to run a command of the command-line program, or several words of it.
func CommandNeeds(command string) people.Scope {
	words := strings.Fields(command)
	if len(words) < 2 || slices.Contains(readingCommands, words[1]) {
		return people.View
	}
	return people.Operate
}

// ViewerOf knows what the fleet says about these workspaces.
func ViewerOf(ctx context.Context, reg *registry.Registry, now time.Time, facts ...workspace.Facts) Viewer {
	return Viewer{fleet: reg.FleetContext(ctx, now, facts...), policy: reg.Policy, now: now}
}

// Receipt makes the view of a message, as ReceiptOf does, and says what it waits for; f are the facts of its workspace.
func (vw Viewer) Receipt(c Call, m chat.Message, f workspace.Facts) api.Receipt {
	r := ReceiptOf(c, m)
	if r.State == chat.Queued {
		v, mode := vw.fleet.Assess(f, vw.policy, vw.now), workspace.EffectiveMode(f, vw.policy, vw.now).Effective
		r.WaitsFor = workspace.WaitsFor(f, v, mode, m.Tries(), m.ExpiresAt, vw.policy, vw.now)
	}
	return r
}

// Status is the status of the view.
func (vw Viewer) Status(f workspace.Facts) workspace.Status {
	status, _ := vw.fleet.Stands(f, vw.policy, vw.now)
	return status
}

// Workspace makes the view; p may be the zero Profile where none was read. A list's
// profiles have no cards.
func (vw Viewer) Workspace(f workspace.Facts, p workspace.Profile) api.Workspace {
	f = quoted(f, p)
	v := vw.fleet.Assess(f, vw.policy, vw.now).At(vw.url(p.URL))
	shown := vw.verdict(f.ID, v)
	problem, changes := workspace.ProblemOf(v, f.Open, vw.now)
	shown.RecheckAt = vw.fleet.RecheckAt(f, v, vw.policy, vw.now)
	if shown.RecheckAt.IsZero() || !changes.IsZero() && changes.Before(shown.RecheckAt) {
		shown.RecheckAt = changes
	}
	by := workspace.EffectiveMode(f, vw.policy, vw.now)
	expected, _ := workspace.Expect(f, v, by.Effective, vw.policy, vw.now)
	return api.Workspace{
		ID: f.ID, Name: NameOf(f.ID, p), Verdict: shown, Problem: problem, Delivery: delivery(by),
		Expected: expected, Inbox: InboxOf(f, vw.now), ActiveTasks: f.ActiveTasks, MaxTasks: f.Slots(),
		LastHeard: f.LastSignal(), LastHeartbeat: f.HeartbeatAt, RegisteredAt: f.RegisteredAt, LeaseUntil: f.LeaseUntil,
		CreatedAt: f.CreatedAt, Totals: totals(f), URL: vw.url(p.URL), Runtime: p.Runtime, Role: p.Role,
		Tier: p.Tier, Team: f.Team, AgentCard: valid(p.Card),
	}
}

// quoted are the facts with the agent's words in full, where the profile has those of which the facts have the
// beginning.
func quoted(f workspace.Facts, p workspace.Profile) workspace.Facts {
	f.PushError = inFull(f.PushError, p.Words.PushError)
	f.AnswerError = inFull(f.AnswerError, p.Words.AnswerError)
	f.LostWhy = inFull(f.LostWhy, p.Words.LostWhy)
	f.SampleError = inFull(f.SampleError, p.Words.SampleError)
	f.RegisterFailedWhy = inFull(f.RegisterFailedWhy, p.Words.RegisterFailedWhy)
	return f
}

func inFull(kept, whole string) string {
	if kept == chat.Clip(whole, workspace.MaxWords) {
		return whole
	}
	return kept
}

// Peer makes the view.
func (vw Viewer) Peer(f workspace.Facts, p workspace.Profile) api.Peer {
	status, reason := vw.fleet.Stands(f, vw.policy, vw.now)
	at := known(p.URL, nil)
	return api.Peer{
		ID: f.ID, Name: at.mask(NameOf(f.ID, p)), Role: at.mask(p.Role), Tier: p.Tier, Status: status, Reason: reason,
		ActiveTasks: f.ActiveTasks, AgentCard: cardForPeers(p.Card, p.URL),
	}
}

// url is an agent's URL: without its query, which may hold a secret, for who only views.
func (vw Viewer) url(text string) string {
	if vw.onlyViews {
		text, _, _ = strings.Cut(text, "?")
	}
	return text
}

// Explanation makes the view, as text when it is asked for as text; p may be the zero Profile where none was read.
func (vw Viewer) Explanation(f workspace.Facts, p workspace.Profile, asText bool) api.Explanation {
	f = quoted(f, p)
	e := vw.fleet.Explain(f, vw.policy, vw.now).At(vw.url(p.URL))
	e.CommandNeeds = vw.needs(e.Command)
	for i, r := range e.Remarks {
		e.Remarks[i].CommandNeeds = vw.needs(r.Command)
	}
	if asText {
		visible.Fields(&e)
		return api.Explanation{Text: e.Text()}
	}
	return api.Explanation{
		WorkspaceID: e.WorkspaceID, Summary: e.Summary, Status: e.Status, Reason: e.Reason, Since: e.Since, Hop: e.Hop,
		Next: e.Next, Command: e.Command, CommandNeeds: e.CommandNeeds,
		Delivery: delivery(e.Delivery), Evidence: EvidenceOf(e.Evidence),
		Remarks: vw.remarks(e.Remarks),
	}
}

// NameOf is what to call a workspace: its id until it has a name.
func NameOf(id string, p workspace.Profile) string { return cmp.Or(p.ShownName(), id) }

// InboxOf makes the view of a mailbox.
func InboxOf(f workspace.Facts, now time.Time) api.Inbox {
	in := api.Inbox{Queued: f.Open - f.InFlight, InFlight: f.InFlight, LastPollAt: f.PolledAt}
	if f.Open > 0 {
		in.OldestAgeSeconds = max(0, int(now.Sub(f.OldestOpen).Seconds()))
	}
	return in
}

// EvidenceOf makes the view; it is a list, never null.
func EvidenceOf(evidence []workspace.Evidence) []api.Evidence {
	out := make([]api.Evidence, 0, len(evidence))
	for _, e := range evidence {
		out = append(out, api.Evidence{At: e.At, Fact: e.Fact})
	}
	return out
}

func (vw Viewer) verdict(id string, v workspace.Verdict) api.Verdict {
	command := v.Command(id)
	return api.Verdict{
		Status: v.Status, Reason: v.Reason, Since: v.Since, Hint: v.Hint, Action: v.Action,
		Command: command, CommandNeeds: vw.needs(command),
		Hop: v.FaultyHop(), Evidence: EvidenceOf(v.Evidence), Remarks: vw.remarks(v.Remarks),
	}
}

func (vw Viewer) remarks(rs []workspace.Remark) []api.Remark {
	var out []api.Remark
	for _, r := range rs {
		out = append(out, api.Remark{
			Code: r.Code, Text: r.Text, Command: r.Command, CommandNeeds: vw.needs(r.Command),
		})
	}
	return out
}

func delivery(d workspace.Delivery) api.Delivery {
	return api.Delivery{Declared: d.Declared, Effective: d.Effective, Reason: d.Reason}
}

func totals(f workspace.Facts) api.Totals {
	return api.Totals{
		Accepted: f.Accepted - f.Unused, Queued: f.Open - f.InFlight, InFlight: f.InFlight, Delivered: f.Delivered,
		Expired: f.Expired, Cancelled: f.Cancelled, Dead: f.Dead, Missing: f.Missing,
	}
}

// valid is a JSON text, or nil when it is none: what an agent wrote must not
// break the reply around it.
func valid(text []byte) json.RawMessage {
	if !json.Valid(text) {
		return nil
	}
	return text
}

// ReceiptOf makes the view of the message, for the caller and as it stands when it calls: one whose time is up has
// expired, though no sweep has ended it yet. Which workspace sent it is told to people, to the workspace that gets it
// and to that one; which person did, to people alone. What stood between the agent and the platform is told to who may
// operate, and to the agent; the sender is told that the agent could not be reached.
func ReceiptOf(c Call, m chat.Message) api.Receipt {
	m = m.At(c.Now)
	r := api.Receipt{
		MessageID: m.ID, QueueID: m.ID, WorkspaceID: m.Workspace, Seq: m.Seq,
		State: m.State, Status: m.State, Reason: m.Reason, Priority: m.Priority, Probe: m.Probe,
		Tries:      m.Tries(),
		Attempts:   make([]api.Attempt, 0, len(m.Attempts)),
		AcceptedAt: m.AcceptedAt, ExpiresAt: m.ExpiresAt, NotBefore: m.NotBefore, SettledAt: m.SettledAt,
		TaskState: m.TaskState(), AnswerText: m.AnswerText(), Answer: valid(m.Answer), WaitsFor: m.Awaits(c.Now),
	}
	attempts, told, formerly := m.ForSender(), m.Told.ForSender(), m.Former.Reason
	if c.Caller.Operates() || c.Caller.Workspace == m.Workspace {
		attempts, r.Reason, formerly = m.Attempts, m.FullReason(), m.Former.FullReason()
	}
	if f := m.Former; f.State != "" {
		r.Former = &api.Former{
			State: f.State, Reason: formerly, SettledAt: f.SettledAt, Tries: f.Tries, RedrivenAt: m.RedrivenAt,
			Redrives: m.Redrives,
		}
	}
	if c.Caller.Operates() {
		told = m.Told.Error
	}
	for _, a := range attempts {
		r.Attempts = append(r.Attempts, api.Attempt{
			At: a.At, Via: a.Via, Outcome: a.Outcome, Text: a.Words(), Error: a.Error,
		})
		r.LastError = a.Error
	}
	sender := workspace.Life{Workspace: m.Source, Number: m.SourceLife}
	if who := c.Caller; who.Person != "" || who.Workspace == m.Workspace || who.Life() == sender {
		r.SourceID = m.Source
	}
	if c.Caller.Person != "" {
		r.SentBy, r.SentFrom = m.SentBy, m.SentFrom
	}
	if t := m.Told; m.Callback != "" && !m.State.Open() {
		r.Callback = &api.Callback{State: t.State(), Tries: t.Tries, LastAt: t.At, Error: told}
	}
	return r
}

// ReceiptsOf makes the views of messages; it is a list, never null.
func ReceiptsOf(c Call, ms []chat.Message) []api.Receipt {
	out := make([]api.Receipt, 0, len(ms))
	for _, m := range ms {
		out = append(out, ReceiptOf(c, m))
	}
	return out
}

// Receipts makes the views of messages of one workspace, as Receipt does; it is a list, never null.
func (vw Viewer) Receipts(c Call, ms []chat.Message, f workspace.Facts) []api.Receipt {
	out := make([]api.Receipt, 0, len(ms))
	for _, m := range ms {
		out = append(out, vw.Receipt(c, m, f))
	}
	return out
}

// ReceiptPath is where a message's receipt is to be had.
func ReceiptPath(workspaceID, messageID string) string {
	return "/workspaces/" + workspaceID + "/messages/" + messageID
}
