package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/workspace"
)

// queues is the chat queues under test.
type queues struct {
	delivery.Queues
	advance func(time.Duration) // waits, or moves the queues' clock
}

// Queues plays the contract of the chat queues. A visibility timeout may end
// late; it is waited for.
func Queues(t *testing.T, under delivery.Queues, advance func(time.Duration)) {
	q := queues{under, advance}
	t.Run("send and receive", q.sends)
	t.Run("visibility", q.visibility)
	t.Run("receipts", q.receipts)
	t.Run("names", q.names)
}

func ticket(seq int64) delivery.Ticket {
	return delivery.Ticket{MessageID: fmt.Sprint("m", seq), Seq: seq, Dedup: fmt.Sprint(seq, ".1")}
}

// chatQueue is a queue that was never sent to.
func chatQueue() delivery.ChatQueue { return delivery.ChatQueue{Life: first(uuid.NewString())} }

// sent is a new queue with tickets.
func (q queues) sent(t *testing.T, slots int, seqs ...int64) delivery.ChatQueue {
	t.Helper()
	l := chatQueue()
	q.send(t, l, slots, seqs...)
	return l
}

func (q queues) send(t *testing.T, l delivery.ChatQueue, slots int, seqs ...int64) {
	t.Helper()
	var tickets []delivery.Ticket
	for _, seq := range seqs {
		tickets = append(tickets, ticket(seq))
	}
	must(t, q.Send(t.Context(), l, slots, tickets))
}

// receives receives the ticket of seq.
func (q queues) receives(
	t *testing.T, l delivery.ChatQueue, visibility time.Duration, seq int64,
) delivery.ReceivedTicket {
	t.Helper()
	r, err := q.Receive(t.Context(), l, visibility, time.Second)
	must(t, err)
	if r == nil {
		t.Fatalf("no ticket; want that of m%d", seq)
	}
	want := ticket(seq)
	want.Dedup = ""
	same(t, want, r.Ticket)
	return *r
}

// receivesNone tries to receive a ticket, and there is none.
func (q queues) receivesNone(t *testing.T, l delivery.ChatQueue) {
	t.Helper()
	r, err := q.Receive(t.Context(), l, time.Minute, 0)
	must(t, err)
	if r != nil {
		t.Fatalf("received %+v", r)
	}
}

// comesBack waits until the ticket of seq can be received, and receives it.
func (q queues) comesBack(t *testing.T, l delivery.ChatQueue, seq int64) {
	t.Helper()
	for range 20 {
		q.advance(500 * time.Millisecond)
		r, err := q.Receive(t.Context(), l, time.Minute, 0)
		must(t, err)
		if r != nil {
			same(t, fmt.Sprint("m", seq), r.MessageID)
			return
		}
	}
	t.Fatal("the ticket did not come back")
}

func (q queues) sends(t *testing.T) {
	t.Run("a queue that was never sent to is empty", func(t *testing.T) {
		l := chatQueue()
		q.receivesNone(t, l)
		must(t, q.Send(t.Context(), l, 1, nil))
		must(t, q.Delete(t.Context(), l, delivery.ReceivedTicket{Receipt: "x"}))
		must(t, q.Release(t.Context(), l, delivery.ReceivedTicket{Receipt: "x"}))
		q.receivesNone(t, l)
	})
	t.Run("one ticket a slot is received at a time, in order", func(t *testing.T) {
		l := q.sent(t, 1, 1, 2)
		first := q.receives(t, l, time.Minute, 1)
		q.receivesNone(t, l)
		must(t, q.Delete(t.Context(), l, first))
		second := q.receives(t, l, time.Minute, 2)
		must(t, q.Release(t.Context(), l, second))
		must(t, q.Delete(t.Context(), l, q.receives(t, l, time.Minute, 2)))
		q.receivesNone(t, l)
	})
	t.Run("a ticket of one host locks none of another", func(t *testing.T) {
		l := q.sent(t, 1, 1)
		old := q.receives(t, l, time.Minute, 1)
		next := l
		next.Host = 7
		must(t, q.Send(t.Context(), next, 1, []delivery.Ticket{{MessageID: "m2", Seq: 2, Host: 7, Dedup: "2.1"}}))
		got, err := q.Receive(t.Context(), next, time.Minute, time.Second)
		must(t, err)
		if got == nil || got.MessageID != "m2" || got.Host != 7 {
			t.Fatalf("received %+v", got)
		}
		must(t, q.Send(t.Context(), next, 1, []delivery.Ticket{{MessageID: "m3", Seq: 3, Host: 7, Dedup: "3.1"}}))
		q.receivesNone(t, next) // the slot of that host is taken
		must(t, q.Delete(t.Context(), l, old))
		q.receivesNone(t, next)
	})
	t.Run("two slots give two tickets", func(t *testing.T) {
		l := q.sent(t, 2, 1, 2)
		q.receives(t, l, time.Minute, 1)
		q.receives(t, l, time.Minute, 2)
	})
	t.Run("a repeat is dropped, also when the first was received and deleted", func(t *testing.T) {
		l := q.sent(t, 1, 1)
		q.send(t, l, 1, 1)
		must(t, q.Delete(t.Context(), l, q.receives(t, l, time.Minute, 1)))
		q.send(t, l, 1, 1)
		q.receivesNone(t, l)
	})
	t.Run("a repeat to another queue is no repeat", func(t *testing.T) {
		l := q.sent(t, 1, 1)
		l.Generation++
		q.send(t, l, 1, 1)
		q.receives(t, l, time.Minute, 1)
	})
	t.Run("more than one batch of tickets is sent whole", func(t *testing.T) {
		var seqs []int64
		for i := range int64(21) {
			seqs = append(seqs, i+1)
		}
		l := q.sent(t, 1, seqs...)
		for _, seq := range seqs {
			must(t, q.Delete(t.Context(), l, q.receives(t, l, time.Minute, seq)))
		}
		q.receivesNone(t, l)
	})
}

