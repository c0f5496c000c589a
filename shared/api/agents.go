package api

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/rollcall/rollcall/shared/workspace"
)

// Register is the call with which an agent comes online.
var Register = declare[RegisterRequest, Registered](Operation{
	Function: "register", Route: "POST /registry/register", ID: "registerAgent", Tag: "agents",
	Summary: "Come online: declare yourself, open the lease",
	Description: "Where policy is open, the first register of an unused id is given a credential. Elsewhere an " +
		"operator creates the workspace first, or gives the agent an enrolment token. A register replaces all that an " +
		"earlier one declared.",
	Access: ByNewcomer | ByItself, SelfChecked: true, Beside: CreateWorkspace.Operation,
	Errors: errs(400, 401, 403, 410, 413),
})

// RegisterRequest is what an agent declares of itself.
type RegisterRequest struct {
	ID             string          `json:"id" required:"true" schema:"WorkspaceID" description:"the workspace that the agent is"`
	URL            string          `json:"url" maxLength:"2048" within:"agent_card" unless:"delivery_mode" description:"where pushes go: an http or https URL. An empty text or remote://… says that there is none"`
	DeliveryMode   string          `json:"delivery_mode" schema:"Mode" within:"agent_card" description:"how the agent wants its mail"`
	Runtime        string          `json:"runtime" maxLength:"64" within:"agent_card" description:"what the agent runs on; one of the runtime external is never pushed to"`
	AgentCard      json.RawMessage `json:"agent_card" schema:"AgentCard" nullable:"true" reads:"name" description:"what the agent says about itself; at most 64 KiB"`
	EnrolmentToken string          `json:"enrolment_token" maxLength:"512" description:"an operator's permission for a first credential"`
}

// Registered is the answer to a register.
type Registered struct {
	Status          string           `json:"status" enum:"registered"`
	DeliveryMode    workspace.Mode   `json:"delivery_mode"`
	DeliveryReason  string           `json:"delivery_reason"`
	AuthToken       string           `json:"auth_token,omitempty" description:"only when it is new; shown once"`
	WebhookSecret   string           `json:"webhook_secret" description:"the key with which pushes, probes and callbacks to this workspace are signed (Standard Webhooks). A register that is given a credential, or is the first call with one, changes it"`
	Epoch           int64            `json:"epoch"`
	Inbox           Inbox            `json:"inbox"`
	NextHeartbeat   int              `json:"next_heartbeat_seconds"`
	WorkspaceStatus workspace.Status `json:"workspace_status"`
	Unread
}

// UpdateCard is the call with which an agent replaces its card.
var UpdateCard = declare[UpdateCardRequest, CardUpdated](Operation{
	Function: "register", Route: "POST /registry/update-card", ID: "updateCard", Tag: "agents",
	Summary: "Replace the agent card",
	Access:  ByItself, SelfChecked: true,
	Errors: errs(400, 401, 404, 410, 413),
})

// UpdateCardRequest is an agent's new card.
type UpdateCardRequest struct {
	WorkspaceID string          `json:"workspace_id" schema:"WorkspaceID" description:"the workspace that the agent is"`
	ID          string          `json:"id" schema:"WorkspaceID" alias:"workspace_id" description:"another name of workspace_id"`
	AgentCard   json.RawMessage `json:"agent_card" required:"true" schema:"AgentCard" description:"what the agent says about itself; at most 64 KiB"`
}

// CardUpdated is the answer to a new card.
type CardUpdated struct {
	Status string `json:"status" enum:"updated"`
	Unread
}

// Heartbeat is the call with which an agent renews its lease.
var Heartbeat = declare[HeartbeatRequest, Beat](Operation{
	Function: "heartbeat", Route: "POST /registry/heartbeat", ID: "sendHeartbeat", Tag: "agents",
	Summary: "Renew the lease, report metrics",
	Description: "A metric that is left out, or null, changes nothing. One that can't be read is dropped, and the " +
		"answer says so; the lease is renewed all the same. Send runtime_state only while the runtime is wedged: a " +
		"heartbeat without it says that the runtime works.",
	Access: ByItself, SelfChecked: true,
	Errors: errs(400, 401, 404, 410, 413),
})

