// Package delivery moves chat: it accepts a message, hands it to the agent that
// polls, and drains it to the agent that is pushed to. The ledger is the truth
// about every message. A chat queue carries tickets, each the right to deliver
// one message, whose visibility timeout and group lock keep one delivery to a
// task slot. The ledger says which message is next, so priority and order hold
// whatever order tickets come in.
package delivery

import (
	"context"
	"errors"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Delivery is the use cases over their ports.
type Delivery struct {
	Registry      *registry.Registry
	Ledger        Ledger
	Activity      activity.Log
	Queues        Queues
	Agents        Agents
	Callbacks     Callbacks
	DeadAnnouncer DeadAnnouncer
	Policy        chat.Policy
	Clock         clock.Clock
	Helpers       *Helpers  // that the drains of this process share; without it each drain has all it wants
	Refusals      *Refusals // that this process remembers; without it each message is looked at anew
}

// LifeOf is the life of its workspace that a message was sent to.
func LifeOf(m chat.Message) workspace.Life {
	return workspace.Life{Workspace: m.Workspace, Number: m.Life}
}

// SenderOf is the life of the workspace that a message was sent in; the zero Life for a user's or a person's.
func SenderOf(m chat.Message) workspace.Life {
	return workspace.Life{Workspace: m.Source, Number: m.SourceLife}
}

// Message is one message of a workspace's present life, without its body if that is apart. Error: message_unknown.
func (d *Delivery) Message(ctx context.Context, id, messageID string) (chat.Message, error) {
	life, err := d.life(ctx, id)
	if err != nil {
		return chat.Message{}, err
	}
	m, err := d.message(ctx, life, messageID)
	if err != nil {
		return m, err
	}
	return d.withTexts(ctx, chat.Answers, m)
}

// withTexts is a message with what is apart of it.
func (d *Delivery) withTexts(ctx context.Context, which chat.Texts, m chat.Message) (chat.Message, error) {
	ms, err := d.Ledger.Texts(ctx, which, []chat.Message{m})
	if err != nil {
		return m, err
	}
	return ms[0], nil
}

// withBodies are open messages with their bodies, to be handed over. Error:
// platform_unavailable when one is not there: an agent is handed no message without it.
func (d *Delivery) withBodies(ctx context.Context, ms []chat.Message) ([]chat.Message, error) {
	ms, err := d.Ledger.Texts(ctx, chat.Bodies, ms)
	if err != nil {
		return nil, err
	}
	for _, m := range ms {
		if m.Lacks(chat.Bodies) != 0 {
			return nil, fault.Store("read the body of "+m.ID, errors.New("it is not there"))
		}
	}
	return ms, nil
}

// life is a workspace's present one. Error: message_unknown when there is no such
// workspace: it has no message either.
func (d *Delivery) life(ctx context.Context, id string) (workspace.Life, error) {
	f, err := d.Registry.Leases.Get(ctx, id)
	if fault.CodeOf(err) == fault.WorkspaceUnknown {
		err = UnknownMessageError()
	}
	return f.Life(), err
}

// message is one message of a life. Error: message_unknown.
func (d *Delivery) message(ctx context.Context, life workspace.Life, messageID string) (chat.Message, error) {
	ms, err := d.Ledger.Messages(ctx, life, messageID)
	if err != nil {
		return chat.Message{}, err
	}
	if len(ms) == 0 {
		return chat.Message{}, UnknownMessageError()
	}
	return ms[0], nil
}

// UnknownMessageError is the answer for a message that isn't there, or isn't the
// caller's to see.
func UnknownMessageError() error {
	return fault.New(fault.MessageUnknown, "this workspace has no message with this id").
		WithHint("receipts are kept for a week after a message's end, and until a removed workspace is created again; "+
			"they are shown to its sender and its receiver", "stop")
}
