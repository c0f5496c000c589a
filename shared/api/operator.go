package api

import (
	"time"

	"github.com/rollcall/rollcall/shared/workspace"
)

// CreateWorkspace is the call that creates a workspace, or adopts one.
var CreateWorkspace = declare[CreateRequest, Created](Operation{
	Function: "operate", Route: "POST /workspaces", ID: "createWorkspace", Tag: "operator",
	Summary: "Create a workspace, or adopt one",
	Access:  ByOperator, InTeam: true,
	Replies: []Reply{{Status: 201, Description: "created"}, {Status: 200, Description: "adopted"}},
	Errors:  errs(400, 401, 403, 404, 409, 413),
})

// CreateRequest is a workspace to create or adopt.
type CreateRequest struct {
	ID               string `json:"id" description:"the workspace's id; without one it is given a UUID"`
	Name             string `json:"name" maxLength:"200" description:"what people call it"`
	Runtime          string `json:"runtime" maxLength:"64" description:"what its agent runs on"`
	Role             string `json:"role" maxLength:"200" description:"what it is for, in a few words for its peers"`
	Tier             int    `json:"tier" description:"a number for the canvas; Rollcall does not use it"`
	DeliveryMode     string `json:"delivery_mode" schema:"Mode" description:"how it is to get its mail"`
	MaxTasks         int    `json:"max_concurrent_tasks" minimum:"0" maximum:"64"`
	Team             string `json:"team" maxLength:"40"`
	Adopt            bool   `json:"adopt"`
	ResetCredentials bool   `json:"reset_credentials" description:"with adopt: revoke its credentials and issue one"`
	Force            bool   `json:"force"`
}

// Created is a workspace that was created or adopted.
type Created struct {
	Workspace
	Adopted   bool   `json:"adopted,omitempty" description:"true: it existed before"`
	AuthToken string `json:"auth_token,omitempty" description:"shown once"`
	Unread
}

// StatusCode implements StatusCoder.
func (c Created) StatusCode() int {
	if c.Adopted {
		return 200
	}
	return 201
}

// RemoveRequest asks to remove a workspace.
type RemoveRequest struct {
	WorkspacePath
	Purge string `json:"-" query:"purge" enum:"true" description:"also erase what is stored, of one removed before too"`
}

// Changed is a workspace after an act that may have found it as it was to be.
type Changed struct {
	Workspace
	Unchanged bool `json:"unchanged,omitempty"`
}

// RemoveWorkspace is the call that removes a workspace.
var RemoveWorkspace = declare[RemoveRequest, Changed](Operation{
	Function: "operate", Route: "DELETE /workspaces/{id}", ID: "removeWorkspace", Tag: "operator",
	Summary: "Remove a workspace",
	Description: "Its credentials are revoked, and its open mail is cancelled. With purge, its profile and card are " +
		"erased at once. Its mail, receipts, activity log, delegations and history are erased by the next sweeps, from " +
		"half a minute on. Its audit trail stays, and so does what it sent to others.",
	Access: ByOperator,
	Errors: errs(400, 401, 403, 404, 410),
})

// Repair is the call that mends a lost credential.
var Repair = declare[RepairRequest, Repaired](Operation{
	Function: "operate", Route: "POST /workspaces/{id}/repair", ID: "repairWorkspace", Tag: "operator",
	Summary: "Mend a lost credential",
	Description: "Revokes every credential and opens a window in which the agent is given a new one when it registers. " +
		"The window is for one network address: that in from, or else that of the last accepted call. It closes when the " +
		"new credential is used. With show, no window opens, and the answer has a credential to place by hand. A " +
		"credential that was accepted within the lease's time is ended only if the verdict asks for a repair, or with " +
		"force: else 409 credential_in_use.",
	Access:       ByOperator,
	BodyOptional: true,
	Errors:       errs(400, 401, 403, 404, 409, 410),
})

// RepairRequest is which workspace to repair, and for whom.
type RepairRequest struct {
	WorkspacePath
	From   string `json:"from"`
	Told   bool   `json:"told"`
	Anyone bool   `json:"anyone" description:"give the new credential to whoever registers first, from any address"`
	Show   bool   `json:"show"`
	Force  bool   `json:"force" description:"also when the agent works with the credential that this ends"`
}