// HeartbeatRequest is a heartbeat. Its metrics are read one by one, so that one
// that is malformed takes nothing else with it.
type HeartbeatRequest struct {
	WorkspaceID  string          `json:"workspace_id" schema:"WorkspaceID" description:"the workspace that the agent is"`
	ID           string          `json:"id" schema:"WorkspaceID" alias:"workspace_id" description:"another name of workspace_id"`
	ActiveTasks  json.RawMessage `json:"active_tasks" is:"integer" description:"how many tasks the agent works on: a whole number from 0 to 100000"`
	IsBusy       json.RawMessage `json:"is_busy" is:"boolean" description:"true: it works on at least one task, whatever active_tasks says; false, without active_tasks: on none"`
	ErrorRate    json.RawMessage `json:"error_rate" is:"number" description:"the share of its work that fails: a number from 0 to 1"`
	SampleError  json.RawMessage `json:"sample_error" is:"string" description:"one of its errors; 300 bytes are kept of the first, and 50 of those that follow it"`
	RuntimeState json.RawMessage `json:"runtime_state" is:"string" description:"wedged, while the runtime is stuck"`
	Uptime       json.RawMessage `json:"uptime_seconds" is:"number" description:"for how long this run of the agent has lasted: a number of seconds, less than ten years. It tells this agent from a copy of it; 0 says nothing"`
	Epoch        json.RawMessage `json:"epoch" is:"integer" description:"the epoch of the answer to the register: a whole number. It tells this agent from a copy of it; 0 says nothing"`
}

// TakesAnyNumber implements AnyNumber: a heartbeat renews the lease, whatever it reports.
func (*HeartbeatRequest) TakesAnyNumber() {}

// Dropped is a metric that could not be read.
type Dropped struct {
	_      struct{} `description:"A metric that could not be read: nothing of it was kept, and the lease was renewed."`
	Metric string   `json:"metric" enum:"active_tasks,is_busy,error_rate,sample_error,runtime_state,uptime_seconds,epoch"`
	Why    string   `json:"why"`
}

// Beat is the answer to a heartbeat.
type Beat struct {
	Status          string           `json:"status" enum:"ok"`
	Inbox           Inbox            `json:"inbox"`
	NextHeartbeat   int              `json:"next_heartbeat_seconds"`
	WorkspaceStatus workspace.Status `json:"workspace_status"`
	WorkspaceReason workspace.Reason `json:"workspace_reason"`
	Dropped         []Dropped        `json:"dropped,omitempty" description:"the metrics that could not be read"`
	Action          string           `json:"action,omitempty" enum:"rotate,register" description:"rotate: POST …/rotate gives a new credential. register: the agent's URL ended with the credential that it was registered with, or it may be that of a copy which is silent now; register, and mail is pushed to the URL that the register says"`
	Hint            string           `json:"hint,omitempty" description:"where its calls come too seldom"`
	Unread
}

// GetActivity is the agent's poll for mail, and the log of what was.
var GetActivity = declare[ActivityRequest, Activity](Operation{
	Function: "inbox", Route: "GET /workspaces/{id}/activity", ID: "listActivity", Tag: "agents",
	Summary: "Poll for mail, or read the log",
	Description: "It is a poll with the workspace's own credential and type=a2a_receive; or without type and with " +
		"since_id or since_secs; and never with source, peer_id, before_ts or cursor. Any other call reads the log, newest " +
		"first, in pages; a page may have few rows that pass a filter, or none, and yet a next page. A poll hands out mail " +
		"that is not acknowledged, the same rows to one host until it is. The oldest comes first if the call has since_id, " +
		"or type and limit, or neither type nor include=peer_info; else the newest. A since_id that is no row of this " +
		"workspace is 410: poll without it. An epoch before the present one, or after it, is 409.",
	Access: ByItself | ByOperator, SelfChecked: true,
	Replies: []Reply{{Status: 200, Description: "done", Body: []ActivityRow{}, Headers: []Header{
		{NextPollHeader, "integer", "of a poll: in how many seconds to poll again, when the rows are worked on; 0: at once"},
		{HeartbeatHeader, "string", "of a poll: optional, as a poll renews the lease; a heartbeat only reports"},
		{NextCursorHeader, "string", "of the log: the cursor of the next page; absent of the last"},
	}}},
	Errors: errs(400, 401, 404, 409, 410),
})

