package memory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/workspace"
)

// The rules of SQS's FIFO queues. Source: Amazon SQS Developer Guide and API
// Reference.
const (
	dedupFor    = 5 * time.Minute     // a repeat of what was sent so lately is dropped
	deletedFor  = time.Minute         // the name of a deleted queue can't be used; the emulators allow it
	maxReceives = 5                   // as shared/sqs sets it; then a ticket goes to the dead-letter queue
	keptFor     = 14 * 24 * time.Hour // as shared/sqs sets it; then a ticket is gone
)

// Queues are chat queues with the rules of SQS's FIFO queues: deduplication,
// visibility timeouts in whole seconds, a group that is locked while one of its
// tickets is received, a dead-letter queue.
type Queues struct {
	Now func() time.Time

	// SliceSize is how many names a slice has at most; 0: all.
	SliceSize int

	// Dead are the tickets in the dead-letter queue.
	Dead []delivery.Ticket

	mu      sync.Mutex
	queues  map[string]*queue    // by name
	deleted map[string]time.Time // when a queue was deleted, by name
	serial  int                  // of receipts
}

type queue struct {
	tickets []*ticket
	dedup   map[string]time.Time // when a ticket was sent
}

type ticket struct {
	delivery.ReceivedTicket
	group    string
	sent     time.Time
	visible  time.Time // when its visibility timeout ends; zero: it is not received
	receives int
}

var _ delivery.Queues = (*Queues)(nil)

// NewQueues makes queues on a clock.
func NewQueues(now func() time.Time) *Queues {
	return &Queues{Now: now, queues: map[string]*queue{}, deleted: map[string]time.Time{}}
}

// Send implements delivery.Queues.
func (q *Queues) Send(_ context.Context, to delivery.ChatQueue, slots int, tickets []delivery.Ticket) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(tickets) == 0 {
		return nil
	}
	name := q.Name(to)
	if at, ok := q.deleted[name]; ok && q.Now().Sub(at) < deletedFor {
		return delivery.ErrQueueDeletedRecently
	}
	if q.queues[name] == nil {
		q.queues[name] = &queue{dedup: map[string]time.Time{}}
	}
	for _, t := range tickets {
		q.queues[name].send(t, fmt.Sprintf("%d/%d", to.Host, t.Seq%int64(max(1, slots))), q.Now())
	}
	return nil
}

func (l *queue) send(t delivery.Ticket, group string, now time.Time) {
	if at, ok := l.dedup[t.Dedup]; ok && now.Sub(at) < dedupFor {
		return
	}
	l.dedup[t.Dedup] = now
	t.Dedup = "" // it is no part of what is received
	l.tickets = append(l.tickets, &ticket{ReceivedTicket: delivery.ReceivedTicket{Ticket: t}, group: group, sent: now})
}

// Receive implements delivery.Queues; it never waits.
func (q *Queues) Receive(
	_ context.Context, from delivery.ChatQueue, visibility, _ time.Duration,
) (*delivery.ReceivedTicket, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.queues[q.Name(from)]
	if l == nil {
		return nil, nil //nolint:nilnil // the port says nil for no ticket
	}
	q.dropUsedUp(l)
	locked := map[string]bool{}
	for _, t := range l.tickets {
		locked[t.group] = locked[t.group] || t.received(q.Now())
	}
	for _, t := range l.tickets {
		if locked[t.group] {
			continue
		}
		q.serial++
		t.receives++
		rounded := (visibility + time.Second - 1).Truncate(time.Second) // up to whole seconds
		t.visible, t.Receipt = q.Now().Add(rounded), fmt.Sprint(q.serial)
		out := t.ReceivedTicket
		return &out, nil
	}
	return nil, nil //nolint:nilnil // the port says nil for no ticket
}

// received reports whether somebody has the ticket.
func (t *ticket) received(now time.Time) bool { return now.Before(t.visible) }

// dropUsedUp moves tickets that were received too often to the dead-letter queue, and forgets those that are too old.
func (q *Queues) dropUsedUp(l *queue) {
	l.tickets = slices.DeleteFunc(l.tickets, func(t *ticket) bool {
		if q.Now().Sub(t.sent) >= keptFor {
			return true
		}
		usedUp := t.receives >= maxReceives && !t.received(q.Now())
		if usedUp {
			q.Dead = append(q.Dead, t.Ticket)
		}
		return usedUp
	})
}

// Delete implements delivery.Queues. As in SQS's FIFO queues, a receipt is good
// for as long as its visibility timeout runs. The emulators take it for longer:
// ministack until the ticket is received again, LocalStack for ever.
func (q *Queues) Delete(_ context.Context, from delivery.ChatQueue, r delivery.ReceivedTicket) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if l := q.queues[q.Name(from)]; l != nil {
		l.tickets = slices.DeleteFunc(l.tickets, func(t *ticket) bool {
			return t.Receipt == r.Receipt && t.received(q.Now())
		})
	}
	return nil
}

// Release implements delivery.Queues.
func (q *Queues) Release(_ context.Context, to delivery.ChatQueue, r delivery.ReceivedTicket) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if l := q.queues[q.Name(to)]; l != nil {
		for _, t := range l.tickets {
			if t.Receipt == r.Receipt {
				t.visible = time.Time{}
			}
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
func (q *Queues) Name(of delivery.ChatQueue) string {
	return fmt.Sprintf("%s-g%d", of.Life.Key(), of.Generation)
}

// Workspace implements delivery.Queues.
func (q *Queues) Workspace(name string) string {
	return workspace.ParseLife(name[:strings.LastIndex(name, "-g")]).Workspace
}

// List implements delivery.Queues. The cursor is the last name of the slice before.
func (q *Queues) List(_ context.Context, cursor string) (names []string, next string, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(q.queues)) {
		if name <= cursor {
			continue
		}
		if q.SliceSize > 0 && len(names) == q.SliceSize {
			return names, names[len(names)-1], nil
		}
		names = append(names, name)
	}
	return names, "", nil
}

// Remove implements delivery.Queues.
func (q *Queues) Remove(_ context.Context, name string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.queues[name] != nil {
		delete(q.queues, name)
		q.deleted[name] = q.Now()
	}
	return nil
}