// Repaired is the answer to a repair.
type Repaired struct {
	AuthToken      string    `json:"auth_token,omitempty" description:"with show: the new credential, shown once"`
	BootstrapUntil time.Time `json:"bootstrap_until,omitzero" description:"when the window closes; absent with show"`
	From           string    `json:"from,omitempty" description:"the only address that the window is for; absent: anyone"`
	Next           string    `json:"next" description:"what to do now"`
	Revoked        int       `json:"revoked" description:"how many credentials ended"`
	WorkspaceID    string    `json:"workspace_id" schema:"WorkspaceID"`
	Unread
}

// Pause is the call that holds a workspace.
var Pause = declare[WorkspacePath, Changed](Operation{
	Function: "operate", Route: "POST /workspaces/{id}/pause", ID: "pauseWorkspace", Tag: "operator",
	Summary: "Hold a workspace",
	Access:  ByOperator,
	Errors:  errs(400, 401, 403, 404, 410),
})

// Resume is the call that ends a hold.
var Resume = declare[WorkspacePath, Changed](Operation{
	Function: "operate", Route: "POST /workspaces/{id}/resume", ID: "resumeWorkspace", Tag: "operator",
	Summary: "End a hold",
	Access:  ByOperator,
	Errors:  errs(400, 401, 403, 404, 410),
})

// Dismiss is the call that drops the refused calls on a workspace's record, or closes the messages that it lost.
var Dismiss = declare[DismissRequest, Dismissed](Operation{
	Function: "operate", Route: "POST /workspaces/{id}/dismiss", ID: "dismissRefusals", Tag: "operator",
	Summary: "Drop the refused calls on record, or close messages that were lost",
	Description: "For calls of somebody else that look like the agent's, such as those of a neighbour at the same " +
		"network address. The workspace's refused calls are forgotten; the audit trail keeps how many there were and from " +
		"where. No credential changes, and calls that are refused from now on are noted again.\n\n" +
		"With lost or messages, the refused calls stay, and messages that died or expired are closed without being " +
		"delivered: they are told to be lost no more. Their receipts stay as they are, and each can still be redriven by " +
		"its id.",
	Access:       ByOperator,
	BodyOptional: true,
	Errors:       errs(400, 401, 403, 404, 409, 410),
})

// DismissRequest says what to dismiss of a workspace: without more, its refused calls.
type DismissRequest struct {
	WorkspacePath
	Lost     bool     `json:"lost" description:"close all messages that were lost, 100 a call"`
	Messages []string `json:"messages" maxItems:"100" description:"close these messages, which were lost"`
}

// Dismissed is a workspace after a dismissal.
type Dismissed struct {
	Changed
	Unread
	Closed int `json:"closed" description:"how many messages were closed"`
	Left   int `json:"left" description:"how many more were lost: ask again"`
}

// CancelMessage is the call that ends a waiting message.
var CancelMessage = declare[GetMessageRequest, Receipt](Operation{
	Function: "operate", Route: "POST /workspaces/{id}/messages/{message_id}/cancel",
	ID: "cancelMessage", Tag: "chat",
	Names:   "the workspace that the message is for",
	Summary: "End a waiting message",
	Description: "A workspace ends what it sent itself, such as a task that it delegated. A message in flight ends too; " +
		"an agent that has it may go on with it. One that has ended stays as it is: 409 message_already_terminal says how " +
		"it ended.",
	Access: ByAnyWorkspace | ByOperator,
	Errors: errs(400, 401, 403, 404, 409, 410),
})

// CancelMail is the call that ends the waiting mail of a workspace, or of one sender.
var CancelMail = declare[CancelMailRequest, CancelledMail](Operation{
	Function: "operate", Route: "POST /workspaces/{id}/cancel", ID: "cancelMail", Tag: "operator",
	Summary: "End the waiting mail of a workspace, or of one of its senders",
	Description: "One call ends up to 49 messages, the oldest first, all or none of them, and says how many are left: " +
		"repeat it until none is left. Messages in flight end too; an agent that has one may go on with it.",
	Access: ByOperator,
	Errors: errs(400, 401, 403, 404, 409, 410),
})

// CancelMailRequest is whose waiting mail to end. It has a body: nothing is ended by a call that says nothing.
type CancelMailRequest struct {
	WorkspacePath
	From   string `json:"from" maxLength:"64"`
	All    bool   `json:"all" description:"all that waits, whoever sent it"`
	DryRun bool   `json:"dry_run" description:"only say which"`
}

// CancelledMail is what was ended, or would be.
type CancelledMail struct {
	DryRun   bool      `json:"dry_run"`
	Messages []Receipt `json:"messages"`
	Left     int       `json:"left" description:"how many more wait that were asked for"`
	Unread
}

