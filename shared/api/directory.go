package api

import (
	"encoding/json"
	"time"

	"github.com/rollcall/rollcall/shared/workspace"
)

// Discover is the call that gives one peer.
var Discover = declare[DiscoverRequest, Peer](Operation{
	Function: "status", Route: "GET /registry/discover/{id}", ID: "discoverPeer",
	Names: "the workspace that the caller asks about", Tag: "directory",
	Summary: "One peer",
	Access:  ByAnyWorkspace | ByViewer,
	Errors:  errs(400, 401, 403, 404),
})

// DiscoverRequest names a peer, and says who asks.
type DiscoverRequest struct {
	WorkspacePath
	Claims
}

// Peer is a workspace as another sees it (wire contract, section 2.6). It has no
// address: peers talk through Rollcall, which keeps the receipts.
type Peer struct {
	ID          string           `json:"id" schema:"WorkspaceID"`
	Name        string           `json:"name"`
	Role        string           `json:"role"`
	Tier        int              `json:"tier"`
	Status      workspace.Status `json:"status"`
	Reason      workspace.Reason `json:"reason"`
	URL         string           `json:"url" description:"always empty: peers talk through Rollcall, which keeps the receipts"`
	ParentID    *string          `json:"parent_id"`
	ActiveTasks int              `json:"active_tasks"`
	AgentCard   json.RawMessage  `json:"agent_card" description:"as the agent gave it, without its addresses, or null; a list has no cards"`
}

// ListPeers is the call that lists the other workspaces.
var ListPeers = declare[WorkspacePath, []Peer](Operation{
	Function: "status", Route: "GET /registry/{id}/peers", ID: "listPeers", Tag: "directory",
	Summary: "The other workspaces",
	Access:  ByItself,
	Errors:  errs(400, 401, 404, 410),
})

// ListWorkspaces is the call that lists the fleet.
var ListWorkspaces = declare[ListWorkspacesRequest, Fleet](Operation{
	Function: "status", Route: "GET /workspaces", ID: "listWorkspaces", Tag: "directory",
	Summary: "The fleet",
	Access:  WhereViewIsOpen | ByViewer, InTeam: true,
	Errors: errs(400),
})

// ListWorkspacesRequest is which workspaces are asked for.
type ListWorkspacesRequest struct {
	Status workspace.Status `json:"-" query:"status" description:"only these"`
	IDs    string           `json:"-" query:"ids" list:"true" maxLength:"3300" description:"only these ids, joined by commas, 50 at most: to read what GET /events says has changed. One that does not exist, or was removed, is left out"`
	Page
}

// MaxIDs is how many workspaces a call can name.
const MaxIDs = 50

// Fleet is a page of the fleet.
type Fleet struct {
	Next       *string     `json:"next" description:"cursor of the next page; null on the last"`
	Workspaces []Workspace `json:"workspaces"`
}

// GetWorkspace is the call that gives one workspace.
var GetWorkspace = declare[WorkspacePath, Workspace](Operation{
	Function: "status", Route: "GET /workspaces/{id}", ID: "getWorkspace", Tag: "directory",
	Summary: "One workspace: status, reason, evidence, next step",
	Access:  WhereViewIsOpen | ByItself | ByViewer,
	Errors:  errs(400, 404, 410),
})

// Explain is the call that says in words what is wrong with a workspace.
var Explain = declare[ExplainRequest, Explanation](Operation{
	Function: "status", Route: "GET /workspaces/{id}/explain", ID: "explainWorkspace", Tag: "directory",
	Summary: "What is wrong, in words",
	Access:  WhereViewIsOpen | ByItself | ByViewer,
	Replies: []Reply{{Status: 200, Description: "done", Types: []string{JSON, Text}}},
	Errors:  errs(400, 404),
})

// ExplainRequest names a workspace and the form of the answer.
type ExplainRequest struct {
	WorkspacePath
	Format string `json:"-" query:"format" enum:"text" description:"text: answer in plain text, as with Accept: text/plain"`
}

// Explanation is a verdict in a person's words.
type Explanation struct {
	WorkspaceID  string           `json:"workspace_id" schema:"WorkspaceID"`
	Summary      string           `json:"summary" description:"what is wrong"`
	Status       workspace.Status `json:"status"`
	Reason       workspace.Reason `json:"reason"`
	Since        time.Time        `json:"since"`
	Hop          workspace.Hop    `json:"faulty_hop" description:"empty when none is at fault"`
	Next         string           `json:"next_step"`
	Command      string           `json:"command" description:"the exact command, where one mends it"`
	CommandNeeds string           `json:"command_needs,omitempty" enum:"operate" description:"the scope that the command needs, where the person who asks has a smaller one: an operator runs it"`
	Delivery     Delivery         `json:"delivery"`
	Evidence     []Evidence       `json:"evidence"`
	Remarks      []Remark         `json:"remarks,omitempty" description:"what else to know, whatever the status is"`
	Text         string           `json:"-"` // the reply itself, when it isn't empty
}

