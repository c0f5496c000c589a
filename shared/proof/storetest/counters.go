package storetest

import (
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// counters is Ledger.EndedMail, Ledger.NoteTally, Ledger.NoteAudited and Ledger.CorrectCounters.
func (c contract) counters(t T) {
	t.Run("it writes each counter, and is refused when it alone differs", func(t T) {
		c.guarded(t, "Missing", groupLeaves[workspace.Counters](), c.CorrectCounters)
	})
	t.Run("it is refused when the number of what is left to do differs", func(t T) {
		f := c.created(t)
		other := f
		other.OutboxItems++
		wantCode(t, c.CorrectCounters(t.Context(), other, f), fault.Conflict)
		must(t, c.CorrectCounters(t.Context(), f, other))
		wantCode(t, c.CorrectCounters(t.Context(), f, f), fault.Conflict)
	})
	t.Run("it writes when the oldest open message was accepted, and no other field", func(t T) {
		f := c.created(t)
		next := factsOf(f.ID, 7, 1)
		must(t, c.CorrectCounters(t.Context(), f, next))
		want := f
		want.Counters, want.OldestOpen, want.OutboxItems = next.Counters, next.OldestOpen, next.OutboxItems
		same(t, want, c.read(t, f.ID))
		must(t, c.CorrectCounters(t.Context(), want, f))
		same(t, f, c.read(t, f.ID))
	})
	t.Run("an audit is noted on the present life, and nothing else", func(t T) {
		f := c.created(t)
		for _, sum := range []int64{7, 9} {
			must(t, c.NoteAudited(t.Context(), f.Life(), sum))
			f.Audited = sum
			same(t, f, c.read(t, f.ID))
		}
		f = c.createdAgain(t, f)
		must(t, c.NoteAudited(t.Context(), first(f.ID), 8))
		same(t, f, c.read(t, f.ID))
		nobody := uuid.NewString()
		must(t, c.NoteAudited(t.Context(), first(nobody), 8))
		_, err := c.Get(t.Context(), nobody)
		wantCode(t, err, fault.WorkspaceUnknown)
	})
	t.Run("ended messages are read in parts, each once", c.endedInParts)
	t.Run("a tally is kept whole, in place of the one before", c.tallies)
	t.Run("of an unknown workspace, nothing is written", func(t T) {
		var none workspace.Facts
		none.ID = uuid.NewString()
		next := none
		next.Open = 1
		wantCode(t, c.CorrectCounters(t.Context(), none, next), fault.Conflict)
		_, err := c.Get(t.Context(), none.ID)
		wantCode(t, err, fault.WorkspaceUnknown)
	})
	t.Run("counters that messages have moved are those that are corrected", func(t T) {
		f, ms := c.withMail(t, 2)
		oldest := t0.Add(2 * time.Second)
		must(t, c.write(t, ms[0], take(ms[0], 1), delivery.MailboxUpdate{}))
		m := c.stored(t, f.ID, "m0")[0]
		must(t, c.write(t, m, m.Deliver("ok", nil, "", t0), delivery.MailboxUpdate{OldestOpen: &oldest}))
		seen := c.read(t, f.ID)
		ends, _, err := c.EndedMail(t.Context(), f.Life(), "", 10)
		must(t, err)
		same(t, []delivery.EndedMessage{{State: chat.Delivered, SettledAt: t0}}, ends)
		wrong := seen
		wrong.Open, wrong.Delivered, wrong.Dead, wrong.Missing, wrong.OldestOpen = 0, 0, 7, 2, time.Time{}
		must(t, c.CorrectCounters(t.Context(), seen, wrong)) // InFlight was counted up and down: zero
		same(t, wrong, c.read(t, f.ID))
		wantCode(t, c.CorrectCounters(t.Context(), seen, seen), fault.Conflict)
		must(t, c.CorrectCounters(t.Context(), wrong, seen))
		same(t, seen, c.read(t, f.ID))
	})
}

// endedInParts reads five messages, of which two are open, in parts of each size.
func (c contract) endedInParts(t T) {
	f, ms := c.withMail(t, 5)
	want := []delivery.EndedMessage{
		{State: chat.Dead, SettledAt: t0},
		{State: chat.Expired, SettledAt: t0.Add(time.Second)},
		{State: chat.Expired, SettledAt: t0.Add(2 * time.Second)},
	}
	must(t, c.write(t, ms[0], ms[0].Refuse("no", want[0].SettledAt), delivery.MailboxUpdate{}))
	must(t, c.write(t, ms[2], ms[2].Expire(want[1].SettledAt), delivery.MailboxUpdate{}))
	must(t, c.write(t, ms[3], ms[3].Expire(want[2].SettledAt), delivery.MailboxUpdate{}))
	for limit := 1; limit <= 6; limit++ {
		var got []delivery.EndedMessage
		calls := 0
		for after := ""; calls == 0 || after != ""; calls++ {
			part, next, err := c.EndedMail(t.Context(), f.Life(), after, limit)
			must(t, err)
			if len(part) > limit || next != "" && next <= after {
				t.Fatal(limit, after, next, part)
			}
			got, after = append(got, part...), next
		}
		same(t, want, got)
		if most := 5/limit + 1; calls > most {
			t.Fatalf("%d calls for five messages, %d at a time", calls, limit)
		}
	}
}

// tallies notes two, one after the other.
func (c contract) tallies(t T) {
	life := workspace.Life{Workspace: uuid.NewString(), Number: 2}
	none, err := c.Tally(t.Context(), life)
	must(t, err)
	same(t, delivery.Tally{}, none)
	for n := range int64(2) {
		was := delivery.Tally{
			BeganAt: t0, Of: workspace.Counters{Accepted: 9 + n, Dead: 3}, Open: workspace.Counters{Open: 1}, After: "m1",
			Before: chat.Ends{Delivered: n, Expired: 1, Cancelled: 2, Dead: 3}, About: chat.Ends{Dead: 1},
			Later: chat.Ends{Expired: 1}, Again: n == 0,
			Differs: workspace.Counters{Missing: -1},
		}
		must(t, c.NoteTally(t.Context(), life, was))
		kept, err := c.Tally(t.Context(), life)
		must(t, err)
		same(t, was, kept)
	}
}
