package memory

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/rollcall/rollcall/shared/delivery"
)

// Queues are chat queues with SQS FIFO's rules: deduplication for five minutes,
// visibility timeouts, and a group locked while one of its tickets is in flight.
type Queues struct {
	Now func() time.Time

	mu     sync.Mutex
	queues map[delivery.ChatQueue][]*ticket
	dedup  map[string]time.Time
	serial int
	Dead   []delivery.Ticket
}

type ticket struct {
	delivery.ReceivedTicket
	group    int64
	visible  time.Time
	received bool
}

var _ delivery.Queues = (*Queues)(nil)

// NewQueues makes queues on a clock.
func NewQueues(now func() time.Time) *Queues {
	return &Queues{Now: now, queues: map[delivery.ChatQueue][]*ticket{}, dedup: map[string]time.Time{}}
}

// Send implements delivery.Queues.
func (q *Queues) Send(_ context.Context, l delivery.ChatQueue, slots int, ts []delivery.Ticket) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range ts {
		key := fmt.Sprint(l, t.Dedup)
		if at, ok := q.dedup[key]; ok && q.Now().Sub(at) < 5*time.Minute {
			continue
		}
		q.dedup[key] = q.Now()
		q.queues[l] = append(q.queues[l], &ticket{ReceivedTicket: delivery.ReceivedTicket{Ticket: t}, group: t.Seq % int64(max(1, slots))})
	}
	return nil
}

// Receive implements delivery.Queues; it never waits.
func (q *Queues) Receive(_ context.Context, l delivery.ChatQueue, visibility, _ time.Duration) (*delivery.ReceivedTicket, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	locked := map[int64]bool{}
	for _, t := range q.queues[l] {
		if t.received && q.Now().Before(t.visible) {
			locked[t.group] = true
		}
	}
	for _, t := range q.queues[l] {
		if locked[t.group] {
			continue
		}
		q.serial++
		t.received, t.visible, t.Receipt = true, q.Now().Add(visibility), fmt.Sprint(q.serial)
		out := t.ReceivedTicket
		return &out, nil
	}
	return nil, nil
}

// Delete implements delivery.Queues.
func (q *Queues) Delete(_ context.Context, l delivery.ChatQueue, h delivery.ReceivedTicket) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, t := range q.queues[l] {
		if t.Receipt == h.Receipt {
			q.queues[l] = append(q.queues[l][:i:i], q.queues[l][i+1:]...)
			return nil
		}
	}
	return nil
}

// Release implements delivery.Queues.
func (q *Queues) Release(_ context.Context, l delivery.ChatQueue, h delivery.ReceivedTicket) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range q.queues[l] {
		if t.Receipt == h.Receipt {
			t.received = false
		}
	}
	return nil
}

// SendToDeadLetter implements delivery.Queues.
func (q *Queues) SendToDeadLetter(_ context.Context, _ delivery.ChatQueue, t delivery.Ticket, _ string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.Dead = append(q.Dead, t)
	return nil
}

// Name implements delivery.Queues.
func (q *Queues) Name(l delivery.ChatQueue) string {
	return fmt.Sprintf("%s-g%d", l.Workspace, l.Generation)
}

// List implements delivery.Queues.
func (q *Queues) List(context.Context) ([]string, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var out []string
	for l := range q.queues {
		out = append(out, q.Name(l))
	}
	return out, nil
}

// Remove implements delivery.Queues.
func (q *Queues) Remove(_ context.Context, name string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for l := range q.queues {
		if q.Name(l) == name {
			delete(q.queues, l)
		}
	}
	return nil
}
