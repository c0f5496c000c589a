package sweep

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// A mailbox is compared with the ledger message by message at its minute of each hour if
// it has moved since the last time, and at its minute of each day in any case: after a
// restore of a table, what moved can't be told from the counters. One with open mail is
// compared in every sweep by what the index of open mail says.
const (
	auditEvery = 60      // minutes
	auditAtAll = 24 * 60 // minutes
)

// auditDue reports whether a mailbox is to be compared message by message. A hash of the
// id spreads the fleet over the hour and the day.
func auditDue(f workspace.Facts, now time.Time) bool {
	if f.Audited == workspace.Tallying {
		return true
	}
	every := uint32(auditEvery)
	if f.Audited == f.Sum() || f.Counters == (workspace.Counters{}) {
		every = auditAtAll
	}
	h := fnv.New32a()
	h.Write([]byte(f.ID))
	return h.Sum32()%every == uint32(60*now.Hour()+now.Minute())%every
}

// reconcile compares a mailbox's counters with the ledger; open is its open mail,
// listed just now. Counters that differ are corrected from the ledger, if they
// and the ledger are the same at a second look: what moved in between is no
// difference. A mailbox with more messages than one call counts is compared by a
// tally. corrected says that they truly differed; a count whose call was cut
// off before it stored its message is no such difference.
func (r *run) reconcile(
	ctx context.Context, f workspace.Facts, open []delivery.OpenMessage, now time.Time,
) (corrected bool, err error) {
	listed := f.Open == int64(len(open))
	if f.Conserved() && listed && !auditDue(f, now) {
		return false, nil
	}
	tallying := f.Audited == workspace.Tallying
	if tallying && (listed || !f.Conserved()) {
		return r.tally(ctx, f, open, now)
	}
	if age := now.Sub(f.CountedAt); age >= 0 && age < delivery.AcceptPatience {
		return false, nil // the message that was counted last may not be stored yet
	}
	is, err := r.look(ctx, f, open)
	switch unknown := !is.whole() && (!is.known || sameMail(is.right, f)); {
	case err != nil:
		return false, err
	case unknown && tallying:
		return r.tally(ctx, f, open, now)
	case unknown:
		return false, r.beginTally(ctx, f, is, delivery.Tally{BeganAt: now})
	case sameMail(is.right, f):
		return false, r.noteAudited(ctx, f, f.Sum())
	}
	again, err := r.Registry.Leases.Get(ctx, f.ID)
	if err != nil {
		return false, err
	}
	if open, err = r.Delivery.Ledger.OpenMail(ctx, f.Life(), 0); err != nil {
		return false, err
	}
	sure, err := r.look(ctx, again, open)
	if err != nil || sure.known != is.known || !sameMail(again, f) || !sameMail(sure.right, is.right) {
		return false, err
	}
	return r.correct(ctx, again, sure.right, now)
}

// correct writes counters that were found wrong, if they have not moved meanwhile, with a line of the audit trail.
func (r *run) correct(ctx context.Context, seen, right workspace.Facts, now time.Time) (corrected bool, err error) {
	if err := r.Delivery.Ledger.CorrectCounters(ctx, seen, right); err != nil {
		if fault.CodeOf(err) == fault.Conflict {
			return false, nil // it moved: the next sweep looks again
		}
		return false, err
	}
	return !onlyCutOff(seen, right), activity.Audit(ctx, r.Activity, seen.Life(), activity.AuditEntry{
		Actor: activity.Actor{Who: "rollcall"}, Action: "recount", At: now,
		Summary: fmt.Sprintf("counters mended from the ledger: were %s, are %s", counts(seen), counts(right)),
	})
}

// noteAudited notes that a mailbox was found right, or is being counted, so that it is not read again until it
// moves.
func (r *run) noteAudited(ctx context.Context, f workspace.Facts, sum int64) error {
	if f.Audited == sum {
		return nil
	}
	return r.Delivery.Ledger.NoteAudited(ctx, f.Life(), sum)
}

const (
	// readAtOnce is how many messages are read in one call.
	readAtOnce = 25
	// countAtOnce is how many messages a sweep counts of one mailbox, in one call: at most 1 MB, which is 256 read units.
	countAtOnce = 1000
)

// seen is what one look at the ledger says of a mailbox.
type seen struct {
	open  workspace.Facts // with the counters of open messages that the ledger gives
	right workspace.Facts // with all counters that the ledger gives, if they are known
	known bool
	ended []delivery.EndedMessage // those that one call counts
	next  string                  // the id of the last message that was counted; "" when all were
}

