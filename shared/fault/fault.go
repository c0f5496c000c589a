// Package fault is the one error type that crosses Rollcall's seams: a code a
// machine decides by, words a person reads, and the next step. Any package may
// import it; it imports nothing but the standard library.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Code says what kind of thing went wrong. The table in shared/httpapi turns
// each into an HTTP status; a code that table lacks is a 500.
type Code string

// The codes, grouped by what is the matter.
const (
	// The request can't be read, or says what isn't allowed: the caller must change it.
	InvalidRequest     Code = "invalid_request"
	InvalidJSON        Code = "invalid_json"
	InvalidWorkspaceID Code = "invalid_workspace_id"
	UnsupportedType    Code = "unsupported_media_type"
	TooLarge           Code = "too_large"
	URLForbidden       Code = "url_forbidden"

	// What the request names isn't there, or is there no longer.
	UnknownRoute     Code = "unknown_route"
	MethodNotAllowed Code = "method_not_allowed"
	NotServed        Code = "not_served"
	WorkspaceUnknown Code = "workspace_unknown"
	WorkspaceRemoved Code = "workspace_removed"
	MessageUnknown   Code = "message_unknown"
	TokenUnknown     Code = "token_unknown"
	EnrolmentAbsent  Code = "enrolment_absent"
	WebhookUnknown   Code = "webhook_unknown"
	WebhookFailed    Code = "webhook_failed"
	CursorGone       Code = "cursor_gone"

	// What the request names is in a state that doesn't allow it.
	WorkspaceExists        Code = "workspace_exists"
	EpochSuperseded        Code = "epoch_superseded"
	EpochUnknown           Code = "epoch_unknown"
	WebhookExists          Code = "webhook_exists"
	MessageIDTaken         Code = "message_id_taken"
	MessageAlreadyTerminal Code = "message_already_terminal"
	MessageNotDead         Code = "message_not_dead"
	NotPushed              Code = "not_pushed"
	CredentialInUse        Code = "credential_in_use"
	CredentialPending      Code = "credential_pending"
	RepairAddressUnknown   Code = "repair_address_unknown"

	// The caller's credential is missing, unknown, or not the one that the call needs.
	AuthorizationMalformed  Code = "authorization_malformed"
	CredentialMissing       Code = "credential_missing"
	CredentialUnknown       Code = "credential_unknown"
	CredentialExpired       Code = "credential_expired"
	CredentialOfAnother     Code = "credential_of_another"
	OperatorOnly            Code = "operator_only"
	ScopeTooSmall           Code = "scope_too_small"
	OtherTeam               Code = "other_team"
	CallerCredentialUnknown Code = "caller_credential_unknown"
	CallerMismatch          Code = "caller_mismatch"
	EnrolmentUnknown        Code = "enrolment_unknown"

	// The request is good, and can't be served now: the caller may try again.
	InboxFull           Code = "inbox_full"
	TooManyWaits        Code = "too_many_waits"
	AgentUnreachable    Code = "agent_unreachable"
	OperatorFirst       Code = "operator_first"
	PlatformUnavailable Code = "platform_unavailable"
	Internal            Code = "internal"
)

// Conflict is returned by a store when what the caller saw is no longer what is
// stored. It is a cue to read again and retry, and reaches a client once the
// retries are used up: the store is well then, and too many calls changed it at once.
const Conflict Code = "conflict"

// Action is the next step after an error, in one word that a program can act on.
type Action string

// The actions.
const (
	ActionAdopt      Action = "adopt"       // adopt the workspace, or choose another id
	ActionDropCursor Action = "drop_cursor" // poll again without the cursor
	ActionEnrol      Action = "enrol"       // have an operator make an enrolment token
	ActionForce      Action = "force"       // make the call again with force, if it is meant
	ActionLogin      Action = "login"       // sign in as a person
	ActionRegister   Action = "register"    // register
	ActionRepair     Action = "repair"      // have an operator repair the workspace
	ActionRetry      Action = "retry"       // make the same call again later
	ActionStop       Action = "stop"        // the same call is refused again
	ActionWait       Action = "wait"        // go on as before
)

// Error is a typed failure. Message is for people, Hint says what mends it, and Action is for programs.
type Error struct {
	Code       Code
	Message    string
	Hint       string
	Action     Action
	RetryAfter time.Duration
	Details    Details
	Cause      error
}

// Details are further members of an error's reply, each with the code that its description names.
type Details struct {
	FilledBy        string    `json:"filled_by,omitempty" description:"with inbox_full: who fills most of it"`
	WorkspaceStatus string    `json:"workspace_status,omitempty" description:"with agent_unreachable"`
	WorkspaceReason string    `json:"workspace_reason,omitempty" description:"with agent_unreachable"`
	LastAcceptedAt  time.Time `json:"last_accepted_at,omitzero" description:"with credential_in_use"`
	ID              string    `json:"id,omitempty" description:"with workspace_removed; or whose ended credential it is"`
	RemovedAt       time.Time `json:"removed_at,omitzero" description:"with workspace_removed"`
	Allow           []string  `json:"allow,omitempty" description:"with method_not_allowed: as the header"`
	Unread
}

// Unread names the members of a call's body that nobody reads. The answer to the call has it, also a refusal: a member
// that is misspelt would go unnoticed.
type Unread struct {
	Ignored     []string `json:"ignored,omitempty" description:"members of the body that nobody reads; 20 at most"`
	IgnoredHint string   `json:"ignored_hint,omitempty" description:"which members may be meant by those"`
}

// NameUnread enters what nobody reads into an answer.
func (u *Unread) NameUnread(unread Unread) { *u = unread }

// Error implements error.
func (e *Error) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Cause)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

// Unwrap gives the cause, for the log; it never reaches a client.
func (e *Error) Unwrap() error { return e.Cause }

// New makes an Error of code with a formatted message.
func New(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// WithHint returns a copy of e with the hint that says what mends it and the one-word action; either may be empty. It
// is a copy because e may be a package-level error that others return too.
func (e *Error) WithHint(hint string, action Action) *Error {
	c := *e
	c.Hint, c.Action = hint, action
	return &c
}

// WithRetryAfter returns a copy of e with how long the caller should wait before it tries again.
func (e *Error) WithRetryAfter(after time.Duration) *Error {
	c := *e
	c.RetryAfter = after
	return &c
}

// Store wraps a fault of a store or queue. It is always PlatformUnavailable: a
// store that can't be asked never refuses and never admits anyone.
func Store(op string, cause error) *Error {
	return &Error{
		Code: PlatformUnavailable, Message: "the platform's store can't be asked right now", Action: ActionRetry,
		Hint: "nothing was decided; try again after the time in Retry-After", RetryAfter: 2 * time.Second,
		Cause: fmt.Errorf("%s: %w", op, cause),
	}
}

// CodeOf is the code of the first Error in err's chain, "" for nil, and
// Internal for an error that is none of ours.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return Internal
}
