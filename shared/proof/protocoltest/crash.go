package protocoltest

import (
	"context"
	"sync"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/sweep"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Crash stands between the use cases and their stores. Armed, it lets so many
// writes through; the one after is done or not, and its reply is lost. Then
// nothing answers any more, as for a function that was killed there, or whoever
// acts goes on, as after a timeout. Or another one acts between what was read and
// that write.
type Crash struct {
	mu    sync.Mutex
	left  int // writes still let through; -1: not armed
	done  bool
	on    bool
	dead  bool
	other func() // acts before that write, which is then done as if nothing were
}

// arm lets n writes through; done says whether the one after is done, on whether
// whoever acts goes on without its reply.
func (c *Crash) arm(n int, done, on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left, c.done, c.on, c.dead = n, done, on, false
}

// interfere has another one act after n writes.
func (c *Crash) interfere(n int, other func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left, c.other = n, other
}

// disarm gives the next actor its stores back.
func (c *Crash) disarm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left, c.dead, c.other = -1, false, nil
}

func gone() error { return fault.Store("crash", context.Canceled) }

// write does one write, or dies at it.
func (c *Crash) write(do func() error) error {
	c.mu.Lock()
	switch {
	case c.dead:
		c.mu.Unlock()
		return gone()
	case c.left == 0 && c.other != nil:
		other := c.other
		c.left, c.other = -1, nil
		c.mu.Unlock()
		other()
		return do()
	case c.left == 0:
		c.dead, c.left = !c.on, -1
		done := c.done
		c.mu.Unlock()
		if done {
			_ = do() // whoever died can't tell how it went
		}
		return gone()
	case c.left > 0:
		c.left--
	}
	c.mu.Unlock()
	return do()
}

// read fails for the dead.
func (c *Crash) read() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return gone()
	}
	return nil
}

// Wrap puts the crash between the use cases and their stores.
func (c *Crash) Wrap(d *delivery.Delivery, s *sweep.Sweeper) {
	c.left = -1
	was := d.Registry
	d.Registry = &registry.Registry{
		Leases: leases{was.Leases, c}, Wakeups: wakeups{was.Wakeups, c}, Profiles: was.Profiles, Owners: was.Owners,
		Enrolments: was.Enrolments, Fleets: was.Fleets, Guard: was.Guard, Policy: was.Policy, Clock: was.Clock,
	}
	d.Ledger, d.Queues = ledger{d.Ledger, c}, queues{d.Queues, c}
	log := *s.StatusLog
	log.Store = changes{log.Store, c}
	s.Registry, s.Delivery, s.StatusLog = d.Registry, d, &log
}

type leases struct {
	registry.Leases
	c *Crash
}

func (l leases) Get(ctx context.Context, id string) (workspace.Facts, error) {
	if err := l.c.read(); err != nil {
		return workspace.Facts{}, err
	}
	return l.Leases.Get(ctx, id)
}

func (l leases) Save(ctx context.Context, old, next workspace.Facts, with registry.SaveExtras) error {
	return l.c.write(func() error { return l.Leases.Save(ctx, old, next, with) })
}

type wakeups struct {
	registry.Wakeups
	c *Crash
}

func (w wakeups) Send(ctx context.Context, id, cause string, after time.Duration) error {
	return w.c.write(func() error { return w.Wakeups.Send(ctx, id, cause, after) })
}

type ledger struct {
	delivery.Ledger
	c *Crash
}

func (l ledger) Accept(ctx context.Context, seen workspace.Facts, m chat.Message, attended bool) (stored chat.Message, first bool, err error) {
	err = l.c.write(func() (err error) { stored, first, err = l.Ledger.Accept(ctx, seen, m, attended); return err })
	return stored, first, err
}

func (l ledger) OpenMail(ctx context.Context, id string, limit int) ([]delivery.OpenMessage, error) {
	if err := l.c.read(); err != nil {
		return nil, err
	}
	return l.Ledger.OpenMail(ctx, id, limit)
}

func (l ledger) WriteMessages(ctx context.Context, id string, moves []chat.Move, u delivery.MailboxUpdate) error {
	return l.c.write(func() error { return l.Ledger.WriteMessages(ctx, id, moves, u) })
}

func (l ledger) OutboxDone(ctx context.Context, id string, e delivery.OutboxItem) error {
	return l.c.write(func() error { return l.Ledger.OutboxDone(ctx, id, e) })
}

type queues struct {
	delivery.Queues
	c *Crash
}

func (q queues) Send(ctx context.Context, l delivery.ChatQueue, slots int, ts []delivery.Ticket) error {
	return q.c.write(func() error { return q.Queues.Send(ctx, l, slots, ts) })
}

func (q queues) Receive(ctx context.Context, l delivery.ChatQueue, visibility, wait time.Duration) (h *delivery.ReceivedTicket, err error) {
	err = q.c.write(func() (err error) { h, err = q.Queues.Receive(ctx, l, visibility, wait); return err })
	return h, err
}

func (q queues) Delete(ctx context.Context, l delivery.ChatQueue, h delivery.ReceivedTicket) error {
	return q.c.write(func() error { return q.Queues.Delete(ctx, l, h) })
}

func (q queues) SendToDeadLetter(ctx context.Context, l delivery.ChatQueue, t delivery.Ticket, reason string) error {
	return q.c.write(func() error { return q.Queues.SendToDeadLetter(ctx, l, t, reason) })
}

type changes struct {
	statuslog.Store
	c *Crash
}

func (n changes) AddChange(ctx context.Context, old, next workspace.Facts, ch statuslog.Change) (out statuslog.Change, err error) {
	err = n.c.write(func() (err error) { out, err = n.Store.AddChange(ctx, old, next, ch); return err })
	return out, err
}

func (n changes) NoteAnnounced(ctx context.Context, last int64) error {
	return n.c.write(func() error { return n.Store.NoteAnnounced(ctx, last) })
}
