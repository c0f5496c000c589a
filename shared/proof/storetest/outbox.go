package storetest

import (
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
)

// left are a workspace's outbox items, the callbacks last, which its facts must count.
func (c contract) left(t T, id string) []delivery.OutboxItem {
	t.Helper()
	items, err := c.Outbox(t.Context(), first(id))
	must(t, err)
	callbacks, err := c.CallbackOutbox(t.Context(), first(id))
	must(t, err)
	items = append(items, callbacks...)
	if n := c.read(t, id).OutboxItems; n != int64(len(items)) {
		t.Fatalf("%d items and a count of %d", len(items), n)
	}
	return items
}

// outboxes is Ledger.Outbox, CallbackOutbox, OutboxRests and OutboxDone.
func (c contract) outboxes(t T) {
	t.Run("an item is listed until it is done, and counted once", func(t T) {
		f, ms := c.withMail(t, 3)
		items := []delivery.OutboxItem{{MessageID: "m0", Version: 2}, {MessageID: "m1", Version: 2}}
		must(t, c.WriteMessages(t.Context(), f.Life(), []chat.Move{
			{From: ms[0], To: ms[0].Expire(t0)}, {From: ms[1], To: ms[1].Expire(t0)}, {From: ms[2], To: ms[2].Expire(t0)},
		}, delivery.MailboxUpdate{OldestOpen: &time.Time{}, Outbox: items}))
		same(t, items, c.left(t, f.ID))
		for range 2 {
			must(t, c.OutboxDone(t.Context(), f.Life(), items[0], false))
		}
		same(t, items[1:], c.left(t, f.ID))
	})
	t.Run("an item is read as it was noted, each in its part", func(t T) {
		f, ms := c.withMail(t, 3)
		items := []delivery.OutboxItem{
			{MessageID: "m0", Version: 2, Dead: true, EndedAt: t0},
			{MessageID: "m1", Version: 2, Receiver: "peer", EndedAt: t0.Add(time.Millisecond)},
			{MessageID: "m0", Version: 2, Callback: true, Receiver: "https://sender.example:8443", EndedAt: t0},
		}
		must(t, c.WriteMessages(t.Context(), f.Life(), []chat.Move{
			{From: ms[0], To: ms[0].Expire(t0)}, {From: ms[1], To: ms[1].Expire(t0)}, {From: ms[2], To: ms[2].Expire(t0)},
		}, delivery.MailboxUpdate{OldestOpen: &time.Time{}, Outbox: items}))
		same(t, items, c.left(t, f.ID))
		callbacks, err := c.CallbackOutbox(t.Context(), f.Life())
		must(t, err)
		same(t, items[2:], callbacks)
		items[0].Dead = false
		items[2].RestsUntil, items[2].Holds = t0.Add(90*time.Second+time.Millisecond), true
		items[2].RestsSince = t0.Add(30*time.Second + time.Millisecond)
		for _, item := range items {
			must(t, c.OutboxRests(t.Context(), f.Life(), item))
		}
		same(t, items, c.left(t, f.ID))
		must(t, c.OutboxDone(t.Context(), f.Life(), items[0], false))
		same(t, items[1:], c.left(t, f.ID))
	})
	t.Run("an item that is not there can't be made to rest", func(t T) {
		f := c.created(t)
		for _, callback := range []bool{false, true} {
			item := delivery.OutboxItem{MessageID: "nope", Version: 1, Callback: callback, EndedAt: t0}
			must(t, c.OutboxRests(t.Context(), f.Life(), item))
		}
		same(t, 0, len(c.left(t, f.ID)))
	})
	t.Run("an item that is not there is done", func(t T) {
		f := c.created(t)
		must(t, c.OutboxDone(t.Context(), f.Life(), delivery.OutboxItem{MessageID: "nope", Version: 1}, false))
		must(t, c.OutboxDone(t.Context(), first("nobody"), delivery.OutboxItem{MessageID: "nope", Version: 1}, false))
		same(t, f, c.read(t, f.ID))
	})
	t.Run("each end of one message has its own item", func(t T) {
		f, ms := c.withMail(t, 1)
		m, oldest := ms[0], t0
		for range 2 { // it dies, is redriven before the item is done, and dies again
			dead := m
			dead.State, dead.Version, dead.SettledAt = chat.Dead, m.Version+1, t0
			must(t, c.write(t, m, dead, delivery.MailboxUpdate{
				OldestOpen: &time.Time{}, Outbox: []delivery.OutboxItem{{MessageID: "m0", Version: dead.Version}},
			}))
			redriven, err := dead.Redrive(chat.DefaultPolicy(), t0)
			must(t, err)
			must(t, c.write(t, dead, redriven, delivery.MailboxUpdate{OldestOpen: &oldest}))
			m = redriven
		}
		same(t, 2, len(c.left(t, f.ID)))
		for _, item := range c.left(t, f.ID) {
			must(t, c.OutboxDone(t.Context(), f.Life(), item, false))
		}
		same(t, 0, len(c.left(t, f.ID)))
	})
	t.Run("an id may have any characters", func(t T) {
		f := c.accept(t, c.created(t), "a#7#b", chat.Task)
		m := c.stored(t, f.ID, "a#7#b")[0]
		item := delivery.OutboxItem{MessageID: m.ID, Version: 12}
		must(t, c.write(t, m, m.Expire(t0), delivery.MailboxUpdate{Outbox: []delivery.OutboxItem{item}}))
		same(t, []delivery.OutboxItem{item}, c.left(t, f.ID))
		must(t, c.OutboxDone(t.Context(), f.Life(), item, false))
		same(t, 0, len(c.left(t, f.ID)))
	})
}