// The headers that tell an agent that polls when to call next, and who reads the log where it goes on. The body is an
// array, as the clients that exist read nothing else.
const (
	NextPollHeader   = "X-Rollcall-Next-Poll"
	HeartbeatHeader  = "X-Rollcall-Heartbeat"
	NextCursorHeader = "X-Rollcall-Next-Cursor"
)

// Activity is the answer to a GET …/activity: its rows, and what a poll is told.
type Activity struct {
	Rows     []ActivityRow
	Polled   bool    // it is the answer to a poll
	NextPoll int     // of a poll: in how many seconds to poll again
	Next     *string // of the log: the cursor of the next page; nil: this is the last
}

// Headed implements Headed.
func (a Activity) Headed() (body any, headers map[string]string) {
	switch {
	case !a.Polled && a.Next != nil:
		return a.Rows, map[string]string{NextCursorHeader: *a.Next}
	case !a.Polled:
		return a.Rows, nil
	}
	return a.Rows, map[string]string{NextPollHeader: strconv.Itoa(a.NextPoll), HeartbeatHeader: "optional"}
}

// ActivityRequest is which rows are asked for (wire contract, section 2.4).
type ActivityRequest struct {
	WorkspacePath
	Type      string `json:"-" query:"type" near:"a2a_receive" description:"of the log: only these rows; a2a_receive: a poll for mail. One that is almost a2a_receive is 400"`
	Source    string `json:"-" query:"source" enum:"canvas,agent" description:"from the user, or from agents"`
	PeerID    string `json:"-" query:"peer_id" description:"only the conversation with this workspace: a text that can't be an id is 400, and with an id that nobody has, or that never wrote, there are no rows"`
	Limit     *int   `json:"-" query:"limit" minimum:"1" maximum:"500" description:"how many rows at most; default 100"`
	SinceSecs *int   `json:"-" query:"since_secs" minimum:"1" maximum:"2592000" description:"of the log; a poll hands out all that waits"`
	SinceID   string `json:"-" query:"since_id" description:"the cursor: the id of the last row read; it acknowledges everything up to it"`
	Include   string `json:"-" query:"include" list:"true" near:"peer_info" description:"peer_info: rows also tell who sent them and what is attached; several are joined by commas. Unknown ones are ignored, but one that is almost peer_info is 400"`
	Epoch     int64  `json:"-" query:"epoch" minimum:"0" problem:"epoch must be the one that register answered with" description:"as register answered: a host in whose place another has registered is told so; 0 says nothing"`
	BeforeTS  string `json:"-" query:"before_ts" format:"date-time" description:"of the log: only older rows"`
	Cursor    string `json:"-" query:"cursor" description:"of the log: X-Rollcall-Next-Cursor of the page before"`
}

// ActivityRow is a row of a workspace's activity (wire contract, section 2.3),
// with the additive data object (section 6, point 3).
type ActivityRow struct {
	ID           string          `json:"id" description:"of mail: the cursor"`
	WorkspaceID  string          `json:"workspace_id" schema:"WorkspaceID"`
	Type         string          `json:"activity_type" description:"a2a_receive, notify, or what the agent reported"`
	Reported     bool            `json:"reported,omitempty" description:"the agent reported it; the platform did not see it"`
	SourceID     *string         `json:"source_id" description:"null: the user"`
	TargetID     *string         `json:"target_id"`
	Method       string          `json:"method"`
	Summary      string          `json:"summary"`
	DurationMS   *int            `json:"duration_ms"`
	Status       string          `json:"status"`
	ErrorDetail  *string         `json:"error_detail"`
	CreatedAt    time.Time       `json:"created_at"`
	RequestBody  json.RawMessage `json:"request_body,omitempty" description:"the A2A request, or what was said or reported"`
	ResponseBody json.RawMessage `json:"response_body,omitempty" description:"present when set"`
	MessageID    string          `json:"message_id,omitempty"`
	Data         *RowData        `json:"data,omitempty"`
	Seq          int64           `json:"seq,omitempty" description:"of mail: its number, in the order of acceptance; POST …/activity/ack takes it"`
	PeerName     string          `json:"peer_name,omitempty" description:"of mail from a workspace, with include=peer_info: its name"`
	PeerRole     string          `json:"peer_role,omitempty" description:"the same: its role"`
	AgentCardURL string          `json:"agent_card_url,omitempty" description:"the same: where to read its agent card"`
	Attachments  []Attachment    `json:"attachments,omitempty" description:"of mail with files, with include=peer_info; those beyond 8 KiB are in request_body only"`
}

