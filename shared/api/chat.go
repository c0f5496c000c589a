package api

import (
	"encoding/json"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/workspace"
)

// SendMessage is the call that sends a message to a workspace.
var SendMessage = declare[SendRequest, Accepted](Operation{
	Function: "enqueue", Route: "POST /workspaces/{id}/a2a", ID: "sendMessage", Tag: "chat",
	Names:   "the workspace that the message is for",
	Summary: "Send a message",
	Description: "An accepted message is stored. A repeat with the same messageId is answered with the first one's " +
		"receipt. tasks/get and tasks/cancel (GetTask, CancelTask) carry no message: they are passed to an agent that is " +
		"pushed to, and its answer is the reply.",
	Access: WhereChatIsOpen | ByAnyWorkspace | ByOperator,
	Body:   A2ARequest{},
	Replies: []Reply{
		{Status: 200, Description: "accepted, for an agent that polls. Or answered: when a workspace asks one that is " +
			"pushed to, and the answer comes in time, it is here (result); else it comes as a message"},
		{Status: 202, Description: "accepted, for an agent that is pushed to"},
	},
	Errors: errs(400, 401, 403, 404, 409, 410, 413),
})

// SendRequest is a message to a workspace. Its body, an A2ARequest, is read as
// it came: what else the sender wrote reaches the agent.
type SendRequest struct {
	WorkspacePath
	Claims
}

// A2ARequest is a message as the A2A protocol has it.
type A2ARequest struct {
	_       struct{}   `description:"An A2A message/send. A bare {\"message\": …} is taken too. What is missing is filled in; content is taken for parts, and type for kind."`
	JSONRPC string     `json:"jsonrpc" description:"2.0"`
	ID      any        `json:"id" schema:"JSONRPCID" description:"the call's id; default the messageId"`
	Method  string     `json:"method" maxLength:"128" description:"default message/send; A2A 1.0 writes SendMessage"`
	Params  A2AParams  `json:"params" description:"the message and how to deliver it; of a call about a task, its id"`
	Message A2AMessage `json:"message" description:"a bare message, without params"`
}

// A2AParams is a message and how to deliver it.
type A2AParams struct {
	Message     A2AMessage    `json:"message" required:"true" description:"the message"`
	ExpiresIn   float64       `json:"expires_in_seconds" minimum:"1" maximum:"1209600" description:"how long it may wait for its delivery"`
	Priority    chat.Priority `json:"priority" description:"higher is delivered first; default 50"`
	CallbackURL string        `json:"callback_url" maxLength:"2048" description:"gets a POST when the message has ended, at least once; it is checked as agents' URLs are"`
}

// A2AMessage is a message.
type A2AMessage struct {
	Role      string    `json:"role" description:"who speaks; default user"`
	MessageID string    `json:"messageId" maxLength:"128" description:"the idempotency key: 1 to 128 letters, digits, '.', '_', ':', '-'"`
	Parts     []A2APart `json:"parts" description:"what is said: at least one text that isn't empty, file or data"`
}

// A2APart is a part of a message.
type A2APart struct {
	Kind string `json:"kind" description:"mostly text"`
	Type string `json:"type" description:"an older name of kind"`
	Text string `json:"text" description:"the text"`
}

// Accepted is the answer to a message, or to a call about a task, which is not kept
// and has neither id nor receipt. It has the members that the two kinds of client
// parse (queued and queue_id for a push target, status and delivery_mode for one
// that polls), and what will happen to the message.
type Accepted struct {
	Queued       bool                  `json:"queued,omitempty" description:"true for an agent that is pushed to"`
	Status       string                `json:"status,omitempty" enum:"queued" description:"\"queued\" for one that polls"`
	DeliveryMode workspace.Mode        `json:"delivery_mode"`
	Method       string                `json:"method"`
	QueueID      string                `json:"queue_id,omitempty"`
	MessageID    string                `json:"message_id,omitempty"`
	Receipt      string                `json:"receipt,omitempty" description:"where to follow it"`
	State        chat.State            `json:"state,omitempty"`
	Duplicate    bool                  `json:"duplicate,omitempty" description:"this id was accepted before, and this is the receipt of that message"`
	Expected     workspace.Expectation `json:"expected,omitempty" description:"what will happen to it; absent when it has ended"`
	QueueDepth   int64                 `json:"queue_depth"`
	OldestAge    int                   `json:"oldest_age_seconds"`
	LastPollAt   time.Time             `json:"last_poll_at,omitzero"`
	WSStatus     workspace.Status      `json:"workspace_status"`
	WSReason     workspace.Reason      `json:"workspace_reason"`
	Hint         string                `json:"hint,omitempty"`
	Message      string                `json:"message"`
	Answered
	Unread
}

// Answered is what an answer to a message adds to its acceptance: the members of a JSON-RPC response.
type Answered struct {
	JSONRPC string          `json:"jsonrpc,omitempty" description:"2.0, when the message is answered"`
	ID      json.RawMessage `json:"id,omitempty" schema:"JSONRPCID" description:"the call's id"`
	Result  json.RawMessage `json:"result,omitempty" description:"what the agent answered; a task's text is also in its parts"`
	Error   *RPCError       `json:"error,omitempty" description:"why the agent can't take the message"`
}

