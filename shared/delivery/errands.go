package delivery

import (
	"context"
	"errors"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
)

// An errand is what is left to do when a message has come to its end: a dead
// one's ticket goes to the dead-letter queue and its death is announced; a
// sender that gave a callback URL is told. It is written down in the transaction
// of the end itself, so that no crash forgets it, and struck off when it is done;
// it may be done twice.

// HasErrand tells whether a message's end leaves something to do. Stores ask it.
func HasErrand(m chat.Move) bool {
	return m.From.State.Open() && !m.To.State.Open() && (m.To.State == chat.Dead && !m.To.Probe || m.To.Callback != "")
}

// callbackPatience is how long a callback is tried again, once a sweep.
const callbackPatience = time.Hour

// Callbacks tell a sender's URL of an end.
type Callbacks interface {
	Tell(ctx context.Context, url string, m chat.Message) error
}

// runErrands does what is left to do for a workspace's ended messages. One that
// fails stays, and keeps none of the others from being done.
func (d *Delivery) runErrands(ctx context.Context, l Lane) error {
	ids, err := d.Ledger.Errands(ctx, l.Workspace)
	if err != nil || len(ids) == 0 {
		return err
	}
	ms, err := d.Ledger.Messages(ctx, l.Workspace, ids...)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	var all []error
	for _, m := range ms {
		known[m.ID] = true
		if err := d.errand(ctx, l, m); err != nil {
			all = append(all, err)
			continue
		}
		all = append(all, d.Ledger.ErrandDone(ctx, l.Workspace, m.ID))
	}
	for _, id := range ids { // of a message that is gone: nothing is left to tell
		if !known[id] {
			all = append(all, d.Ledger.ErrandDone(ctx, l.Workspace, id))
		}
	}
	return errors.Join(all...)
}

func (d *Delivery) errand(ctx context.Context, l Lane, m chat.Message) error {
	if m.State == chat.Dead {
		if err := d.Queues.Bury(ctx, l, Ticket{MessageID: m.ID, Seq: m.Seq, Dedup: ticketID(m, m)}, m.Reason); err != nil {
			return err
		}
		if err := d.Announcer.AnnounceDead(ctx, m); err != nil {
			return err
		}
	}
	if m.Callback == "" || m.State.Open() { // open again: redriven, and told at its next end
		return nil
	}
	err := d.Callbacks.Tell(ctx, m.Callback, m)
	if err != nil && d.Now().Sub(m.SettledAt) < callbackPatience {
		return fault.New(fault.Invalid, "callback of message %s: %v", m.ID, err)
	}
	return nil
}