// Attachment is a file of a message.
type Attachment struct {
	Kind     string `json:"kind" description:"file, image, audio or video"`
	URI      string `json:"uri,omitempty"`
	Name     string `json:"name,omitempty"`
	MimeType string `json:"mime_type,omitempty"`
}

// RowData is all that one client reads of a row.
type RowData struct {
	Source   string `json:"source" enum:"canvas_user,peer_agent"`
	SourceID string `json:"source_id"`
	Text     string `json:"text"`
	PeerName string `json:"peer_name,omitempty"`
	PeerRole string `json:"peer_role,omitempty"`
}

// Ack is the call with which an agent says that it is done with its mail.
var Ack = declare[AckRequest, Acked](Operation{
	Function: "inbox", Route: "POST /workspaces/{id}/activity/ack", ID: "acknowledgeMail", Tag: "agents",
	Summary: "Acknowledge mail by its number, when the work is done",
	Description: "Everything that was handed out up to the number is delivered. From then on since_id of this host " +
		"acknowledges nothing: it only says what arrived. After a register, what was not acknowledged is handed out " +
		"again. A message before since_id that is not acknowledged within a quarter of an hour counts as delivered.",
	Access: ByItself, SelfChecked: true,
	Errors: errs(400, 401, 404, 409, 410, 413),
})

// AckRequest is up to where an agent is done with its mail.
type AckRequest struct {
	WorkspacePath
	AckedSeq *int64 `json:"acked_seq" required:"true" minimum:"0" description:"seq of the last row that is done, and no more than that of the last message; 0 only says that the agent acknowledges by number"`
	Epoch    int64  `json:"epoch" minimum:"0" description:"as register answered: a host in whose place another has registered is told so; 0 says nothing"`
}

// Acked is the answer to an acknowledgement.
type Acked struct {
	LastAckedSeq int64 `json:"last_acked_seq" description:"up to which number no mail is left to acknowledge: mail that was never handed out is left, whatever acked_seq is"`
	Unread
}

// Report is the call with which an agent logs what it did.
var Report = declare[ReportRequest, Reported](Operation{
	Function: "inbox", Route: "POST /workspaces/{id}/activity", ID: "reportActivity", Tag: "agents",
	Summary: "Report what the agent did",
	Access:  ByItself,
	Errors:  errs(400, 401, 403, 404, 410, 413),
})

// ReportRequest is what an agent did.
type ReportRequest struct {
	WorkspacePath
	Type        string          `json:"activity_type" required:"true" description:"what kind of thing: lower-case letters, digits and '_'"`
	SourceID    string          `json:"source_id" nullable:"true" description:"the workspace itself, if given"`
	TargetID    string          `json:"target_id" nullable:"true" description:"whom it concerned"`
	Method      string          `json:"method" nullable:"true" description:"the A2A method, if it was one"`
	Summary     string          `json:"summary" maxLength:"8192" nullable:"true" description:"one line for the log"`
	Status      string          `json:"status" nullable:"true" description:"how it ended; default ok"`
	ErrorDetail string          `json:"error_detail" maxLength:"65536" nullable:"true" description:"what went wrong"`
	DurationMS  *int            `json:"duration_ms" description:"how long it took, in milliseconds"`
	Request     json.RawMessage `json:"request_body" description:"what was asked; any JSON"`
	Response    json.RawMessage `json:"response_body" description:"what was answered; any JSON"`
}

// Reported is the answer to a report.
type Reported struct {
	ID     string `json:"id"`
	Status string `json:"status" enum:"logged"`
	Unread
}

// RecordDelegation is the call with which an agent logs a task that it gave to another itself.
var RecordDelegation = declare[RecordDelegationRequest, DelegationRecorded](Operation{
	Function: "inbox", Route: "POST /workspaces/{id}/delegations/record", ID: "recordDelegation",
	Tag: "agents", Summary: "Log a task that the agent gave to another one by itself",
	Description: "It is written to the activity log only. To have Rollcall deliver a task and follow it, delegate it.",
	Access:      ByItself,
	Replies:     []Reply{{Status: 202, Description: "logged"}},
	Errors:      errs(400, 401, 404, 410, 413),
})

