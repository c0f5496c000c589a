package api

import (
	"encoding/json"
	"time"

	"github.com/rollcall/rollcall/shared/workspace"
)

// Evidence is a dated fact that a verdict rests on.
type Evidence struct {
	_    struct{}  `description:"A dated fact that a verdict rests on."`
	At   time.Time `json:"at"`
	Fact string    `json:"fact"`
}

// Remark is something to know and to do beside a verdict.
type Remark struct {
	_            struct{} `description:"Something to know and to do beside the verdict."`
	Code         string   `json:"code" enum:"mail_lost,inbox_full,register_refused,call_refused,calls_too_seldom" description:"mail_lost: messages died or expired in the last day; inbox_full: messages were refused because the inbox was full; register_refused: the agent's last register was refused, and the status does not show it; call_refused: the same of another call; calls_too_seldom: its calls are further apart than its lease"`
	Text         string   `json:"text" description:"how many, the last one when, and why"`
	Command      string   `json:"command,omitempty" description:"the exact command, where one mends it"`
	CommandNeeds string   `json:"command_needs,omitempty" enum:"operate" description:"the scope that the command needs, where the person who asks has a smaller one"`
}

// Verdict says whether a message sent now reaches the agent, and if not, why and
// what mends it.
type Verdict struct {
	Status       workspace.Status `json:"status"`
	Reason       workspace.Reason `json:"reason"`
	Since        time.Time        `json:"since"`
	Hint         string           `json:"hint" description:"what to do, for a person; empty when all is well"`
	Action       string           `json:"action" description:"the hint in one word: wait, start, restart, repair, place_credential, check_url, inspect, stop_one, resume or stop; empty when all is well"`
	Command      string           `json:"command,omitempty" description:"the exact command that comes next; absent when none helps"`
	CommandNeeds string           `json:"command_needs,omitempty" enum:"operate" description:"the scope that the command needs, where the person who asks has a smaller one: an operator runs it"`
	Hop          workspace.Hop    `json:"faulty_hop" description:"empty when none is at fault"`
	Evidence     []Evidence       `json:"evidence"`
	Remarks      []Remark         `json:"remarks,omitempty" description:"what else to know, whatever the status is"`
	RecheckAt    time.Time        `json:"recheck_at,omitzero" description:"when time alone would change this verdict, or whether it is a problem"`
}

// Delivery is how mail reaches the agent now.
type Delivery struct {
	_         struct{}       `description:"How mail reaches the agent now: computed, never stored."`
	Declared  workspace.Mode `json:"declared_mode"`
	Effective workspace.Mode `json:"effective_mode"`
	Reason    string         `json:"reason" description:"why, in words"`
}

// Inbox is the mailbox as agents and senders see it.
type Inbox struct {
	Queued           int64     `json:"queued"`
	InFlight         int64     `json:"in_flight"`
	OldestAgeSeconds int       `json:"oldest_age_seconds"`
	LastPollAt       time.Time `json:"last_poll_at,omitzero"`
}

// Totals are a mailbox's counters: what was accepted is the sum of the others.
type Totals struct {
	_         struct{} `description:"accepted is the sum of the others, always"`
	Accepted  int64    `json:"accepted"`
	Queued    int64    `json:"queued"`
	InFlight  int64    `json:"in_flight"`
	Delivered int64    `json:"delivered"`
	Expired   int64    `json:"expired"`
	Cancelled int64    `json:"cancelled"`
	Dead      int64    `json:"dead"`
	Missing   int64    `json:"missing,omitempty" description:"accepted, and neither open nor ended: this raises an alarm"`
}

// Workspace is a workspace as everybody sees it.
type Workspace struct {
	_    struct{} `description:"Will a message sent now reach the agent, and if not, why, and what mends it."`
	ID   string   `json:"id" schema:"WorkspaceID"`
	Name string   `json:"name"`
	Verdict
	Delivery      Delivery              `json:"delivery"`
	Problem       workspace.Problem     `json:"problem,omitempty" description:"whether an operator has something to do because of this verdict; absent: no. Each remark is a problem of its own"`
	Expected      workspace.Expectation `json:"expected" description:"what will happen to a message that is sent now: with now, next_poll and when_idle it arrives; retrying: it is tried until its time is up, as deliveries fail or the agent's next call is overdue"`
	Inbox         Inbox                 `json:"inbox"`
	ActiveTasks   int                   `json:"active_tasks"`
	MaxTasks      int                   `json:"max_concurrent_tasks"`
	LastHeard     time.Time             `json:"last_heard_at,omitzero" description:"when a call of its agent, of any kind, was last accepted and noted; absent: never"`
	LastHeartbeat time.Time             `json:"last_heartbeat_at,omitzero"`
	RegisteredAt  time.Time             `json:"last_registered_at,omitzero"`
	LeaseUntil    time.Time             `json:"lease_until,omitzero"`
	CreatedAt     time.Time             `json:"created_at"`
	Totals        Totals                `json:"messages"`
	URL           string                `json:"url,omitempty"`
	Runtime       string                `json:"runtime,omitempty"`
	Role          string                `json:"role,omitempty"`
	Tier          int                   `json:"tier"`
	Team          string                `json:"team,omitempty" description:"the team that an operator put it in"`
	AgentCard     json.RawMessage       `json:"agent_card,omitempty" description:"as the agent gave it; a list has no cards"`
}
