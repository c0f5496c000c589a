package main

import (
	"context"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/workspace"
)

// receipts shows messages to those who may see them.
type receipts struct {
	delivery *delivery.Delivery
}

// list gives receipts, newest first: all to the workspace itself and to who may
// operate, their own to other senders.
func (rs receipts) list(ctx context.Context, c httpapi.Call, in api.ListMessagesRequest) (api.Receipts, error) {
	below, err := c.ReadCursor(in.Cursor)
	if err == nil {
		err = workspace.CheckSender(in.From)
	}
	if err != nil {
		return api.Receipts{}, err
	}
	// The mail of a removed workspace can still be followed.
	f, err := rs.delivery.Registry.Read(ctx, in.ID)
	if err != nil && fault.CodeOf(err) != fault.WorkspaceRemoved {
		return api.Receipts{}, err
	}
	s := delivery.Selection{State: in.State, From: in.From, At: c.Now, Below: below, Limit: in.Limit}
	if who := c.Caller; !who.Operates() && who.Workspace != in.ID {
		sender := who.Life()
		s.Sender = &sender
	}
	ms, next, err := rs.delivery.List(ctx, f.Life(), s)
	if err == nil && s.Sender != nil && len(ms) == 0 && c.Caller.Workspace != "" {
		err = rs.delivery.Registry.CheckPeer(ctx, c.Caller.Team, in.ID) // of another team's it learns nothing
	}
	if err != nil {
		return api.Receipts{}, err
	}
	vw := httpapi.ViewerOf(ctx, rs.delivery.Registry, c.Now, f)
	return api.Receipts{Messages: vw.Receipts(c, ms, f), Next: c.NextCursor(next)}, nil
}

func (rs receipts) one(ctx context.Context, c httpapi.Call, in api.GetMessageRequest) (api.Receipt, error) {
	m, err := rs.message(ctx, c, in)
	if err != nil || m.At(c.Now).State != chat.Queued {
		return httpapi.ReceiptOf(c, m), err
	}
	f, err := rs.delivery.Registry.Read(ctx, in.ID)
	if err != nil && fault.CodeOf(err) != fault.WorkspaceRemoved {
		return api.Receipt{}, err
	}
	return httpapi.ViewerOf(ctx, rs.delivery.Registry, c.Now, f).Receipt(c, m, f), nil
}

func (rs receipts) queueStatus(
	ctx context.Context, c httpapi.Call, in api.GetMessageRequest,
) (api.QueueStatus, error) {
	m, err := rs.message(ctx, c, in)
	return queueStatusOf(c, m), err
}

// message is a message, for its sender, its receiver and who may operate; for
// another workspace it doesn't exist (wire contract, section 5, "no right = 404"),
// nor for another life of its sender.
func (rs receipts) message(ctx context.Context, c httpapi.Call, in api.GetMessageRequest) (chat.Message, error) {
	who := c.Caller.Workspace // "": the user, where chat is open, or a person
	m, err := rs.delivery.Message(ctx, in.ID, in.MessageID)
	switch {
	case fault.CodeOf(err) == fault.WorkspaceUnknown && who != "":
		return chat.Message{}, delivery.UnknownMessageError()
	case err != nil:
		return chat.Message{}, err
	}
	if who != "" && who != m.Workspace && c.Caller.Life() != delivery.SenderOf(m) {
		return chat.Message{}, delivery.UnknownMessageError()
	}
	return m, nil
}

// queueStatuses are the states in the older clients' words.
var queueStatuses = map[chat.State]string{
	chat.Queued: "queued", chat.InFlight: "dispatched", chat.Delivered: "completed", chat.Dead: "failed",
	chat.Expired: "dropped", chat.Cancelled: "dropped",
}

func queueStatusOf(c httpapi.Call, m chat.Message) api.QueueStatus {
	r := httpapi.ReceiptOf(c, m)
	q := api.QueueStatus{
		QueueID: m.ID, WorkspaceID: m.Workspace, Status: queueStatuses[r.State], State: r.State, TaskState: r.TaskState,
		Priority: m.Priority, Attempts: r.Tries, EnqueuedAt: m.AcceptedAt, ExpiresAt: m.ExpiresAt,
		ResponseBody: r.Answer,
	}
	if r.LastError != "" {
		q.LastError = &r.LastError
	}
	if n := len(r.Attempts); n > 0 {
		q.DispatchedAt = &r.Attempts[n-1].At
	}
	if !r.SettledAt.IsZero() {
		q.CompletedAt = &r.SettledAt
	}
	switch {
	case r.State == chat.Delivered && r.TaskState.Underway(): // the agent took it, and is at work on it
		q.Status, q.CompletedAt = queueStatuses[chat.InFlight], nil
	case m.TaskError() != "":
		q.Status = queueStatuses[chat.Dead]
	}
	return q
}
