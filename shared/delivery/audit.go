package delivery

import (
	"context"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Conserved is the law on the counters: everything accepted is open or has come
// to an end.
func Conserved(f workspace.Facts) bool {
	return f.Accepted == f.Open+f.Delivered+f.Expired+f.Cancelled+f.Dead && f.InFlight >= 0 && f.InFlight <= f.Open
}

// auditEvery spreads the look at mailboxes that seem empty: each is compared with
// the ledger once in so many minutes. One with open mail is compared in every
// sweep, which reads that mail anyway.
const auditEvery = 60

func auditDue(id string, now time.Time) bool {
	h := fnv.New32a()
	h.Write([]byte(id))
	return int(h.Sum32()%auditEvery) == now.Minute()
}

// recount compares a mailbox's counters with the ledger: open is its open mail,
// read just now. Counters that differ are mended from the ledger, on condition
// that none of them moved meanwhile; mended says that they truly differed.
func (d *Delivery) recount(ctx context.Context, f workspace.Facts, open []chat.Message, now time.Time) (mended bool, err error) {
	next := f
	next.Open, next.InFlight, next.OldestOpen = int64(len(open)), 0, time.Time{}
	for _, m := range open {
		if m.State == chat.InFlight {
			next.InFlight++
		}
		if next.OldestOpen.IsZero() || m.AcceptedAt.Before(next.OldestOpen) {
			next.OldestOpen = m.AcceptedAt.Truncate(time.Millisecond)
		}
		next.Accepted = max(next.Accepted, m.Seq)
	}
	if Conserved(f) && f.Open == next.Open && f.InFlight == next.InFlight {
		return false, nil
	}
	ends, err := d.Ledger.Ends(ctx, f.ID)
	if err != nil {
		return false, err
	}
	// The ledger keeps an ended message for its retention only; of those before,
	// the counters are all there is. They are raised to what the ledger still
	// has, and what is then missing or too much is taken for delivered.
	counters := []struct {
		n    *int64
		kept int64
	}{{&next.Delivered, ends[chat.Delivered]}, {&next.Expired, ends[chat.Expired]}, {&next.Cancelled, ends[chat.Cancelled]}, {&next.Dead, ends[chat.Dead]}}
	rest := next.Accepted - next.Open
	for _, c := range counters {
		*c.n = max(*c.n, c.kept)
		rest -= *c.n
	}
	for _, c := range counters {
		give := max(rest, c.kept-*c.n)
		*c.n, rest = *c.n+give, rest-give
	}
	if err := d.Ledger.Correct(ctx, f, next); err != nil {
		if fault.CodeOf(err) == fault.Conflict {
			return false, nil // it moved: the next sweep looks again
		}
		return false, err
	}
	return true, d.Audited(ctx, f.ID, registry.Entry{By: registry.By{Who: "rollcall"}, Action: "recount", At: now,
		Summary: fmt.Sprintf("counters mended from the ledger: were %s, are %s", counts(f), counts(next))})
}

func counts(f workspace.Facts) string {
	return fmt.Sprintf("accepted=%d open=%d in_flight=%d delivered=%d expired=%d cancelled=%d dead=%d", f.Accepted, f.Open, f.InFlight, f.Delivered, f.Expired, f.Cancelled, f.Dead)
}
