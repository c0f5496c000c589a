package httpapi

import (
	"context"
	"encoding/json"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Inbox is the mailbox as agents and senders see it.
type Inbox struct {
	Queued           int64     `json:"queued"`
	InFlight         int64     `json:"in_flight"`
	OldestAgeSeconds int       `json:"oldest_age_seconds"`
	LastPollAt       time.Time `json:"last_poll_at,omitzero"`
}

// InboxOf reads it off the facts.
func InboxOf(f workspace.Facts, now time.Time) Inbox {
	in := Inbox{Queued: f.Open - f.InFlight, InFlight: f.InFlight, LastPollAt: f.PolledAt}
	if f.Open > 0 {
		in.OldestAgeSeconds = max(0, int(now.Sub(f.OldestOpen).Seconds()))
	}
	return in
}

// Workspace is one workspace's view: the verdict first.
type Workspace struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	workspace.Verdict
	Delivery      workspace.Delivery `json:"delivery"`
	Inbox         Inbox              `json:"inbox"`
	ActiveTasks   int                `json:"active_tasks"`
	MaxTasks      int                `json:"max_concurrent_tasks"`
	LastHeartbeat time.Time          `json:"last_heartbeat_at,omitzero"`
	RegisteredAt  time.Time          `json:"last_registered_at,omitzero"`
	LeaseUntil    time.Time          `json:"lease_until,omitzero"`
	CreatedAt     time.Time          `json:"created_at"`
	Totals        Totals             `json:"messages"`
	URL           string             `json:"url,omitempty"`
	Runtime       string             `json:"runtime,omitempty"`
	Role          string             `json:"role,omitempty"`
	Tier          int                `json:"tier"`
	AgentCard     json.RawMessage    `json:"agent_card,omitempty"`
}

// NameOf is what to call a workspace: its id until it has a name.
func NameOf(id string, p workspace.Profile) string {
	if p.Name == "" {
		return id
	}
	return p.Name
}

// Peer is a workspace as another sees it (wire contract, section 2.6). It has no
// address: peers talk through Rollcall, which keeps the receipts.
type Peer struct {
	ID          string           `json:"id"`
	Name        string           `json:"name"`
	Role        string           `json:"role"`
	Tier        int              `json:"tier"`
	Status      workspace.Status `json:"status"`
	Reason      workspace.Reason `json:"reason"`
	URL         string           `json:"url"`
	ParentID    *string          `json:"parent_id"`
	ActiveTasks int              `json:"active_tasks"`
	AgentCard   json.RawMessage  `json:"agent_card"`
}

// Viewer makes the views that a verdict stands in.
type Viewer struct {
	fleet  workspace.Fleet
	policy workspace.Policy
	now    time.Time
}

// ViewerOf knows what the fleet says about these workspaces.
func ViewerOf(ctx context.Context, reg *registry.Registry, now time.Time, facts ...workspace.Facts) Viewer {
	return Viewer{reg.FleetContext(ctx, now, facts...), reg.Policy, now}
}

// Peer makes the view.
func (vw Viewer) Peer(f workspace.Facts, p workspace.Profile) Peer {
	v := vw.fleet.Assess(f, vw.policy, vw.now)
	peer := Peer{ID: f.ID, Name: NameOf(f.ID, p), Role: p.Role, Tier: p.Tier, Status: v.Status, Reason: v.Reason, ActiveTasks: f.ActiveTasks}
	if json.Valid(p.Card) {
		peer.AgentCard = p.Card
	}
	return peer
}

// QueueStatus is a receipt in the older clients' words (wire contract,
// section 5).
type QueueStatus struct {
	QueueID      string          `json:"queue_id"`
	WorkspaceID  string          `json:"workspace_id"`
	Status       string          `json:"status"`
	State        chat.State      `json:"state"`
	Priority     chat.Priority   `json:"priority"`
	Attempts     int             `json:"attempts"`
	LastError    *string         `json:"last_error"`
	EnqueuedAt   time.Time       `json:"enqueued_at"`
	DispatchedAt *time.Time      `json:"dispatched_at"`
	CompletedAt  *time.Time      `json:"completed_at"`
	ExpiresAt    time.Time       `json:"expires_at"`
	ResponseBody json.RawMessage `json:"response_body,omitempty"`
}

