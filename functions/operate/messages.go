package main

import (
	"cmp"
	"context"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// messages is what operators do to messages.
type messages struct {
	registry *registry.Registry
	delivery *delivery.Delivery
	activity activity.Log
}

// byOperator is who ends a message, in the words of its receipt.
const byOperator = "an operator"

// change makes a change of one message, and wakes the drain when it waits then. What
// can't be done to the message as it is leaves no line; may says so.
func (ms messages) change(
	action string, may func(chat.Message, time.Time) error,
	to func(ctx context.Context, id, messageID string, now time.Time) (chat.Message, error),
) func(context.Context, httpapi.Call, api.MessagePath) (api.Receipt, error) {
	return func(ctx context.Context, c httpapi.Call, in api.MessagePath) (api.Receipt, error) {
		f, err := ms.registry.Read(ctx, in.ID)
		if err != nil {
			return api.Receipt{}, err
		}
		was, err := ms.delivery.Message(ctx, in.ID, in.MessageID)
		if err != nil {
			return api.Receipt{}, err
		}
		if err := may(was, c.Now); err != nil {
			return api.Receipt{}, err
		}
		audit := entry(c, action, "asked to %s message %s", action, in.MessageID)
		if err := activity.Audit(ctx, ms.activity, f.Life(), audit); err != nil {
			return api.Receipt{}, err
		}
		m, err := to(ctx, in.ID, in.MessageID, c.Now)
		if err != nil {
			return api.Receipt{}, err
		}
		if m.State.Open() {
			f.Open++
			ms.registry.WakeIfDeliverable(ctx, f, "redrive", c.Now)
		}
		return httpapi.ReceiptOf(c, m), nil
	}
}

// redrive puts back one dead message, or says whether it would.
func (ms messages) redrive(
	ctx context.Context, c httpapi.Call, in api.RedriveMessageRequest,
) (api.RedrivenMessage, error) {
	if !in.DryRun {
		receipt, err := ms.change("redrive", ms.mayRedrive, ms.delivery.Redrive)(ctx, c, in.MessagePath)
		return api.RedrivenMessage{Receipt: receipt}, err
	}
	m, err := ms.delivery.Message(ctx, in.ID, in.MessageID)
	if err != nil {
		return api.RedrivenMessage{}, err
	}
	err = ms.mayRedrive(m, c.Now)
	return api.RedrivenMessage{Receipt: httpapi.ReceiptOf(c, m)}, err
}

func (ms messages) mayRedrive(m chat.Message, now time.Time) error {
	_, err := m.Redrive(ms.delivery.Policy, now)
	return err
}

func mayCancel(m chat.Message, now time.Time) error {
	_, err := m.Cancel("", now)
	return err
}

// cancel ends a message for an operator, or for the workspace that sent it. The receipt says which.
func (ms messages) cancel(ctx context.Context, c httpapi.Call, in api.GetMessageRequest) (api.Receipt, error) {
	if c.Caller.Workspace == "" {
		end := func(ctx context.Context, id, messageID string, now time.Time) (chat.Message, error) {
			return ms.delivery.Cancel(ctx, id, messageID, byOperator, now)
		}
		return ms.change("cancel", mayCancel, end)(ctx, c, in.MessagePath)
	}
	m, err := ms.delivery.CancelAsSender(ctx, in.ID, in.MessageID, c.Caller.Life(), c.Now)
	if err != nil {
		return api.Receipt{}, err
	}
	return httpapi.ReceiptOf(c, m), nil
}

// cancelMail ends the mail that waits of a workspace, or of one sender, or says which it would.
func (ms messages) cancelMail(
	ctx context.Context, c httpapi.Call, in api.CancelMailRequest,
) (out api.CancelledMail, err error) {
	if in.From == "" && !in.All {
		return out, fault.New(fault.InvalidRequest, "say whose mail to cancel, with from or all")
	}
	if err := workspace.CheckSender(in.From); err != nil {
		return out, err
	}
	ask := func(life workspace.Life, n, left int) error {
		return activity.Audit(ctx, ms.activity, life, entry(c, "cancel",
			"asked to cancel %d of the %d messages that waited from %s", n, n+left, cmp.Or(in.From, "anyone")))
	}
	if in.DryRun {
		ask = nil
	}
	ended, left, err := ms.delivery.CancelMail(ctx, in.ID, in.From, byOperator, ask, c.Now)
	return api.CancelledMail{DryRun: in.DryRun, Messages: httpapi.ReceiptsOf(c, ended), Left: left}, err
}

// redriveAll puts back what a workspace lost, the oldest first, or says which messages it would.
func (ms messages) redriveAll(ctx context.Context, c httpapi.Call, in api.RedriveRequest) (api.Redriven, error) {
	f, err := ms.registry.Read(ctx, in.ID)
	if err != nil {
		return api.Redriven{}, err
	}
	ask := func(life workspace.Life, n, left int) error {
		return activity.Audit(ctx, ms.activity, life, entry(c, "redrive",
			"asked to redrive %d of the %d messages that were lost", n, n+left))
	}
	if in.DryRun {
		ask = nil
	}
	back, left, err := ms.delivery.RedriveAll(ctx, in.ID, ask, c.Now)
	if err != nil {
		return api.Redriven{}, err
	}
	if !in.DryRun && len(back) > 0 {
		f.Open += int64(len(back))
		ms.registry.WakeIfDeliverable(ctx, f, "redrive", c.Now)
	}
	return api.Redriven{DryRun: in.DryRun, Messages: httpapi.ReceiptsOf(c, back), Left: left}, nil
}
