package sweep_test

import (
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/workspace"
)

// smallCalls counts at most a few messages in a call, and how many calls there were.
type smallCalls struct {
	delivery.Ledger
	limit int
	calls *int
}

func (l smallCalls) EndedMail(
	ctx context.Context, life workspace.Life, after string, limit int,
) ([]delivery.EndedMessage, string, error) {
	*l.calls++
	return l.Ledger.EndedMail(ctx, life, after, min(limit, l.limit))
}

// endsOf are the ended messages that a world's ledger has.
func endsOf(w *world.World) (ends chat.Ends) {
	all, _, err := w.Store.EndedMail(w.T.Context(), world.Life, "", 1<<20)
	w.NoError(err)
	for _, m := range all {
		ends.Add(m.State, 1)
	}
	return ends
}

// factsOf are the workspace's facts, whose counters may be wrong.
func factsOf(w *world.World) workspace.Facts {
	f, err := w.Store.Get(w.T.Context(), world.ID)
	w.NoError(err)
	return f
}

// wrong is by how much counters differ from the ledger.
func wrong(w *world.World) (by chat.Ends, c workspace.Counters) {
	is := endsOf(w)
	c = factsOf(w).Counters
	return chat.Ends{
		Delivered: c.Delivered - is.Delivered, Expired: c.Expired - is.Expired, Cancelled: c.Cancelled - is.Cancelled,
		Dead: c.Dead - is.Dead,
	}, c
}

// Counters of a mailbox with more messages than one call counts are corrected though the mailbox moves, and though a
// sweep makes at most three calls. Until then they stay as wrong as they were: nothing else is ever told.
func TestALargeMailboxIsCountedOverSeveralSweeps(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := world.New(t, workspace.Poll, "")
		calls, sent, cursor := 0, 0, ""
		w.Delivery.Ledger = smallCalls{w.Store, rapid.IntRange(1, 4).Draw(rt, "messages in a call"), &calls}
		move := func() {
			switch rapid.IntRange(0, 3).Draw(rt, "move") {
			case 0, 1:
				sent++
				w.Send(messageOf(sent))
			case 2:
				out, err := w.Poll(t.Context(), delivery.PollRequest{
					Workspace: world.ID, Credential: w.Token, From: world.Home, Cursor: cursor, Limit: 3,
				}, w.Now)
				w.NoError(err)
				if n := len(out.Messages); n > 0 {
					cursor = delivery.CursorOf(out.Messages[n-1]).ID(world.Life)
				}
			case 3:
				id := messageOf(rapid.IntRange(1, max(1, sent)).Draw(rt, "cancelled"))
				_, _ = w.Cancel(t.Context(), world.ID, id, "me", w.Now) // it may have ended
			}
		}
		minute := func() {
			w.Now = w.Now.Add(time.Minute)
			calls = 0
			if out := w.SweepOnce(); calls > 3 {
				rt.Fatalf("a sweep made %d calls: %+v", calls, out)
			}
		}
		for range 30 {
			move()
		}
		for range 3 {
			minute()
		}
		seen, is := factsOf(w), endsOf(w)
		next := seen
		next.Delivered = rapid.Int64Range(0, is.Delivered).Draw(rt, "delivered")
		next.Cancelled = rapid.Int64Range(0, is.Cancelled).Draw(rt, "cancelled")
		if rapid.Bool().Draw(rt, "conserved") {
			next.Dead += seen.Delivered - next.Delivered + seen.Cancelled - next.Cancelled
		}
		w.NoError(w.Store.CorrectCounters(t.Context(), seen, next))
		spoilt, _ := wrong(w)
		moves := rapid.IntRange(0, 3).Draw(rt, "moves in ten minutes")
		for n := range 6 * 60 { // all are kept for longer
			minute()
			by, c := wrong(w)
			if by != (chat.Ends{}) && by != spoilt || c.Missing+c.Unused > 0 {
				rt.Fatalf("after %d minutes the counters are wrong by %+v, and were by %+v: %+v", n, by, spoilt, c)
			}
			if n < 3*60 && rapid.IntRange(1, 10).Draw(rt, "moves") <= moves {
				move()
			}
		}
		if by, c := wrong(w); by != (chat.Ends{}) || !c.Conserved() {
			rt.Fatalf("in the end the counters are wrong by %+v, and were by %+v", by, spoilt)
		}
	})
}

// ended is a world whose mailbox has 40 messages that were cancelled, three of which are counted in a call, and a
// function that sends and cancels one more.
func ended(t *testing.T) (w *world.World, move func()) {
	w = world.New(t, workspace.Poll, "")
	calls, sent := 0, 0
	w.Delivery.Ledger = smallCalls{w.Store, 3, &calls}
	move = func() {
		sent++
		w.Send(messageOf(sent))
		_, err := w.Cancel(t.Context(), world.ID, messageOf(sent), "me", w.Now)
		w.NoError(err)
	}
	for range 40 {
		move()
	}
	return w, move
}

// A mailbox that moves every few minutes is corrected too. One in which messages end each minute is not, and above all
// not to what is wrong.
func TestALargeMailboxThatHardlyRestsIsCorrected(t *testing.T) {
	for _, every := range []int{1, 4, 10} { // minutes
		w, move := ended(t)
		seen := factsOf(w)
		next := seen
		next.Cancelled, next.Dead = seen.Cancelled-7, 7
		w.NoError(w.Store.CorrectCounters(t.Context(), seen, next))
		corrected := 0
		for n := range 240 {
			w.Now = w.Now.Add(time.Minute / 2)
			if n%every == 0 {
				move()
			}
			w.Now = w.Now.Add(time.Minute / 2)
			corrected += len(w.SweepOnce().Broken)
			if by, c := wrong(w); corrected > 0 && by != (chat.Ends{}) || !c.Conserved() {
				t.Fatalf("the counters are wrong by %+v: %+v", by, c)
			}
		}
		if want := min(1, every/2); corrected != want {
			t.Errorf("with an end every %d minutes: corrected %d times, not %d", every, corrected, want)
		}
	}
}

// A message that ends during a tally, by a clock that is slow, changes no counter that is right.
func TestAnEndByASlowClockCorrectsNothing(t *testing.T) {
	w, _ := ended(t)
	seen := factsOf(w)
	long := seen
	long.Accepted, long.Dead = seen.Accepted+9, 9 // which ended long ago, and are kept no more
	w.NoError(w.Store.CorrectCounters(t.Context(), seen, long))
	w.Send("zz")
	for range 180 {
		w.Now = w.Now.Add(time.Minute)
		was := factsOf(w)
		if out := w.SweepOnce(); len(out.Broken) > 0 {
			t.Fatalf("%+v were corrected to %+v", was.Counters, factsOf(w).Counters)
		}
		if f := factsOf(w); f.Audited == workspace.Tallying && was.Audited != f.Audited && f.Open > 0 {
			_, err := w.Cancel(t.Context(), world.ID, "zz", "me", w.Now.Add(-5*time.Minute))
			w.NoError(err)
		}
	}
	if by, _ := wrong(w); by != (chat.Ends{Dead: 9}) || factsOf(w).Open > 0 {
		t.Errorf("wrong by %+v, %+v", by, factsOf(w).Counters)
	}
}

func messageOf(n int) string { return "m" + string(rune('a'+n/26)) + string(rune('a'+n%26)) }