// Content implements Content.
func (e Explanation) Content() (contentType string, body []byte) {
	if e.Text == "" {
		return "", nil
	}
	return Text, []byte(e.Text)
}

// GetHistory is the call that gives what happened to a workspace.
var GetHistory = declare[HistoryRequest, History](Operation{
	Function: "status", Route: "GET /workspaces/{id}/history", ID: "listHistory", Tag: "directory",
	Summary: "Changes of its status, and acts of operators",
	Access:  WhereViewIsOpen | ByViewer,
	Errors:  errs(400, 404),
})

// HistoryRequest names a workspace and a page of its history.
type HistoryRequest struct {
	WorkspacePath
	Page
}

// History is a page of a workspace's or the platform's history.
type History struct {
	_       struct{}       `description:"Newest first. Audit lines are shown to the operator only."`
	History []HistoryEntry `json:"history"`
	Next    *string        `json:"next" description:"cursor of the next page; null on the last"`
}

// HistoryEntry is a change of verdict, or what an operator did or a credential
// went through.
type HistoryEntry struct {
	At      time.Time `json:"at"`
	Type    string    `json:"type" enum:"status,audit" description:"status: a change of verdict; audit: what an operator did or a credential went through"`
	Action  string    `json:"action" description:"status_changed, create, adopt, repair, revoke, rotate, dismiss, credential_issued, credential_used, …"`
	Who     string    `json:"who"`
	From    string    `json:"from,omitempty" description:"network address"`
	Life    int64     `json:"life" description:"number of the workspace's life, from 1. Changes of verdict are those of the present life; acts of operators are those of all lives"`
	Summary string    `json:"summary"`
	Change  *Change   `json:"change,omitempty" description:"of type status: what changed"`
}

// GetEvents is the call that follows the fleet's changes of status.
var GetEvents = declare[EventsRequest, Events](Operation{
	Function: "status", Route: "GET /events", ID: "listEvents", Tag: "directory",
	Summary: "The fleet's changes of status, in order",
	Access:  WhereViewIsOpen | ByViewer,
	Errors:  errs(400, 410),
})

// EventsRequest is where to go on in the log of changes.
type EventsRequest struct {
	Since *int64 `json:"-" query:"since" minimum:"0" problem:"since must be the next of an earlier call, or 0" description:"next of the answer before; without it, the newest changes. 410 when the log no longer has what came after it, or is another log"`
	Limit int    `json:"-" query:"limit" minimum:"1" maximum:"500" default:"100" description:"at most how many; default 100"`
	Wait  int    `json:"-" query:"wait" minimum:"0" maximum:"20" description:"a long poll: for how many seconds the call waits for a change after since. It is answered within 2.5 s of a change, or with an empty list when the time is over"`
}

// Events is a page of the log of changes.
type Events struct {
	Events []Change `json:"events"`
	Next   int64    `json:"next" description:"since of the next call"`
}

// Standing is a verdict in two words.
type Standing struct {
	_      struct{}         `description:"A verdict in two words."`
	Status workspace.Status `json:"status"`
	Reason workspace.Reason `json:"reason"`
}

// Change is a change of a workspace's verdict.
type Change struct {
	_            struct{}   `description:"A change of verdict. It is also the detail of the EventBridge event \"Workspace Status Changed\" of source \"rollcall\"; a repeat has the same seq."`
	Seq          int64      `json:"seq" description:"in the fleet, from 1, without gaps"`
	WorkspaceSeq int64      `json:"workspace_seq" description:"in the workspace, from 1, without gaps"`
	Workspace    string     `json:"workspace_id" schema:"WorkspaceID"`
	Life         int64      `json:"life" description:"number of the workspace's life, from 1: a workspace that is removed and created again begins another"`
	At           time.Time  `json:"at" description:"when it was recorded: by the call that caused it, or by the next sweep"`
	From         *Standing  `json:"from" description:"null: its first verdict"`
	To           Standing   `json:"to"`
	Since        time.Time  `json:"since" description:"when the new verdict began"`
	Hint         string     `json:"hint"`
	Action       string     `json:"action"`
	Evidence     []Evidence `json:"evidence"`
	LeftOut      int64      `json:"left_out,omitempty" description:"how many changes of the workspace before this one are not recorded, because its calls caused too many"`
}