// QueueStatusOf makes the view.
func QueueStatusOf(m chat.Message, now time.Time) QueueStatus {
	r := ReceiptOf(m, now)
	q := QueueStatus{
		QueueID: m.ID, WorkspaceID: m.Workspace, State: r.State, Priority: m.Priority, Attempts: len(r.Attempts), EnqueuedAt: m.AcceptedAt, ExpiresAt: m.ExpiresAt,
		ResponseBody: r.Answer, Status: map[chat.State]string{
			chat.Queued: "queued", chat.InFlight: "dispatched", chat.Delivered: "completed", chat.Dead: "failed", chat.Expired: "dropped", chat.Cancelled: "dropped",
		}[r.State],
	}
	if r.LastError != "" {
		q.LastError = &r.LastError
	}
	if n := len(r.Attempts); n > 0 {
		q.DispatchedAt = &r.Attempts[n-1].At
	}
	if !m.SettledAt.IsZero() {
		q.CompletedAt = &m.SettledAt
	}
	return q
}

// Totals is the conservation law in numbers.
type Totals struct {
	Accepted  int64 `json:"accepted"`
	Queued    int64 `json:"queued"`
	InFlight  int64 `json:"in_flight"`
	Delivered int64 `json:"delivered"`
	Expired   int64 `json:"expired"`
	Cancelled int64 `json:"cancelled"`
	Dead      int64 `json:"dead"`
	Missing   int64 `json:"missing,omitempty"` // accepted, and found neither open nor ended: see the audit trail
}

// Explanation makes the view.
func (vw Viewer) Explanation(f workspace.Facts) workspace.Explanation {
	return vw.fleet.Explain(f, vw.policy, vw.now)
}

// Workspace makes the view; p may be the zero Profile where none was read.
func (vw Viewer) Workspace(f workspace.Facts, p workspace.Profile) Workspace {
	w := Workspace{
		ID: f.ID, Name: NameOf(f.ID, p), Verdict: vw.fleet.Assess(f, vw.policy, vw.now), Delivery: workspace.EffectiveMode(f, vw.policy, vw.now),
		Inbox: InboxOf(f, vw.now), ActiveTasks: f.ActiveTasks, MaxTasks: f.Slots(), LastHeartbeat: f.HeartbeatAt, RegisteredAt: f.RegisteredAt,
		LeaseUntil: f.LeaseUntil, CreatedAt: f.CreatedAt, URL: p.URL, Runtime: p.Runtime, Role: p.Role, Tier: p.Tier,
		Totals: Totals{
			Accepted: f.Accepted, Queued: f.Open - f.InFlight, InFlight: f.InFlight, Delivered: f.Delivered, Expired: f.Expired, Cancelled: f.Cancelled, Dead: f.Dead,
			Missing: f.Missing,
		},
	}
	if json.Valid(p.Card) {
		w.AgentCard = p.Card
	}
	return w
}

// Receipt is a message's life as its sender follows it.
type Receipt struct {
	MessageID   string          `json:"message_id"`
	QueueID     string          `json:"queue_id"`
	WorkspaceID string          `json:"workspace_id"`
	Seq         int64           `json:"seq"`
	State       chat.State      `json:"state"`
	Status      chat.State      `json:"status"` // the older clients' name for it
	Reason      string          `json:"reason"`
	Priority    chat.Priority   `json:"priority"`
	Probe       bool            `json:"probe,omitempty"`
	Attempts    []chat.Attempt  `json:"attempts"`
	LastError   string          `json:"last_error,omitempty"`
	AcceptedAt  time.Time       `json:"accepted_at"`
	ExpiresAt   time.Time       `json:"expires_at"`
	NotBefore   time.Time       `json:"next_attempt_at,omitzero"`
	SettledAt   time.Time       `json:"settled_at,omitzero"`
	Answer      json.RawMessage `json:"answer,omitempty"`
}

// ReceiptOf makes the view. A claim whose visibility timeout has ended holds
// nothing: such a message is queued, whatever its item still says.
func ReceiptOf(m chat.Message, now time.Time) Receipt {
	r := Receipt{
		MessageID: m.ID, QueueID: m.ID, WorkspaceID: m.Workspace, Seq: m.Seq, State: m.State, Reason: m.Reason, Priority: m.Priority, Probe: m.Probe,
		Attempts: m.Attempts, AcceptedAt: m.AcceptedAt, ExpiresAt: m.ExpiresAt, NotBefore: m.NotBefore, SettledAt: m.SettledAt,
	}
	if m.State == chat.InFlight && m.ClaimEnded(now) {
		r.State, r.Reason = chat.Queued, "its last delivery was not acknowledged in time; it will be tried again"
	}
	r.Status = r.State
	if r.Attempts == nil {
		r.Attempts = []chat.Attempt{}
	}
	if n := len(r.Attempts); n > 0 {
		r.LastError = r.Attempts[n-1].Error
	}
	if json.Valid(m.Answer) {
		r.Answer = m.Answer
	}
	return r
}
