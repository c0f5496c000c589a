package api

import (
	"encoding/json"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
)

// Attempt is one try at delivery.
type Attempt struct {
	At      time.Time    `json:"at"`
	Via     chat.Via     `json:"via"`
	Outcome chat.Outcome `json:"outcome"`
	Text    string       `json:"text" description:"the outcome in plain words"`
	Error   string       `json:"error,omitempty" description:"the sender is not told what stood between the agent and the platform"`
}

// Receipt is a message's life as its sender follows it.
type Receipt struct {
	_           struct{}        `description:"A message's life."`
	MessageID   string          `json:"message_id"`
	QueueID     string          `json:"queue_id" description:"the same"`
	WorkspaceID string          `json:"workspace_id" schema:"WorkspaceID"`
	Seq         int64           `json:"seq" description:"order of acceptance in its workspace"`
	State       chat.State      `json:"state"`
	Status      chat.State      `json:"status" description:"the older clients' name of state"`
	Reason      string          `json:"reason"`
	WaitsFor    string          `json:"waits_for,omitempty" description:"of one that is queued or in flight: what ends its wait, and why it waits"`
	Priority    chat.Priority   `json:"priority"`
	Probe       bool            `json:"probe,omitempty" description:"it says nothing: its receipt tells whether mail reaches the agent"`
	Attempts    []Attempt       `json:"attempts" description:"the first that failed, and the newest"`
	Tries       int             `json:"tries" description:"how many attempts there were, with those that attempts does not list any more"`
	LastError   string          `json:"last_error,omitempty"`
	SourceID    string          `json:"source_id,omitempty" description:"the workspace that sent it; absent: a user did. Told to people, to the workspace itself and to who sent it"`
	SentBy      string          `json:"sent_by,omitempty" description:"the person who sent it; only people are told"`
	SentFrom    string          `json:"sent_from,omitempty" description:"the address that the person sent it from"`
	AcceptedAt  time.Time       `json:"accepted_at"`
	ExpiresAt   time.Time       `json:"expires_at"`
	NotBefore   time.Time       `json:"next_attempt_at,omitzero"`
	SettledAt   time.Time       `json:"settled_at,omitzero"`
	Former      *Former         `json:"former,omitempty" description:"of one that was redriven: its end before"`
	Callback    *Callback       `json:"callback,omitempty"`
	TaskState   chat.TaskState  `json:"task_state,omitempty"`
	AnswerText  string          `json:"answer_text,omitempty" visible:"lines" description:"what a person reads of the answer"`
	Answer      json.RawMessage `json:"answer,omitempty" description:"what the agent answered a push with"`
}

// Former is how a message ended before it was redriven, the last time.
type Former struct {
	State      chat.State `json:"state"`
	Reason     string     `json:"reason"`
	SettledAt  time.Time  `json:"settled_at"`
	Tries      int        `json:"tries" description:"until then, in all"`
	RedrivenAt time.Time  `json:"redriven_at"`
	Redrives   int        `json:"redrives"`
}

// Callback is what became of telling the sender's URL that the message has ended.
type Callback struct {
	State  chat.ToldState `json:"state"`
	Tries  int            `json:"tries" description:"of at most six, with pauses that double"`
	LastAt time.Time      `json:"last_at,omitzero"`
	Error  string         `json:"error,omitempty" description:"of the last try; only who may operate is told why no answer came back"`
}

// QueueStatus is a receipt in the older clients' words (wire contract,
// section 5).
type QueueStatus struct {
	_            struct{}        `description:"A receipt in the older clients' words."`
	QueueID      string          `json:"queue_id"`
	WorkspaceID  string          `json:"workspace_id" schema:"WorkspaceID"`
	Status       string          `json:"status" enum:"queued,dispatched,completed,failed,dropped"`
	State        chat.State      `json:"state"`
	TaskState    chat.TaskState  `json:"task_state,omitempty"`
	Priority     chat.Priority   `json:"priority"`
	Attempts     int             `json:"attempts"`
	LastError    *string         `json:"last_error"`
	EnqueuedAt   time.Time       `json:"enqueued_at"`
	DispatchedAt *time.Time      `json:"dispatched_at"`
	CompletedAt  *time.Time      `json:"completed_at"`
	ExpiresAt    time.Time       `json:"expires_at"`
	ResponseBody json.RawMessage `json:"response_body,omitempty" description:"the agent's answer"`
}
