package api

import "github.com/rollcall/rollcall/shared/workspace"

// WorkspacePath is the request of a call about one workspace.
type WorkspacePath struct {
	ID string `json:"-" path:"id" description:"the workspace"`
}

// Check checks the id. Error: invalid_workspace_id.
func (p WorkspacePath) Check() error { return workspace.CheckID(p.ID) }

// MessagePath is the request of a call about one message.
type MessagePath struct {
	WorkspacePath
	MessageID string `json:"-" path:"message_id" maxLength:"128" description:"the message, by its messageId"`
}

// Claims are who a caller says it is. The credential's owner is what counts.
type Claims struct {
	Caller string `json:"-" header:"X-Workspace-ID" description:"which workspace calls; it must be the one whose credential is sent"`
	Source string `json:"-" header:"X-Source-Workspace-Id" description:"an older name of X-Workspace-ID"`
}

// Page is which page of a list to give.
type Page struct {
	Limit  int    `json:"-" query:"limit" minimum:"1" maximum:"500" default:"100" description:"at most how many; default 100"`
	Cursor string `json:"-" query:"cursor" description:"next of the answer before"`
}
