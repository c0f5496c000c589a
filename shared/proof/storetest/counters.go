package storetest

import (
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// counters is Ledger.CountEnded, Ledger.NoteAudited and Ledger.CorrectCounters.
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
		ends, err := c.CountEnded(t.Context(), f.Life())
		must(t, err)
		same(t, map[chat.State]int64{chat.Delivered: 1}, ends)
		wrong := seen
		wrong.Open, wrong.Delivered, wrong.Dead, wrong.Missing, wrong.OldestOpen = 0, 0, 7, 2, time.Time{}
		must(t, c.CorrectCounters(t.Context(), seen, wrong)) // InFlight was counted up and down: zero
		same(t, wrong, c.read(t, f.ID))
		wantCode(t, c.CorrectCounters(t.Context(), seen, seen), fault.Conflict)
		must(t, c.CorrectCounters(t.Context(), wrong, seen))
		same(t, seen, c.read(t, f.ID))
	})
}
