package delivery

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// auditEvery spreads the look at every message of a mailbox: each is compared in
// full with the ledger once in so many minutes. One with open mail is compared in
// every sweep by what the index of open mail says.
const auditEvery = 60

func auditDue(id string, now time.Time) bool {
	h := fnv.New32a()
	h.Write([]byte(id))
	return int(h.Sum32()%auditEvery) == now.Minute()
}

// recount compares a mailbox's counters with the ledger: open is its open mail,
// listed just now. Counters that differ are mended from the ledger, if they and the
// ledger are the same at a second look: what moved in between is no difference.
// mended says that they truly differed.
func (d *Delivery) recount(ctx context.Context, f workspace.Facts, open []Entry, now time.Time) (mended bool, err error) {
	inFull := auditDue(f.ID, now)
	if f.Conserved() && f.Open == int64(len(open)) && !inFull {
		return false, nil
	}
	next, err := d.fromLedger(ctx, f, open)
	if err != nil || sameMail(next, f) {
		return false, err
	}
	again, err := d.Registry.Leases.Get(ctx, f.ID)
	if err != nil {
		return false, err
	}
	if open, err = d.Ledger.Open(ctx, f.ID, 0); err != nil {
		return false, err
	}
	sure, err := d.fromLedger(ctx, again, open)
	if err != nil || !sameMail(again, f) || !sameMail(sure, next) {
		return false, err
	}
	if err := d.Ledger.Correct(ctx, again, sure); err != nil {
		if fault.CodeOf(err) == fault.Conflict {
			return false, nil // it moved: the next sweep looks again
		}
		return false, err
	}
	return true, d.Audited(ctx, f.ID, registry.Entry{By: registry.By{Who: "rollcall"}, Action: "recount", At: now,
		Summary: fmt.Sprintf("counters mended from the ledger: were %s, are %s", counts(f), counts(sure))})
}

// fromLedger is the facts with the counters that the ledger gives. The ledger
// keeps an ended message for its retention only; of those before, the counters are
// all there is. They are raised to what the ledger still has. What was accepted and
// is found nowhere then is missing, and said to be; what is counted too often is
// taken off.
func (d *Delivery) fromLedger(ctx context.Context, f workspace.Facts, open []Entry) (workspace.Facts, error) {
	next := f
	next.Open, next.InFlight, next.OldestOpen = 0, 0, time.Time{}
	for chunk := range slices.Chunk(open, window) {
		ms, err := d.Ledger.Messages(ctx, f.ID, ids(chunk, len(chunk))...)
		if err != nil {
			return f, err
		}
		for _, m := range ms {
			next.Accepted = max(next.Accepted, m.Seq)
			if !m.State.Open() {
				continue
			}
			next.Open++
			if m.State == chat.InFlight {
				next.InFlight++
			}
			if at := m.AcceptedAt.Truncate(time.Millisecond); next.OldestOpen.IsZero() || at.Before(next.OldestOpen) {
				next.OldestOpen = at
			}
		}
	}
	ends, err := d.Ledger.Ends(ctx, f.ID)
	if err != nil {
		return f, err
	}
	counters := []struct {
		n    *int64
		kept int64
	}{{&next.Missing, 0}, {&next.Delivered, ends[chat.Delivered]}, {&next.Expired, ends[chat.Expired]}, {&next.Cancelled, ends[chat.Cancelled]}, {&next.Dead, ends[chat.Dead]}}
	rest := next.Accepted - next.Open
	for _, c := range counters {
		*c.n = max(*c.n, c.kept)
		rest -= *c.n
	}
	if rest > 0 {
		next.Missing += rest
	}
	for _, c := range counters {
		take := max(min(rest, 0), c.kept-*c.n)
		*c.n, rest = *c.n+take, rest-take
	}
	return next, nil
}

func sameMail(a, b workspace.Facts) bool {
	return counts(a) == counts(b) && a.OldestOpen.Equal(b.OldestOpen)
}

func counts(f workspace.Facts) string {
	return fmt.Sprintf("accepted=%d open=%d in_flight=%d delivered=%d expired=%d cancelled=%d dead=%d missing=%d", f.Accepted, f.Open, f.InFlight, f.Delivered, f.Expired, f.Cancelled, f.Dead, f.Missing)
}