// RedriveMessage is the call that puts a dead message back.
var RedriveMessage = declare[RedriveMessageRequest, RedrivenMessage](Operation{
	Function: "operate", Route: "POST /workspaces/{id}/messages/{message_id}/redrive",
	ID: "redriveMessage", Tag: "operator",
	Summary:      "Put a dead message back, with its id and place",
	Access:       ByOperator,
	BodyOptional: true,
	Errors:       errs(400, 401, 403, 404, 409, 410),
})

// RedriveMessageRequest names a dead message.
type RedriveMessageRequest struct {
	MessagePath
	DryRun bool `json:"dry_run" description:"only say whether it would"`
}

// RedrivenMessage is a message that was put back, or would be.
type RedrivenMessage struct {
	Receipt
	Unread
}

// Redrive is the call that puts back what a workspace lost.
var Redrive = declare[RedriveRequest, Redriven](Operation{
	Function: "operate", Route: "POST /workspaces/{id}/redrive", ID: "redriveMail", Tag: "operator",
	Summary:      "Put back the oldest 100 of the messages that a workspace lost: dead, or expired in the last day",
	Access:       ByOperator,
	BodyOptional: true,
	Errors:       errs(400, 401, 403, 404, 410),
})

// RedriveRequest names the workspace whose lost messages to put back.
type RedriveRequest struct {
	WorkspacePath
	DryRun bool `json:"dry_run" description:"only say which"`
}

// Redriven are the messages that were put back, or would be.
type Redriven struct {
	DryRun   bool      `json:"dry_run"`
	Messages []Receipt `json:"messages" description:"the oldest first, 100 at most"`
	Left     int       `json:"left" description:"how many more are lost: the same call goes on with them, until it is 0"`
	Unread
}

// SweepNow is the call that sweeps at once.
var SweepNow = declare[None, Swept](Operation{
	Function: "operate", Route: "POST /sweep", ID: "runSweep", Tag: "operator",
	Summary: "Sweep now",
	Access:  ByOperator,
	Errors:  errs(401, 403),
})

// Swept is what a sweep saw and did.
type Swept struct {
	Seen      int      `json:"seen" description:"workspaces looked at"`
	Woken     int      `json:"rung" description:"wake-ups sent"`
	Announced int      `json:"announced" description:"changes of verdicts recorded"`
	Expired   int      `json:"expired"`
	Removed   int      `json:"removed_queues" description:"chat queues removed that no workspace uses"`
	Probed    int      `json:"probed" description:"probes sent"`
	Segments  int      `json:"segments,omitempty"`
	Lag       *float64 `json:"lag_seconds,omitempty"`
	Cut       bool     `json:"cut,omitempty" description:"it ran out of time; the next sweep goes on from there"`
	Broken    []string `json:"broken,omitempty"`
	Errors    []string `json:"errors,omitempty" description:"what went wrong with single workspaces"`
}

// Rotate is the call that issues a second credential.
var Rotate = declare[RotateRequest, Rotated](Operation{
	Function: "operate", Route: "POST /workspaces/{id}/rotate", ID: "rotateCredential", Tag: "agents",
	Summary: "Issue a second credential",
	Description: "The credential in use stays valid until the new one is used for the first time. An operator may " +
		"rotate, or the agent itself. While a new one that was issued to the other of the two is not used yet: 409 " +
		"credential_pending.",
	Access:       ByItself | ByOperator,
	BodyOptional: true,
	Errors:       errs(400, 401, 404, 409, 410),
})

// RotateRequest says who gets the credential; an agent itself says neither.
type RotateRequest struct {
	WorkspacePath
	Fetch bool `json:"fetch"`
	Force bool `json:"force" description:"also when somebody else was issued one that is not used yet: that one ends"`
}

// Rotated is a workspace's second credential.
type Rotated struct {
	AuthToken   string `json:"auth_token,omitempty" description:"shown once; none with fetch"`
	Next        string `json:"next" description:"what to do now"`
	WorkspaceID string `json:"workspace_id" schema:"WorkspaceID"`
	Unread
}

// Revoke is the call that ends every credential of a workspace.
var Revoke = declare[RevokeRequest, Revoked](Operation{
	Function: "operate", Route: "POST /workspaces/{id}/revoke", ID: "revokeCredentials", Tag: "operator",
	Summary: "End every credential of a workspace",
	Description: "A credential that was accepted within the lease's time is ended only with force: " +
		"else 409 credential_in_use.",
	Access:       ByOperator,
	BodyOptional: true,
	Errors:       errs(400, 401, 403, 404, 409, 410),
})

