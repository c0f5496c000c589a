package storetest

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// accepts is Ledger.Accept.
func (c contract) accepts(t T) {
	t.Run("it numbers without gaps, once an id", func(t T) {
		f, _ := c.withMail(t, 3)
		if f.Accepted != 3 || f.Open != 3 || !f.OldestOpen.Equal(t0.Add(time.Second)) {
			t.Fatalf("%+v", f)
		}
		stale := f
		stale.Accepted = 2
		_, _, err := c.Accept(t.Context(), stale, message(f.ID, "m9", 3, chat.Task), false)
		wantCode(t, err, fault.Conflict)
		was, first, err := c.Accept(t.Context(), stale, message(f.ID, "m1", 4, chat.Task), false)
		must(t, err)
		if first || was.Seq != 2 {
			t.Fatalf("first=%v seq=%d", first, was.Seq)
		}
		same(t, f, c.read(t, f.ID))
	})
	t.Run("it changes the mailbox, and nothing else", func(t T) {
		f := c.created(t)
		m := message(f.ID, "m0", 1, chat.Task)
		m.Probe = true
		_, _, err := c.Accept(t.Context(), f, m, false)
		must(t, err)
		f.Accepted, f.Open, f.OldestOpen, f.ProbedAt = 1, 1, m.AcceptedAt, m.AcceptedAt
		same(t, f, c.read(t, f.ID))
	})
	t.Run("a workspace that is unknown or removed accepts nothing", func(t T) {
		nobody := workspace.Facts{Identity: workspace.Identity{ID: uuid.NewString()}}
		_, _, err := c.Accept(t.Context(), nobody, message(nobody.ID, "m0", 1, chat.Task), false)
		wantCode(t, err, fault.Conflict)
		f := c.created(t)
		f = c.change(t, f.ID, func(f *workspace.Facts) { f.Hold = workspace.Removed })
		_, _, err = c.Accept(t.Context(), f, message(f.ID, "m0", 1, chat.Task), false)
		wantCode(t, err, fault.Conflict)
		ms, err := c.Messages(t.Context(), f.ID, "m0")
		must(t, err)
		same(t, 0, len(ms))
	})
	t.Run("what is accepted beside a delivery is accepted while it is under way", c.attended)
	t.Run("a message that is too large for an item is not stored", func(t T) {
		f := c.created(t)
		m := message(f.ID, "m0", 1, chat.Task)
		m.Body = fmt.Appendf(nil, `"%0410000d"`, 0) // with its other fields, more than 400 KB
		_, _, err := c.Accept(t.Context(), f, m, false)
		wantCode(t, err, fault.PlatformUnavailable)
		same(t, f, c.read(t, f.ID))
	})
}

func (c contract) attended(t T) {
	f, ms := c.withMail(t, 1)
	_, _, err := c.Accept(t.Context(), f, message(f.ID, "m1", 2, chat.Task), true)
	wantCode(t, err, fault.Conflict) // no delivery was under way
	taken := take(ms[0], 0)
	must(t, c.write(t, ms[0], taken, delivery.MailboxUpdate{ClaimedUntil: taken.Claim.Until}))
	f = c.read(t, f.ID)
	one := f
	one.MaxTasks = 1
	ended := t0.Add(time.Minute)
	if !one.Delivering(c.policy, t0) || one.Delivering(c.policy, ended) || f.Delivering(c.policy, t0) {
		t.Fatalf("%+v", f)
	}
	if _, first, err := c.Accept(t.Context(), f, message(f.ID, "m1", 2, chat.Task), true); err != nil || !first {
		t.Fatal(first, err)
	}
	f = c.read(t, f.ID)
	oldest := t0.Add(2 * time.Second)
	must(t, c.write(t, taken, taken.Deliver("ok", nil, "", t0), delivery.MailboxUpdate{
		OldestOpen: &oldest, ClaimReleased: true,
	}))
	_, _, err = c.Accept(t.Context(), f, message(f.ID, "m2", 3, chat.Task), true)
	wantCode(t, err, fault.Conflict)
	if g := c.read(t, f.ID); !g.ClaimedUntil.IsZero() {
		t.Fatalf("%+v", g)
	}
}