func (s seen) whole() bool { return s.next == "" }

// look gives the facts with the counters that the ledger gives. The ledger
// keeps an ended message for its retention only; of those before, the counters
// are all there is. They are raised to what the ledger still has. What was
// accepted and is found nowhere then is missing, and said to be; what is counted
// too often is taken off. If there are more messages than one call counts, only
// what calls that were cut off have left is known: nobody stored a message for
// them, and none has ended.
func (r *run) look(ctx context.Context, f workspace.Facts, open []delivery.OpenMessage) (is seen, err error) {
	if is.open, err = r.withOpen(ctx, f, open); err != nil {
		return is, err
	}
	is.right = is.open
	cutOff := f.Open - is.open.Open
	if is.ended, is.next, err = r.Delivery.Ledger.EndedMail(ctx, f.Life(), "", countAtOnce); err != nil {
		return is, err
	}
	if !is.whole() {
		is.known = f.Conserved() && cutOff >= 0 && is.open.Accepted == f.Accepted
		is.right.Unused += max(0, cutOff)
		return is, nil
	}
	var kept chat.Ends
	for _, m := range is.ended {
		kept.Add(m.State, 1)
	}
	balance(&is.right, kept, max(0, cutOff))
	is.known = true
	return is, nil
}

// withOpen is the facts with what the ledger says of the open messages.
func (r *run) withOpen(
	ctx context.Context, f workspace.Facts, open []delivery.OpenMessage,
) (workspace.Facts, error) {
	f.Open, f.InFlight, f.OldestOpen = 0, 0, time.Time{}
	for chunk := range slices.Chunk(open, readAtOnce) {
		ms, err := r.Delivery.Ledger.Messages(ctx, f.Life(), delivery.IDs(chunk, len(chunk))...)
		if err != nil {
			return f, err
		}
		for _, m := range ms {
			countMessage(&f, m)
		}
	}
	return f, nil
}

// countMessage counts one message that the index of open mail names.
func countMessage(f *workspace.Facts, m chat.Message) {
	f.Accepted = max(f.Accepted, m.Seq)
	if !m.State.Open() {
		return
	}
	f.Open++
	if m.State == chat.InFlight {
		f.InFlight++
	}
	at := m.WaitsSince().Truncate(time.Millisecond) // as the lease stores it
	if f.OldestOpen.IsZero() || at.Before(f.OldestOpen) {
		f.OldestOpen = at
	}
}

// balance makes the counters of ended messages add up with those accepted and
// open; kept are the ended messages that the ledger still has. As many as cutOff
// were counted and are not open: the calls that should have stored them were cut
// off, and nothing was accepted.
func balance(f *workspace.Facts, kept chat.Ends, cutOff int64) {
	counters := []struct {
		n    *int64
		kept int64
	}{
		{&f.Unused, 0},
		{&f.Missing, 0},
		{&f.Delivered, kept.Delivered},
		{&f.Expired, kept.Expired},
		{&f.Cancelled, kept.Cancelled},
		{&f.Dead, kept.Dead},
	}
	rest := f.Accepted - f.Open
	for _, c := range counters {
		*c.n = max(*c.n, c.kept)
		rest -= *c.n
	}
	if rest > 0 {
		f.Unused += min(rest, cutOff)
		f.Missing += rest - min(rest, cutOff)
	}
	for _, c := range counters {
		take := max(min(rest, 0), c.kept-*c.n)
		*c.n, rest = *c.n+take, rest-take
	}
}

// onlyCutOff reports whether counts differ only by those of calls that were cut off.
func onlyCutOff(was, is workspace.Facts) bool {
	n := is.Unused - was.Unused
	was.Unused, was.Open = was.Unused+n, was.Open-n
	return n > 0 && was.Counters == is.Counters
}

func sameMail(a, b workspace.Facts) bool {
	return counts(a) == counts(b) && a.OldestOpen.Equal(b.OldestOpen)
}

func counts(f workspace.Facts) string {
	return fmt.Sprintf("accepted=%d open=%d in_flight=%d delivered=%d expired=%d cancelled=%d dead=%d missing=%d "+
		"unused=%d", f.Accepted, f.Open, f.InFlight, f.Delivered, f.Expired, f.Cancelled, f.Dead, f.Missing, f.Unused)
}
