package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/retry"
	"github.com/rollcall/rollcall/shared/waiting"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Accepted is the answer to an enqueue.
type Accepted struct {
	At       time.Time // of what is said here
	Message  chat.Message
	First    bool // false: this id was accepted before, and this is that one's receipt
	Expected workspace.Expectation
	Why      string // why it is not delivered now; "" when that is plain
	Verdict  workspace.Verdict
	Mode     workspace.Delivery
	Depth    int64
	Facts    workspace.Facts
	// NoPlace says that the call did not wait for an answer, as too many of its sender's calls do.
	NoPlace bool

	before workspace.Facts // as they were before the message was counted
}

// acceptTries bounds how often a count or a put is tried while a transaction
// writes the same item. Senders do not race with each other.
const acceptTries = 12

// AcceptPatience is longer than any call that accepts a message may run. A count
// that is older, and whose message isn't there, is that of a call that was cut off.
const AcceptPatience = 30 * time.Second

// Enqueue accepts a message once, durably: when it returns without an error the
// message is in the ledger. The same id again, with the same content (chat.Digest),
// gets the first one's receipt; with other content it is refused. Two calls in the
// steady case (count, put), and one wake-up; none while a drain is at work, which
// looks again when it has written the outcome of what it delivers. A call that is
// cut off in between leaves a count too many, and nothing was accepted; the sweep
// takes it off. Errors: workspace_unknown, workspace_removed, inbox_full,
// message_id_taken, platform_unavailable, conflict.
func (d *Delivery) Enqueue(ctx context.Context, m chat.Message, now time.Time) (Accepted, error) {
	out, err := d.accept(ctx, m, anyLife, nil, now)
	if err == nil {
		d.expect(ctx, &out, out.before, now)
	}
	return out, err
}

// EnqueueTo is Enqueue for a message that is for one life of a workspace. Errors: those of Enqueue; conflict when the
// workspace is in another life by now.
func (d *Delivery) EnqueueTo(
	ctx context.Context, life workspace.Life, m chat.Message, now time.Time,
) (Accepted, error) {
	m.Workspace = life.Workspace
	out, err := d.accept(ctx, m, life.Number, nil, now)
	switch {
	case errors.Is(err, errLifeOver):
		err = fault.New(fault.Conflict, "the workspace was removed and created again meanwhile")
	case err == nil:
		d.expect(ctx, &out, out.before, now)
	}
	return out, err
}

// anyLife is that a message is for the present life of its workspace, whichever that is.
const anyLife = -1

// checkReceiver refuses a message that is counted in another team than its call was admitted for, as if the workspace
// were not there, or in another life than it is for. Errors: workspace_unknown, errLifeOver.
func checkReceiver(ctx context.Context, counted workspace.Facts, life int64) error {
	if err := registry.CheckTeam(ctx, counted); err != nil {
		return err
	}
	if counted.ID != "" && life != anyLife && life != counted.Lives {
		return errLifeOver
	}
	return nil
}

// accept is Enqueue without what is expected of the message, for a life of its workspace. Where its sender may wait for
// an answer, it takes the place to wait in; without one the answer comes as a message.
func (d *Delivery) accept(
	ctx context.Context, m chat.Message, life int64, place *waiting.Place, now time.Time,
) (Accepted, error) {
	if err := workspace.CheckID(m.Workspace); err != nil {
		return Accepted{}, err
	}
	if m.ID == "" {
		m.ID = uuid.NewString()
	}
	lifetime := time.Duration(0) // the sender didn't say
	if m.ExpiresAt.IsZero() {
		m.ExpiresAt = now.Add(d.Policy.Lifetime)
	} else {
		lifetime = m.ExpiresAt.Sub(now)
	}
	m.Digest = chat.Digest(m, lifetime)
	m.AcceptedAt, m.State, m.Reason, m.Version = now, chat.Queued, "accepted", 1
	if refusal := d.Refusals.of(m, now); refusal != nil {
		f, err := d.Registry.Leases.Get(ctx, m.Workspace)
		if err == nil && refusal.holds(f) && checkReceiver(ctx, f, life) == nil {
			return d.refuse(ctx, f, m, func() error { return refusal.again() })
		}
	}
	f, counted, err := d.count(ctx, m, now)
	if err != nil {
		return Accepted{}, err
	}
	if err := checkReceiver(ctx, f, life); err != nil {
		if counted {
			d.uncount(ctx, f.Life())
		}
		return Accepted{}, err
	}
	if !counted {
		return d.refuse(ctx, f, m, func() error {
			open, err := d.Ledger.OpenMail(ctx, f.Life(), 0)
			if err != nil {
				return err
			}
			return d.full(ctx, f, m, open, now)
		})
	}
	if over, open, err := d.overShare(ctx, f, m); over || err != nil {
		d.uncount(ctx, f.Life())
		if err != nil {
			return Accepted{}, err
		}
		return d.refuse(ctx, uncounted(f), m, func() error { return d.full(ctx, uncounted(f), m, open, now) })
	}
	m.Seq, m.Life = f.Accepted, f.Lives
	if !m.AwaitedUntil.IsZero() && (!d.answersInTime(uncounted(f), now) || place.Take(ctx) != nil) {
		m.AwaitedUntil = time.Time{}
	}
	stored, err := d.put(ctx, m)
	if err != nil {
		return Accepted{}, err
	}
	// The same put may have been sent twice, after a lost reply: then it is stored.
	if stored.Seq != m.Seq || !stored.AcceptedAt.Equal(m.AcceptedAt) || stored.Digest != m.Digest {
		d.uncount(ctx, f.Life())
		return d.repeated(ctx, uncounted(f), stored, m)
	}
	if !d.attended(ctx, f, now) {
		d.Registry.WakeIfDeliverable(ctx, f, "enqueue", now)
	}
	return Accepted{Message: stored, First: true, Depth: f.Open, Facts: f, before: uncounted(f)}, nil
}

