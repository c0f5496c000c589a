package storetest

import (
	"fmt"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
)

// openMail is Ledger.OpenMail.
func (c contract) openMail(t T) {
	t.Run("it lists by priority, then in order of acceptance", func(t T) {
		f := c.created(t)
		priorities := []chat.Priority{chat.Info, chat.Task, chat.Critical, chat.Task}
		for i, p := range priorities {
			f = c.accept(t, f, fmt.Sprint("m", i), p)
		}
		var want []delivery.OpenMessage
		for _, i := range []int{2, 1, 3, 0} {
			m := message(f.ID, fmt.Sprint("m", i), int64(i+1), priorities[i])
			want = append(want, delivery.OpenMessage{
				ID: m.ID, Seq: m.Seq, Priority: m.Priority, Source: "peer", WaitsSince: m.AcceptedAt, ExpiresAt: m.ExpiresAt,
			})
		}
		for limit, n := range map[int]int{0: 4, -1: 4, 1: 1, 3: 3, 4: 4, 9: 4} {
			got, err := c.OpenMail(t.Context(), f.Life(), limit)
			must(t, err)
			same(t, want[:n], got)
		}
	})
	t.Run("its times are those of the message, to the millisecond", func(t T) {
		f := c.created(t)
		m := message(f.ID, "m0", 1, chat.Task)
		m.AcceptedAt, m.ExpiresAt = m.AcceptedAt.Add(1234567), m.ExpiresAt.Add(2345678)
		redriven := message(f.ID, "m1", 2, chat.Task)
		redriven.RedrivenAt = m.AcceptedAt.Add(time.Hour)
		c.put(t, m)
		c.put(t, redriven)
		got, err := c.OpenMail(t.Context(), f.Life(), 0)
		must(t, err)
		same(t, []delivery.OpenMessage{{
			ID: "m0", Seq: 1, Priority: chat.Task, Source: "peer",
			WaitsSince: m.AcceptedAt.Truncate(time.Millisecond), ExpiresAt: m.ExpiresAt.Truncate(time.Millisecond),
		}, {
			ID: "m1", Seq: 2, Priority: chat.Task, Source: "peer",
			WaitsSince: redriven.RedrivenAt.Truncate(time.Millisecond), ExpiresAt: redriven.ExpiresAt,
		}}, got)
		stored := c.stored(t, f.ID, "m0", "m1") // which have them to the nanosecond
		same(t, m.AcceptedAt, stored[0].AcceptedAt)
		same(t, redriven.RedrivenAt, stored[1].RedrivenAt)
	})
	t.Run("a message that has ended is not listed", func(t T) {
		f, ms := c.withMail(t, 2)
		must(t, c.write(t, ms[0], ms[0].Expire(t0), delivery.MailboxUpdate{}))
		got, err := c.OpenMail(t.Context(), f.Life(), 0)
		must(t, err)
		if len(got) != 1 || got[0].ID != "m1" {
			t.Fatalf("%+v", got)
		}
	})
}