// RecordDelegationRequest is a task that an agent gave to another.
type RecordDelegationRequest struct {
	WorkspacePath
	TargetID     string `json:"target_id" required:"true" schema:"WorkspaceID" description:"who was given the task"`
	Task         string `json:"task" required:"true" minLength:"1" description:"the task"`
	DelegationID string `json:"delegation_id" required:"true" minLength:"1" maxLength:"128" description:"the agent's own name of it"`
}

// UpdateDelegation is the call with which an agent logs how such a task ended.
var UpdateDelegation = declare[UpdateDelegationRequest, DelegationRecorded](Operation{
	Function: "inbox", Route: "POST /workspaces/{id}/delegations/{delegation_id}/update",
	ID: "updateDelegation", Tag: "agents", Summary: "Log how such a task ended",
	Description: "It is written to the activity log only, and does not change a delegation that Rollcall delivers.",
	Access:      ByItself,
	Errors:      errs(400, 401, 404, 410, 413),
})

// UpdateDelegationRequest is how a task ended.
type UpdateDelegationRequest struct {
	WorkspacePath
	DelegationID    string `json:"-" path:"delegation_id" description:"the agent's own name of the task"`
	Status          string `json:"status" required:"true" enum:"completed,failed" description:"how it ended"`
	Error           string `json:"error" description:"what went wrong"`
	ResponsePreview string `json:"response_preview" description:"the beginning of the answer"`
}

// DelegationRecorded is the answer to a report of a delegation.
type DelegationRecorded struct {
	DelegationID string `json:"delegation_id"`
	Status       string `json:"status" enum:"recorded,completed,failed"`
	Unread
}

// Notify is the call with which an agent tells its user something.
var Notify = declare[NotifyRequest, Notified](Operation{
	Function: "inbox", Route: "POST /workspaces/{id}/notify", ID: "notifyUser", Tag: "agents",
	Summary: "Say something to the user",
	Access:  ByItself,
	Errors:  errs(400, 401, 404, 410, 413),
})

// NotifyRequest is what an agent tells its user.
type NotifyRequest struct {
	WorkspacePath
	Message     string          `json:"message" required:"true" minLength:"1" maxLength:"262144" description:"what to tell the user"`
	Attachments json.RawMessage `json:"attachments" schema:"Attachments" nullable:"true" description:"kept with the message as they are"`
	Type        string          `json:"type" description:"what kind of notice, in the agent's words"`
}

// Notified is the answer to a notice.
type Notified struct {
	ID     string `json:"id"`
	Status string `json:"status" enum:"sent"`
	Unread
}

// GetState is the call with which an agent asks whether to go on.
var GetState = declare[WorkspacePath, State](Operation{
	Function: "status", Route: "GET /workspaces/{id}/state", ID: "getState", Tag: "agents",
	Summary: "Ask whether the workspace is paused or removed",
	Access:  ByItself, SelfChecked: true,
	Replies: []Reply{{Status: 200, Description: "done"}, {
		Status: 404, Body: Removed{},
		Description: "removed for good: an agent ends itself then. Nothing else is a 404 here",
	}},
	Errors: errs(400, 401),
})

// State says whether an agent is to go on.
type State struct {
	Deleted     bool             `json:"deleted"`
	Paused      bool             `json:"paused"`
	Reason      workspace.Reason `json:"reason"`
	Status      workspace.Status `json:"status"`
	WorkspaceID string           `json:"workspace_id" schema:"WorkspaceID"`
}

// Removed is the state of a workspace that was removed.
type Removed struct {
	Deleted     bool   `json:"deleted"`
	WorkspaceID string `json:"workspace_id" schema:"WorkspaceID"`
}

// StatusCode implements StatusCoder.
func (s State) StatusCode() int {
	if s.Deleted {
		return 404
	}
	return 200
}

// MarshalJSON implements json.Marshaler: the state of a removed workspace is
// that it is Removed.
func (s State) MarshalJSON() ([]byte, error) {
	if s.Deleted {
		return json.Marshal(Removed{WorkspaceID: s.WorkspaceID, Deleted: true})
	}
	type members State // without this method
	return json.Marshal(members(s))
}
