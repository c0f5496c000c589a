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

// crash stands between the use cases and their stores. When armed, it lets a number of
// writes through. The write after them is done or not, and its reply is lost. From then
// on nothing answers any more, as for a function that is killed there; or whoever acts
// continues, as after a timeout. Instead of a crash, somebody else can act between what
// was read and that write.
type crash struct {
	mu         sync.Mutex
	writesLeft int  // that are still let through; -1: not armed
	lastDone   bool // the write after them is done
	continues  bool // whoever acts goes on without the reply to it
	dead       bool
	interfere  func() // acts before that write, which is then done as usual
}

// arm lets n writes through, and crashes at the next.
func (c *crash) arm(n int, lastDone, continues bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writesLeft, c.lastDone, c.continues, c.dead = n, lastDone, continues, false
}

// interfereAfter has somebody else act after n writes.
func (c *crash) interfereAfter(n int, act func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writesLeft, c.interfere = n, act
}

// kill kills whoever acts now.
func (c *crash) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writesLeft, c.dead, c.interfere = -1, true, nil
}

// disarm lets the stores answer again. It reports whether whoever acted was killed.
func (c *crash) disarm() (died bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	died = c.dead
	c.writesLeft, c.dead, c.interfere = -1, false, nil
	return died
}

func noAnswer() error { return fault.Store("crash", context.Canceled) }

// write does one write, or crashes at it.
func (c *crash) write(do func() error) error {
	c.mu.Lock()
	switch {
	case c.dead:
		c.mu.Unlock()
		return noAnswer()
	case c.writesLeft == 0 && c.interfere != nil:
		act := c.interfere
		c.writesLeft, c.interfere = -1, nil
		c.mu.Unlock()
		act()
		return do()
	case c.writesLeft == 0:
		c.dead, c.writesLeft = !c.continues, -1
		done := c.lastDone
		c.mu.Unlock()
		if done {
			_ = do() // its reply is lost
		}
		return noAnswer()
	case c.writesLeft > 0:
		c.writesLeft--
	}
	c.mu.Unlock()
	return do()
}

// read fails once whoever acts is dead.
func (c *crash) read() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return noAnswer()
	}
	return nil
}

// wrap puts the crash between the use cases and their stores.
func (c *crash) wrap(d *delivery.Delivery, s *sweep.Sweeper) {
	c.writesLeft = -1
	r := d.Registry
	log := *s.StatusLog
	log.Store = changes{log.Store, c}
	d.Registry = &registry.Registry{
		Leases: leases{r.Leases, c}, Wakeups: wakeups{r.Wakeups, c}, Profiles: r.Profiles, Owners: r.Owners,
		Enrolments: r.Enrolments, Fleets: r.Fleets, Guard: r.Guard, Policy: r.Policy, Clock: r.Clock,
		StatusLog: &log,
	}
	d.Ledger, d.Queues = ledger{d.Ledger, c}, queues{d.Queues, c}
	s.Registry, s.Delivery, s.StatusLog = d.Registry, d, &log
}

type leases struct {
	registry.Leases
	c *crash
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
	c *crash
}

func (w wakeups) Send(ctx context.Context, id, cause string, after time.Duration) error {
	return w.c.write(func() error { return w.Wakeups.Send(ctx, id, cause, after) })
}

func (w wakeups) SendSlow(ctx context.Context, id, cause string) error {
	return w.c.write(func() error { return w.Wakeups.SendSlow(ctx, id, cause) })
}

func (w wakeups) SendCallbacks(ctx context.Context, id, cause string) error {
	return w.c.write(func() error { return w.Wakeups.SendCallbacks(ctx, id, cause) })
}

type ledger struct {
	delivery.Ledger
	c *crash
}

func (l ledger) Count(
	ctx context.Context, id string, at time.Time, probe bool, maxOpen int64,
) (f workspace.Facts, counted bool, err error) {
	err = l.c.write(func() (err error) { f, counted, err = l.Ledger.Count(ctx, id, at, probe, maxOpen); return err })
	return f, counted, err
}

func (l ledger) Uncount(ctx context.Context, life workspace.Life) error {
	return l.c.write(func() error { return l.Ledger.Uncount(ctx, life) })
}

func (l ledger) NoteFull(ctx context.Context, life workspace.Life, full workspace.Full) error {
	return l.c.write(func() error { return l.Ledger.NoteFull(ctx, life, full) })
}

func (l ledger) Put(ctx context.Context, m chat.Message) (stored chat.Message, err error) {
	err = l.c.write(func() (err error) { stored, err = l.Ledger.Put(ctx, m); return err })
	return stored, err
}

func (l ledger) OpenMail(ctx context.Context, life workspace.Life, limit int) ([]delivery.OpenMessage, error) {
	if err := l.c.read(); err != nil {
		return nil, err
	}
	return l.Ledger.OpenMail(ctx, life, limit)
}

func (l ledger) WriteMessages(
	ctx context.Context, life workspace.Life, moves []chat.Move, u delivery.MailboxUpdate,
) error {
	return l.c.write(func() error { return l.Ledger.WriteMessages(ctx, life, moves, u) })
}

func (l ledger) OutboxRests(ctx context.Context, life workspace.Life, e delivery.OutboxItem) error {
	return l.c.write(func() error { return l.Ledger.OutboxRests(ctx, life, e) })
}

func (l ledger) OutboxDone(ctx context.Context, life workspace.Life, e delivery.OutboxItem, former bool) error {
	return l.c.write(func() error { return l.Ledger.OutboxDone(ctx, life, e, former) })
}

type queues struct {
	delivery.Queues
	c *crash
}

func (q queues) Send(ctx context.Context, l delivery.ChatQueue, slots int, ts []delivery.Ticket) error {
	return q.c.write(func() error { return q.Queues.Send(ctx, l, slots, ts) })
}

func (q queues) Receive(
	ctx context.Context, l delivery.ChatQueue, visibility, wait time.Duration,
) (h *delivery.ReceivedTicket, err error) {
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
	c *crash
}

func (n changes) AddChanges(ctx context.Context, page []statuslog.Entry) error {
	return n.c.write(func() error { return n.Store.AddChanges(ctx, page) })
}

func (n changes) TakeRight(ctx context.Context, r statuslog.Right, now, until time.Time) (taken bool, err error) {
	err = n.c.write(func() (err error) { taken, err = n.Store.TakeRight(ctx, r, now, until); return err })
	return taken, err
}

func (n changes) GiveBack(ctx context.Context, r statuslog.Right, until time.Time) error {
	return n.c.write(func() error { return n.Store.GiveBack(ctx, r, until) })
}

func (n changes) NoteAnnounced(ctx context.Context, until time.Time, a statuslog.Announced) error {
	return n.c.write(func() error { return n.Store.NoteAnnounced(ctx, until, a) })
}