// RPCError is an error of JSON-RPC.
type RPCError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// StatusCode implements StatusCoder.
func (a Accepted) StatusCode() int {
	if a.Queued {
		return 202
	}
	return 200
}

// Delegate is the call that gives a task to another workspace.
var Delegate = declare[DelegateRequest, Delegated](Operation{
	Function: "enqueue", Route: "POST /workspaces/{id}/delegate", ID: "delegateTask", Tag: "chat",
	Names:   "the workspace that gives the task: the caller's own id",
	Summary: "Give a task to another workspace",
	Access:  ByAnyWorkspace,
	Replies: []Reply{{Status: 202, Description: "given, or given before under the same key"}},
	Errors:  errs(400, 401, 403, 404, 409, 410, 413),
})

// DelegateRequest is a task for another workspace.
type DelegateRequest struct {
	WorkspacePath
	Claims
	TargetID       string `json:"target_id" nullable:"true" description:"whom the task is for; without it, the workspace in the path"`
	Task           string `json:"task" required:"true" minLength:"1" maxLength:"261935" description:"what is to be done, in words. With the message around it, it has at most 262,144 bytes"`
	IdempotencyKey string `json:"idempotency_key" nullable:"true" maxLength:"256" description:"the same key for the same target is the same task"`
}

// Delegated is the answer to a delegation.
type Delegated struct {
	DelegationID  string `json:"delegation_id"`
	Status        string `json:"status" enum:"delegated"`
	TargetID      string `json:"target_id" schema:"WorkspaceID"`
	MessageID     string `json:"message_id"`
	Receipt       string `json:"receipt" description:"where to follow it"`
	IdempotentHit bool   `json:"idempotent_hit,omitempty" description:"the key was used before, and this is that task"`
	Deduplicated  bool   `json:"deduplicated,omitempty" description:"the same task was sent as a message within the last minute, which has not ended; this is that one"`
	Unread
}

// ListDelegations is the call that lists a workspace's delegations.
var ListDelegations = declare[WorkspacePath, []Delegation](Operation{
	Function: "status", Route: "GET /workspaces/{id}/delegations", ID: "listDelegations", Tag: "chat",
	Summary: "What was delegated, newest first",
	Access:  ByItself,
	Errors:  errs(400, 401, 404, 410),
})

// Delegation is a task that one workspace gave another.
type Delegation struct {
	DelegationID    string         `json:"delegation_id"`
	SourceID        string         `json:"source_id" schema:"WorkspaceID"`
	TargetID        string         `json:"target_id" schema:"WorkspaceID"`
	Status          string         `json:"status" enum:"queued,dispatched,completed,failed" description:"completed and failed are ends"`
	TaskState       chat.TaskState `json:"task_state,omitempty"`
	Summary         string         `json:"summary"`
	ResponsePreview string         `json:"response_preview"`
	Error           string         `json:"error"`
	ErrorDetail     string         `json:"error_detail"`
	MessageID       string         `json:"message_id"`
	CreatedAt       time.Time      `json:"created_at"`
}

// GetMessage is the call that gives a message's receipt.
var GetMessage = declare[GetMessageRequest, Receipt](Operation{
	Function: "status", Route: "GET /workspaces/{id}/messages/{message_id}", ID: "getMessage",
	Tag:   "chat",
	Names: "the workspace that the message is for", Summary: "Follow a message",
	Access: WhereChatIsOpen | ByAnyWorkspace | ByOperator,
	Errors: errs(400, 401, 403, 404),
})

// GetMessageRequest names a message, and says who asks.
type GetMessageRequest struct {
	MessagePath
	Claims
}

// ListMessages is the call that lists a workspace's receipts.
var ListMessages = declare[ListMessagesRequest, Receipts](Operation{
	Function: "status", Route: "GET /workspaces/{id}/messages", ID: "listMessages", Tag: "chat",
	Names:   "the workspace that the messages are for",
	Summary: "List messages, newest first",
	Description: "The workspace itself and operators see all messages, and who sent each. Another workspace sees " +
		"what it sent.",
	Access: WhereChatIsOpen | ByAnyWorkspace | ByOperator,
	Errors: errs(400, 401, 403, 404),
})

// ListMessagesRequest is which receipts are asked for.
type ListMessagesRequest struct {
	WorkspacePath
	State chat.State `json:"-" query:"state" description:"only these"`
	From  string     `json:"-" query:"from" maxLength:"64" description:"only what this workspace sent, or users for what users sent"`
	Page
	Claims
}

// Receipts is a page of receipts.
type Receipts struct {
	Messages []Receipt `json:"messages"`
	Next     *string   `json:"next" description:"cursor of the next page; null on the last"`
}

// GetQueueStatus is the call that gives a receipt in the older clients' words.
var GetQueueStatus = declare[GetMessageRequest, QueueStatus](Operation{
	Function: "status", Route: "GET /workspaces/{id}/a2a/queue/{message_id}", ID: "getQueueStatus",
	Tag:   "chat",
	Names: "the workspace that the message is for", Summary: "Follow a message, in the older clients' words",
	Access: WhereChatIsOpen | ByAnyWorkspace | ByOperator,
	Errors: errs(400, 401, 403, 404),
})
