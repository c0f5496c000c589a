package delivery

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"golang.org/x/sync/errgroup"

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

// Of a workspace's errands a drain does errandsAtOnce at a time, errandsAtMost in
// all, drawn by lot: URLs that don't answer keep no others waiting for long.
const errandsAtOnce, errandsAtMost = 8, 64

// runErrands does what is left to do for a workspace's ended messages. One that
// fails stays, and keeps none of the others from being done.
func (d *Delivery) runErrands(ctx context.Context, l Lane) error {
	errands, err := d.Ledger.Errands(ctx, l.Workspace)
	if err != nil {
		return err
	}
	rand.Shuffle(len(errands), func(i, j int) { errands[i], errands[j] = errands[j], errands[i] })
	errands = errands[:min(len(errands), errandsAtMost)]
	failed := make([]error, len(errands))
	var g errgroup.Group
	g.SetLimit(errandsAtOnce)
	for i, e := range errands {
		g.Go(func() error {
			ms, err := d.Ledger.Messages(ctx, l.Workspace, e.MessageID)
			if err == nil && len(ms) > 0 { // of a message that is gone, nothing is left to tell
				err = d.errand(ctx, l, ms[0])
			}
			if err == nil {
				err = d.Ledger.ErrandDone(ctx, l.Workspace, e)
			}
			failed[i] = err
			return nil
		})
	}
	_ = g.Wait() // what failed is in failed
	return errors.Join(failed...)
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
		return fault.New(fault.InvalidRequest, "callback of message %s: %v", m.ID, err)
	}
	return nil
}