// count counts m, and gives it its number.
func (d *Delivery) count(ctx context.Context, m chat.Message, now time.Time) (f workspace.Facts, ok bool, err error) {
	err = retry.OnConflict(ctx, d.Clock, acceptTries, func() error {
		places := d.Policy.MaxOpen
		if m.Probe {
			places++ // it has one of its own
		}
		f, ok, err = d.Ledger.Count(ctx, m.Workspace, now, m.Probe, places)
		return err
	})
	return f, ok, err
}

// uncount takes a count back. One that stays is the sweep's to take off.
func (d *Delivery) uncount(ctx context.Context, life workspace.Life) {
	_ = retry.OnConflict(ctx, d.Clock, acceptTries, func() error { return d.Ledger.Uncount(ctx, life) })
}

// overShare reports whether the sender of m has its share of the inbox, with the mail
// that it read. It looks only where a share holds. Senders that are counted at the same
// time may pass the share by as many, and never the inbox's limit.
func (d *Delivery) overShare(
	ctx context.Context, counted workspace.Facts, m chat.Message,
) (over bool, open []OpenMessage, err error) {
	if m.Probe || !d.Policy.Crowded(counted.Open) {
		return false, nil, nil
	}
	if open, err = d.Ledger.OpenMail(ctx, counted.Life(), 0); err != nil {
		return false, nil, err
	}
	senders := sendersOf(open)
	return senders[m.Source] >= d.Policy.Share(m.Source, senders), open, nil
}

// sendersOf counts open mail by sender.
func sendersOf(open []OpenMessage) map[string]int64 {
	out := map[string]int64{}
	for _, m := range open {
		out[m.Source]++
	}
	return out
}

// put stores m, unless a message with its id is stored.
func (d *Delivery) put(ctx context.Context, m chat.Message) (stored chat.Message, err error) {
	err = retry.OnConflict(ctx, d.Clock, acceptTries, func() error {
		stored, err = d.Ledger.Put(ctx, m)
		return err
	})
	return stored, err
}

// uncounted are the facts as they were before their last count.
func uncounted(f workspace.Facts) workspace.Facts {
	f.Accepted, f.Open = f.Accepted-1, f.Open-1
	if f.Open == 0 {
		f.OldestOpen = time.Time{}
	}
	return f
}

// attended reports whether a drain is at work that will see the message that was
// just stored: its delivery was under way at the count, and still is.
func (d *Delivery) attended(ctx context.Context, counted workspace.Facts, now time.Time) bool {
	p := d.Registry.Policy
	if !counted.Delivering(p, now) {
		return false
	}
	f, err := d.Registry.Leases.Get(ctx, counted.ID)
	return err == nil && f.Delivering(p, now)
}

