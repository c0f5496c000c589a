package memory

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/registry"
)

// Queues are chat queues with SQS FIFO's rules: deduplication for five minutes,
// visibility timeouts, and a group locked while one of its tickets is in flight.
type Queues struct {
	Now func() time.Time

	mu     sync.Mutex
	lanes  map[delivery.Lane][]*ticket
	dedup  map[string]time.Time
	serial int
	Dead   []delivery.Ticket
}

type ticket struct {
	delivery.Held
	group   int64
	visible time.Time
	held    bool
}

var _ delivery.Queues = (*Queues)(nil)

// NewQueues makes queues on a clock.
func NewQueues(now func() time.Time) *Queues {
	return &Queues{Now: now, lanes: map[delivery.Lane][]*ticket{}, dedup: map[string]time.Time{}}
}

// Send implements delivery.Queues.
func (q *Queues) Send(_ context.Context, l delivery.Lane, slots int, ts []delivery.Ticket) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range ts {
		key := fmt.Sprint(l, t.Dedup)
		if at, ok := q.dedup[key]; ok && q.Now().Sub(at) < 5*time.Minute {
			continue
		}
		q.dedup[key] = q.Now()
		q.lanes[l] = append(q.lanes[l], &ticket{Held: delivery.Held{Ticket: t}, group: t.Seq % int64(max(1, slots))})
	}
	return nil
}

// Receive implements delivery.Queues; it never waits.
func (q *Queues) Receive(_ context.Context, l delivery.Lane, visibility, _ time.Duration) (*delivery.Held, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	locked := map[int64]bool{}
	for _, t := range q.lanes[l] {
		if t.held && q.Now().Before(t.visible) {
			locked[t.group] = true
		}
	}
	for _, t := range q.lanes[l] {
		if locked[t.group] {
			continue
		}
		q.serial++
		t.held, t.visible, t.Receipt = true, q.Now().Add(visibility), fmt.Sprint(q.serial)
		out := t.Held
		return &out, nil
	}
	return nil, nil
}

// Delete implements delivery.Queues.
func (q *Queues) Delete(_ context.Context, l delivery.Lane, h delivery.Held) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, t := range q.lanes[l] {
		if t.Receipt == h.Receipt {
			q.lanes[l] = append(q.lanes[l][:i:i], q.lanes[l][i+1:]...)
			return nil
		}
	}
	return nil
}

// Release implements delivery.Queues.
func (q *Queues) Release(_ context.Context, l delivery.Lane, h delivery.Held) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, t := range q.lanes[l] {
		if t.Receipt == h.Receipt {
			t.held = false
		}
	}
	return nil
}

// Bury implements delivery.Queues.
func (q *Queues) Bury(_ context.Context, _ delivery.Lane, t delivery.Ticket, _ string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.Dead = append(q.Dead, t)
	return nil
}

// Name implements delivery.Queues.
func (q *Queues) Name(l delivery.Lane) string {
	return fmt.Sprintf("%s-g%d", l.Workspace, l.Generation)
}

// List implements delivery.Queues.
func (q *Queues) List(context.Context) ([]string, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var out []string
	for l := range q.lanes {
		out = append(out, q.Name(l))
	}
	return out, nil
}

// Remove implements delivery.Queues.
func (q *Queues) Remove(_ context.Context, name string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for l := range q.lanes {
		if q.Name(l) == name {
			delete(q.lanes, l)
		}
	}
	return nil
}

// Ring is one wake-up that was asked for.
type Ring struct {
	ID, Cause string
	After     time.Duration
}

// Wakeups keeps the rings for a test to look at.
type Wakeups struct {
	mu    sync.Mutex
	rings []Ring
}

var _ registry.Wakeups = (*Wakeups)(nil)

// Send implements registry.Bell.
func (b *Wakeups) Send(_ context.Context, id, cause string, after time.Duration) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rings = append(b.rings, Ring{id, cause, after})
	return nil
}

// Take returns the rings so far and forgets them.
func (b *Wakeups) Take() []Ring {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.rings
	b.rings = nil
	return out
}

// Announcer keeps the announced changes for a test to look at.
type Announcer struct {
	mu      sync.Mutex
	changes []delivery.Change
	Dead    []string // ids of messages that were announced dead
}

// AnnounceDead implements delivery.Announcer.
func (a *Announcer) AnnounceDead(_ context.Context, m chat.Message) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.Dead = append(a.Dead, m.ID)
	return nil
}

var _ delivery.Announcer = (*Announcer)(nil)

// Announce implements delivery.Announcer.
func (a *Announcer) Announce(_ context.Context, c delivery.Change) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.changes = append(a.changes, c)
	return nil
}

// Take returns the changes so far and forgets them.
func (a *Announcer) Take() []delivery.Change {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := a.changes
	a.changes = nil
	return out
}