// RevokeRequest is whose credentials to end.
type RevokeRequest struct {
	WorkspacePath
	Force bool `json:"force" description:"also when the agent works with them"`
}

// Revoked is the answer to a revoke.
type Revoked struct {
	Next        string `json:"next" description:"what to do now"`
	Revoked     int    `json:"revoked" description:"how many credentials ended"`
	WorkspaceID string `json:"workspace_id" schema:"WorkspaceID"`
	Unread
}

// Probe is the call that tests whether mail reaches a workspace.
var Probe = declare[WorkspacePath, Probing](Operation{
	Function: "operate", Route: "POST /workspaces/{id}/probe", ID: "probeWorkspace", Tag: "operator",
	Summary: "Send a probe, to see whether mail arrives",
	Description: "A probe is delivered as any message is. An agent that is pushed to gets the JSON-RPC method " +
		"rollcall/probe, and any JSON-RPC answer counts; for one that polls, its next poll counts. A probe that isn't " +
		"delivered is evidence against the workspace.",
	Access:  ByOperator,
	Replies: []Reply{{Status: 202, Description: "on its way"}},
	Errors:  errs(400, 401, 403, 404, 410),
})

// Probing is a probe on its way.
type Probing struct {
	DeliveryMode    workspace.Mode        `json:"delivery_mode"`
	Expected        workspace.Expectation `json:"expected"`
	ExpiresAt       time.Time             `json:"expires_at"`
	MessageID       string                `json:"message_id"`
	Receipt         string                `json:"receipt" description:"where to follow it"`
	WorkspaceID     string                `json:"workspace_id" schema:"WorkspaceID"`
	WorkspaceReason workspace.Reason      `json:"workspace_reason"`
	WorkspaceStatus workspace.Status      `json:"workspace_status"`
}

// CreateEnrolment is the call that lets agents be given their first credential.
var CreateEnrolment = declare[EnrolmentRequest, Enrolment](Operation{
	Function: "operate", Route: "POST /enrolments", ID: "createEnrolment", Tag: "operator",
	Summary:      "Let agents be given their first credential",
	Access:       ByOperator,
	BodyOptional: true,
	Replies:      []Reply{{Status: 201, Description: "issued"}},
	Errors:       errs(400, 401, 403, 413),
})

// EnrolmentRequest is how far an enrolment goes.
type EnrolmentRequest struct {
	WorkspaceID string `json:"workspace_id" description:"the only workspace that it is for; it may exist already"`
	Uses        *int   `json:"uses" minimum:"1" maximum:"10000" description:"for how many agents; default 1"`
	Seconds     *int   `json:"expires_in_seconds" minimum:"1" maximum:"2592000"`
}

// Enrolment is an operator's permission for a first credential.
type Enrolment struct {
	EnrolmentID string    `json:"enrolment_id"`
	Token       string    `json:"enrolment_token" description:"shown once"`
	ExpiresAt   time.Time `json:"expires_at"`
	Next        string    `json:"next" description:"what to do now"`
	Uses        int       `json:"uses"`
	WorkspaceID string    `json:"workspace_id" description:"the only workspace that it is for; empty: any unused id"`
	Unread
}

// WithdrawEnrolment is the call that withdraws an enrolment.
var WithdrawEnrolment = declare[WithdrawRequest, Withdrawn](Operation{
	Function: "operate", Route: "DELETE /enrolments/{enrolment_id}", ID: "withdrawEnrolment", Tag: "operator",
	Summary: "Withdraw an enrolment",
	Access:  ByOperator,
	Errors:  errs(401, 403, 404),
})

// WithdrawRequest names an enrolment.
type WithdrawRequest struct {
	EnrolmentID string `json:"-" path:"enrolment_id" description:"the enrolment, by its enrolment_id"`
}

// Withdrawn is the answer to a withdrawal.
type Withdrawn struct {
	EnrolmentID string `json:"enrolment_id"`
	Status      string `json:"status" enum:"withdrawn"`
}

// GetAudit is the call that gives what concerns no single workspace.
var GetAudit = declare[Page, History](Operation{
	Function: "status", Route: "GET /audit", ID: "getAuditTrail", Tag: "operator",
	Summary: "Acts of operators that concern no single workspace",
	Access:  ByOperator,
	Errors:  errs(400, 401, 403),
})