// refuse says why a workspace takes no message; full does where it is for want of room.
// A message that was accepted before is no new one.
func (d *Delivery) refuse(
	ctx context.Context, f workspace.Facts, m chat.Message, full func() error,
) (Accepted, error) {
	switch {
	case f.ID == "":
		return Accepted{}, workspace.UnknownError()
	case f.Hold == workspace.Removed:
		return Accepted{}, workspace.RemovedError(f)
	}
	stored, err := d.Ledger.Messages(ctx, f.Life(), m.ID)
	if err != nil {
		return Accepted{}, err
	}
	if len(stored) > 0 {
		return d.repeated(ctx, f, stored[0], m)
	}
	return Accepted{}, full()
}

// noteFullEvery bounds the writes that a stream of refusals can cause.
const noteFullEvery = 30 * time.Second

// full is the refusal of a message for want of room, with this mail that waits. It names
// the senders that fill the inbox, and notes the first of them for the verdict, if
// others keep its sender out: a surplus of its own is its own affair.
func (d *Delivery) full(
	ctx context.Context, f workspace.Facts, m chat.Message, open []OpenMessage, now time.Time,
) error {
	source, senders := m.Source, sendersOf(open)
	names := slices.SortedFunc(maps.Keys(senders), func(a, b string) int {
		return cmp.Or(cmp.Compare(senders[b], senders[a]), cmp.Compare(a, b))
	})
	by := ""
	if len(names) > 0 {
		by = names[0]
	}
	crowdedOut, from := d.Policy.CrowdedOut(source, senders), d.Policy.RefusedFrom(source, senders)
	age := now.Sub(f.FullAt)
	if crowdedOut && (age < 0 || age >= noteFullEvery || f.FullBy != by || f.FullOpen > from) {
		full := workspace.Full{FullSince: now, FullAt: now, FullBy: by, FullOpen: from}
		if age >= 0 && age < d.Registry.Policy.FullMemory {
			full.FullSince = f.FullSince
		}
		_ = d.Ledger.NoteFull(ctx, f.Life(), full) // the next refusal notes it
	}
	held := ""
	if cutOff := f.Open - int64(len(open)); cutOff > 0 {
		held = fmt.Sprintf(", and calls that are under way or were cut off %d, until a sweep frees them", cutOff)
	}
	told := func(name string) string { // a workspace of another team is named to none
		if d.Registry.Policy.Peers == workspace.PeersTeam && source != "" && name != "" && name != source {
			return "another workspace"
		}
		return workspace.SenderName(name)
	}
	e := fault.New(fault.InboxFull, "the inbox is too full for this message: of its %d places, messages that wait hold "+
		"%d%s%s. While more than half are taken, %s may have at most %d", d.Policy.MaxOpen, len(open),
		fillers(names, senders, told), held, workspace.SenderName(source), d.Policy.Share(source, senders))
	e.Details.FilledBy = told(by)
	e = e.WithHint("an operator sees why they wait with rollcall explain "+f.ID, "retry").WithRetryAfter(30 * time.Second)
	if !m.Probe {
		d.Refusals.note(m, refusal{int64(len(open)), now, *e})
	}
	return e
}

// namedFillers bounds how many senders a refusal names.
const namedFillers = 3

// fillers says who sent the mail that waits, the sender of the most first.
func fillers(names []string, senders map[string]int64, told func(name string) string) string {
	var said strings.Builder
	for i, name := range names[:min(len(names), namedFillers)] {
		sep := ", "
		if i == 0 {
			sep = " ("
		}
		fmt.Fprintf(&said, "%s%d from %s", sep, senders[name], told(name))
	}
	if len(names) > namedFillers {
		said.WriteString(", the rest from others")
	}
	if len(names) > 0 {
		said.WriteString(")")
	}
	return said.String()
}

// repeated is the answer to a message whose id was accepted before.
func (d *Delivery) repeated(ctx context.Context, f workspace.Facts, stored, m chat.Message) (Accepted, error) {
	if stored.Digest != m.Digest || SenderOf(stored) != SenderOf(m) {
		return Accepted{}, takenBy(stored, m)
	}
	stored, err := d.withTexts(ctx, chat.Answers, stored)
	if err != nil {
		return Accepted{}, err
	}
	return Accepted{Message: stored, Depth: f.Open, Facts: f, before: f}, nil
}

// takenBy is the refusal of m, whose id the stored message has.
func takenBy(stored, m chat.Message) error {
	e := fault.New(fault.MessageIDTaken, "this message id was used here before, for other content; "+
		"the first message stays as it was, and this one is not accepted")
	if SenderOf(stored) != SenderOf(m) {
		e = fault.New(fault.MessageIDTaken, "another sender used this message id here; this message is not accepted")
	}
	return e.WithHint("send it under a new messageId", "stop")
}