func (q queues) visibility(t *testing.T) {
	t.Run("a ticket whose receiver dies comes back", func(t *testing.T) {
		l := delivery.ChatQueue{Life: first("odd id! " + uuid.NewString())}
		q.send(t, l, 1, 1)
		q.receives(t, l, time.Second, 1)
		q.receivesNone(t, l)
		q.comesBack(t, l, 1)
	})
	t.Run("a part of a second counts as one", func(t *testing.T) {
		l := q.sent(t, 1, 1)
		q.receives(t, l, time.Millisecond, 1)
		q.receivesNone(t, l)
	})
	t.Run("a ticket that was received five times and not deleted goes to the dead-letter queue", func(t *testing.T) {
		l := q.sent(t, 1, 1, 2)
		for range 5 {
			must(t, q.Release(t.Context(), l, q.receives(t, l, time.Minute, 1)))
		}
		q.receives(t, l, time.Minute, 2)
	})
}

func (q queues) receipts(t *testing.T) {
	t.Run("a late receipt is no error, and gives nobody else the ticket", func(t *testing.T) {
		l := q.sent(t, 1, 1)
		late := q.receives(t, l, time.Second, 1)
		q.comesBack(t, l, 1)
		must(t, q.Delete(t.Context(), l, late)) // LocalStack deletes the ticket; SQS does not
		must(t, q.Release(t.Context(), l, late))
		q.receivesNone(t, l)
	})
	t.Run("a ticket may be deleted and released again", func(t *testing.T) {
		l := q.sent(t, 1, 1)
		r := q.receives(t, l, time.Minute, 1)
		for range 2 {
			must(t, q.Delete(t.Context(), l, r))
			must(t, q.Release(t.Context(), l, r))
		}
		q.receivesNone(t, l)
	})
	t.Run("a ticket can be sent to the dead-letter queue", func(t *testing.T) {
		must(t, q.SendToDeadLetter(t.Context(), chatQueue(), ticket(1), "used up"))
	})
}

func (q queues) names(t *testing.T) {
	list := func(t *testing.T) (names []string) {
		t.Helper()
		for next := ""; ; {
			slice, then, err := q.List(t.Context(), next)
			must(t, err)
			names = append(names, slice...)
			if next = then; next == "" {
				return names
			}
		}
	}
	t.Run("they are listed in slices, each name once", func(t *testing.T) {
		want := map[string]bool{}
		for range 5 {
			want[q.Name(q.sent(t, 1, 1))] = true
		}
		for _, name := range list(t) {
			delete(want, name)
		}
		if len(want) > 0 {
			t.Fatalf("%v were not listed", want)
		}
		slice, next, err := q.List(t.Context(), "")
		must(t, err)
		if next == "" {
			t.Fatalf("the first slice has all of the %d names", len(slice))
		}
		if names := list(t); len(slices.Compact(slices.Sorted(slices.Values(names)))) != len(names) {
			t.Fatalf("a name was listed twice: %v", names)
		}
	})
	t.Run("a name tells its workspace", func(t *testing.T) {
		for _, id := range []string{"w", "a-7g2", "x0", uuid.NewString()} {
			for _, life := range []int64{0, 12} {
				name := q.Name(delivery.ChatQueue{Life: workspace.Life{Workspace: id, Number: life}, Generation: 3})
				same(t, id, q.Workspace(name))
			}
		}
	})
	t.Run("chat queues, and no others, are listed by name", func(t *testing.T) {
		l := q.sent(t, 1, 1)
		names := list(t)
		if !slices.Contains(names, q.Name(l)) {
			t.Fatalf("%s is not among %v", q.Name(l), names)
		}
		if i := slices.IndexFunc(names, func(n string) bool { return !strings.Contains(n, "-g") }); i >= 0 {
			t.Fatalf("%s is no chat queue, and who lists it removes it", names[i])
		}
	})
	t.Run("a removed queue is gone, with its tickets", func(t *testing.T) {
		l := q.sent(t, 1, 1)
		for range 2 {
			must(t, q.Remove(t.Context(), q.Name(l)))
		}
		if slices.Contains(list(t), q.Name(l)) {
			t.Fatal("it is still there")
		}
		q.receivesNone(t, l)
		l.Generation++
		q.send(t, l, 1, 2)
		q.receives(t, l, time.Minute, 2)
	})
	t.Run("the name of a removed queue is refused for a minute, or names a new queue", func(t *testing.T) {
		l := q.sent(t, 1, 1)
		must(t, q.Remove(t.Context(), q.Name(l)))
		err := q.Send(t.Context(), l, 1, []delivery.Ticket{ticket(1)})
		if errors.Is(err, delivery.ErrQueueDeletedRecently) { // as SQS does; the emulators don't
			q.advance(time.Minute)
			err = q.Send(t.Context(), l, 1, []delivery.Ticket{ticket(1)})
		}
		must(t, err)
		q.receives(t, l, time.Minute, 1)
	})
}
