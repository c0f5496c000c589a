package storetest

import (
	"fmt"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/workspace"
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

// lostMail is Ledger.LostMail.
func (c contract) lostMail(t T) {
	t.Run("it lists what is lost, in order of acceptance, beside what is open", func(t T) {
		at := t0.Add(time.Hour)
		refused := func(m chat.Message) chat.Message { m.State, m.SettledAt = chat.Dead, at; return m }
		f, ms := c.withMail(t, 7)
		for i, end := range map[int]func(chat.Message) chat.Message{
			0: func(m chat.Message) chat.Message { return m.Expire(at.Add(time.Second)) },
			1: func(m chat.Message) chat.Message { m.State, m.SettledAt = chat.Delivered, at; return m },
			2: refused,
			3: func(m chat.Message) chat.Message { m = refused(m); m.ByWish = true; return m },
			4: func(m chat.Message) chat.Message { m = refused(m); m.Probe = true; return m },
			5: func(m chat.Message) chat.Message { m.State, m.SettledAt = chat.Cancelled, at; return m },
		} {
			next := end(ms[i])
			next.Version = ms[i].Version + 1
			must(t, c.write(t, ms[i], next, delivery.MailboxUpdate{}))
		}
		lost, err := c.LostMail(t.Context(), f.Life())
		must(t, err)
		dead := delivery.LostMessage{ID: "m2", Seq: 3, State: chat.Dead, SettledAt: at}
		same(t, []delivery.LostMessage{
			{ID: "m0", Seq: 1, State: chat.Expired, SettledAt: at.Add(time.Second)}, dead,
		}, lost)
		for _, limit := range []int{0, 1, 5} {
			open, err := c.OpenMail(t.Context(), f.Life(), limit)
			must(t, err)
			if len(open) != 1 || open[0].ID != "m6" {
				t.Fatalf("what is lost is open: %+v", open)
			}
		}
		was := c.stored(t, f.ID, "m0")[0]
		again := was
		again.State, again.SettledAt, again.Version = chat.Queued, time.Time{}, was.Version+1
		must(t, c.write(t, was, again, delivery.MailboxUpdate{}))
		lost, err = c.LostMail(t.Context(), f.Life())
		must(t, err)
		same(t, []delivery.LostMessage{dead}, lost)
		lost, err = c.LostMail(t.Context(), workspace.Life{Workspace: f.ID, Number: f.Lives + 1})
		must(t, err)
		same(t, 0, len(lost))
	})
}
