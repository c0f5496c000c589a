package main

import (
	"encoding/json"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/workspace"
)

// row is the wire contract's activity row (section 2.3), with the additive data
// object (section 6, point 3).
type row struct {
	ID           string          `json:"id"`
	WorkspaceID  string          `json:"workspace_id"`
	Type         string          `json:"activity_type"`
	SourceID     *string         `json:"source_id"`
	TargetID     *string         `json:"target_id"`
	Method       string          `json:"method"`
	Summary      string          `json:"summary"`
	DurationMS   *int            `json:"duration_ms"`
	Status       string          `json:"status"`
	ErrorDetail  *string         `json:"error_detail"`
	CreatedAt    time.Time       `json:"created_at"`
	RequestBody  json.RawMessage `json:"request_body,omitempty"`
	ResponseBody json.RawMessage `json:"response_body,omitempty"`
	MessageID    string          `json:"message_id,omitempty"`
	Data         *data           `json:"data,omitempty"`
}

// data is all that one client reads of a row.
type data struct {
	Source   string `json:"source"`
	SourceID string `json:"source_id"`
	Text     string `json:"text"`
	PeerName string `json:"peer_name,omitempty"`
	PeerRole string `json:"peer_role,omitempty"`
}

const typeReceive = "a2a_receive"

// ofMessage is the row of a message; peers are the profiles of known senders.
func ofMessage(m chat.Message, peers map[string]workspace.Profile) row {
	from := "the user"
	out := row{
		ID: delivery.CursorOf(m).ID(m.Workspace), WorkspaceID: m.Workspace, Type: typeReceive, TargetID: &m.Workspace, Method: m.Method,
		Status: "ok", CreatedAt: m.AcceptedAt, RequestBody: m.Body, ResponseBody: m.Answer, MessageID: m.ID,
		Data: &data{Source: "canvas_user", Text: chat.Text(m.Body)},
	}
	if m.Source != "" {
		p := peers[m.Source]
		out.SourceID = &m.Source
		out.Data.Source, out.Data.SourceID, out.Data.PeerName, out.Data.PeerRole = "peer_agent", m.Source, p.Name, p.Role
		if from = p.Name; from == "" {
			from = m.Source
		}
	}
	out.Summary = m.Method + " from " + from
	return out
}

// ofNote is the row of what the workspace told its user, or reported. It carries
// no data object: it is nothing that anyone has to answer.
func ofNote(n activity.Row) row {
	return row{
		ID: n.ID, WorkspaceID: n.Workspace, Type: n.Type, SourceID: some(n.SourceID), TargetID: some(n.TargetID), Method: n.Method, Summary: n.Summary,
		DurationMS: n.DurationMS, Status: n.Status, ErrorDetail: some(n.ErrorDetail), CreatedAt: n.At, RequestBody: n.Request, ResponseBody: n.Response,
	}
}

func some(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
