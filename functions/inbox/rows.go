package main

import (
	"context"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// typeReceive is the activity type of messages.
const typeReceive = "a2a_receive"

// typeNotify is the activity type of what the workspace told its user.
const typeNotify = "notify"

// sendersOf are the profiles of the workspaces that sent messages; no call is
// made when none did.
func sendersOf(
	ctx context.Context, reg *registry.Registry, ms []chat.Message,
) (map[string]workspace.Profile, error) {
	seen := map[string]bool{}
	var ids []string
	for _, m := range ms {
		if m.Source != "" && m.Source != workspace.Platform && !seen[m.Source] {
			seen[m.Source] = true
			ids = append(ids, m.Source)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return reg.Profiles.Profiles(ctx, ids...)
}

// nameLen is how much of a sender's name and role its messages' rows show, in bytes.
const nameLen = 200

// messageRow is the row of a message; senders are the profiles of known senders.
func messageRow(m chat.Message, senders map[string]workspace.Profile) api.ActivityRow {
	from := "the user"
	row := api.ActivityRow{
		ID: delivery.CursorOf(m).ID(delivery.LifeOf(m)), WorkspaceID: m.Workspace, Type: typeReceive, TargetID: &m.Workspace,
		Method: m.Method, Status: "ok", CreatedAt: m.AcceptedAt, RequestBody: m.Body, ResponseBody: m.Answer,
		MessageID: m.ID, Seq: m.Seq, Data: &api.RowData{Source: "canvas_user", Text: chat.Summary(m.Body)},
	}
	if m.Source != "" {
		p := senders[m.Source]
		if m.Source == workspace.Platform {
			p.Name = workspace.PlatformName
		}
		name, role := chat.Clip(p.ShownName(), nameLen), chat.Clip(p.Role, nameLen)
		row.SourceID = &m.Source
		row.Data.Source, row.Data.SourceID, row.Data.PeerName, row.Data.PeerRole = "peer_agent", m.Source, name, role
		from = senderWords(m.Source, name)
	}
	row.Summary = m.Method + " from " + from
	if row.Data.Text != "" && chat.Shown(m.Body) != row.Data.Text {
		row.Summary = row.Data.Text // what a client shows that finds no text, or not all, in the message
		row.RequestBody = chat.Readable(m.Body, row.Data.Text)
	}
	return row
}

// senderWords says of what kind a sender with a source is, and who. Its card chose its name: that alone could be taken
// for a user's.
func senderWords(source, name string) string {
	switch {
	case source == workspace.Platform:
		return workspace.PlatformName
	case name == "" || name == source:
		return "workspace " + source
	}
	return "workspace " + source + " (" + name + ")"
}

// messageRow is the row of a message as the call asks for it.
func (q query) messageRow(c httpapi.Call, m chat.Message, senders map[string]workspace.Profile) api.ActivityRow {
	row := messageRow(m, senders)
	if q.peerInfo {
		row = withPeerInfo(row, c.Base())
	}
	return row
}

// maxPeerInfo is more than the members that withPeerInfo adds take in a reply.
const maxPeerInfo = maxAttachments + 8<<10

// withPeerInfo adds to a message's row who sent it and what is attached. base is
// the platform's own address.
func withPeerInfo(row api.ActivityRow, base string) api.ActivityRow {
	if row.SourceID != nil {
		row.PeerName, row.PeerRole = row.Data.PeerName, row.Data.PeerRole
		if *row.SourceID != workspace.Platform {
			row.AgentCardURL = base + "/registry/discover/" + *row.SourceID
		}
	}
	row.Attachments = attachmentsOf(row.RequestBody)
	return row
}

// loggedRow is the row of what the workspace told its user, or reported. It
// carries no data object: it is nothing that anyone has to answer. What it reported
// says so and is from itself, whatever type it gave it: it is no message of the user.
func loggedRow(r activity.Row) api.ActivityRow {
	return api.ActivityRow{
		ID: r.ID, WorkspaceID: r.Workspace, Type: r.Type, Reported: isReported(r),
		SourceID: optional(sourceOf(r)), TargetID: optional(r.TargetID),
		Method: r.Method, Summary: r.Summary, DurationMS: r.DurationMS, Status: r.Status,
		ErrorDetail: optional(r.ErrorDetail), CreatedAt: r.At, RequestBody: r.Request, ResponseBody: r.Response,
	}
}

// isReported reports whether a row is what the workspace reported.
func isReported(r activity.Row) bool { return r.Type != typeNotify }

// sourceOf is who wrote a logged row: what a workspace reported is from itself, whether or not its client says so.
func sourceOf(r activity.Row) string {
	if isReported(r) {
		return r.Workspace
	}
	return r.SourceID
}

// optional is nil for an empty text.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
