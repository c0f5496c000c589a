package memory_test

import (
	"errors"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/proof/storetest"
	"github.com/rollcall/rollcall/shared/workspace"
)

func TestStoreKeepsTheContract(t *testing.T) {
	p := workspace.DefaultPolicy()
	storetest.Stores(t, memory.NewStore(p), p)
}

func TestStoreKeepsWhatItKeepsAsLongAsTheTable(t *testing.T) {
	s := memory.NewStore(workspace.DefaultPolicy())
	storetest.Expiry(t, s, s.Retention, func(at time.Time) { s.Expire(at, func() bool { return true }) })
}

// newQueues makes queues, and what moves their clock.
func newQueues() (*memory.Queues, func(time.Duration)) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	return memory.NewQueues(func() time.Time { return now }), func(d time.Duration) { now = now.Add(d) }
}

func TestQueuesKeepTheContract(t *testing.T) {
	q, advance := newQueues()
	q.SliceSize = 4
	storetest.Queues(t, q, advance)
}

// What SQS does and the emulators don't.
func TestQueuesFollowSQS(t *testing.T) {
	one := []delivery.Ticket{{MessageID: "m1", Seq: 1, Dedup: "1"}}
	to := delivery.ChatQueue{Life: workspace.Life{Workspace: "w"}}
	receive := func(t *testing.T, q *memory.Queues) *delivery.ReceivedTicket {
		t.Helper()
		r, err := q.Receive(t.Context(), to, time.Second, 0)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	t.Run("a repeat is dropped for five minutes", func(t *testing.T) {
		q, advance := newQueues()
		for _, step := range []struct {
			after time.Duration
			taken bool
		}{{0, true}, {5*time.Minute - 1, false}, {1, true}} {
			advance(step.after)
			if err := q.Send(t.Context(), to, 1, one); err != nil {
				t.Fatal(err)
			}
			r := receive(t, q)
			if (r != nil) != step.taken {
				t.Fatalf("after %s: %+v", step.after, r)
			}
			if r != nil {
				_ = q.Delete(t.Context(), to, *r) // it has no error
			}
		}
	})
	t.Run("a ticket is kept for two weeks", func(t *testing.T) {
		for after, kept := range map[time.Duration]bool{14*24*time.Hour - 1: true, 14 * 24 * time.Hour: false} {
			q, advance := newQueues()
			_ = q.Send(t.Context(), to, 1, one) // it has no error
			advance(after)
			if r := receive(t, q); (r != nil) != kept {
				t.Fatalf("after %s: %+v", after, r)
			}
		}
	})
	t.Run("the name of a removed queue is refused for a minute", func(t *testing.T) {
		q, advance := newQueues()
		_ = q.Send(t.Context(), to, 1, one)
		_ = q.Remove(t.Context(), q.Name(to))
		advance(time.Minute - 1)
		if err := q.Send(t.Context(), to, 1, one); !errors.Is(err, delivery.ErrQueueDeletedRecently) {
			t.Fatal(err)
		}
		advance(1)
		if err := q.Send(t.Context(), to, 1, one); err != nil || receive(t, q) == nil {
			t.Fatal(err)
		}
	})
	t.Run("a receipt ends with its visibility timeout", func(t *testing.T) {
		q, advance := newQueues()
		_ = q.Send(t.Context(), to, 1, one)
		late := receive(t, q)
		advance(time.Second)
		_ = q.Delete(t.Context(), to, *late)
		if receive(t, q) == nil {
			t.Fatal("the ticket is gone")
		}
		_ = q.Delete(t.Context(), to, *late)
		_ = q.Release(t.Context(), to, *late)
		if receive(t, q) != nil {
			t.Fatal("a late release freed it")
		}
		advance(time.Second)
		if receive(t, q) == nil {
			t.Fatal("a late delete took it from the one who had it")
		}
	})
}
