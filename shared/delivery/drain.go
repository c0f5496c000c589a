package delivery

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/retry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// DrainResult says what a drain did and why it ended.
type DrainResult struct {
	Delivered, Failed, Deferred int
	Ended                       string
	Moved                       bool // to the other lane
}

// attempted reports whether the drain tried to deliver anything.
func (r DrainResult) attempted() bool { return r.Delivered+r.Failed+r.Deferred > 0 }

// maxWorkers is the most deliveries of one drain at a time. Of the drains that run in one process, which share its
// memory, all have one, and together as many more as one of them could have.
const maxWorkers = 8

// Helpers are the workers of this process's drains, beside the first of each.
type Helpers struct {
	mu   sync.Mutex
	busy int
}

// take is as many helpers as there are, and at most so many.
func (h *Helpers) take(wanted int) int {
	if h == nil {
		return wanted
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	got := min(wanted, maxWorkers-1-h.busy)
	h.busy += got
	return got
}

func (h *Helpers) giveBack(n int) {
	if h == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.busy -= n
}

// Drain is the only code that takes a message off a chat queue and delivers it.
// It goes on, one worker for each free task slot, until the mailbox is empty, the
// agent is busy, or the context's deadline is too near for another delivery.
// cause is that of the wake-up that it answers.
//
// Drains work in two lanes. An agent that hung last time may hang again, and so hold
// its drain for as long as a delivery may take: this one leaves it to the slow lane,
// where few drains are at work, so that hung agents delay none but each other.
func (d *Delivery) Drain(ctx context.Context, id, cause string) (DrainResult, error) {
	return d.drain(ctx, id, cause, false)
}

// DrainSlow is Drain in the slow lane: a probe finds out whether the agent answers
// again, then one message whether it takes mail. If so, the other lane goes on.
func (d *Delivery) DrainSlow(ctx context.Context, id, cause string) (DrainResult, error) {
	return d.drain(ctx, id, cause, true)
}

func (d *Delivery) drain(ctx context.Context, id, cause string, slow bool) (DrainResult, error) {
	f, err := d.Registry.Leases.Get(ctx, id)
	if fault.CodeOf(err) == fault.WorkspaceUnknown {
		return DrainResult{Ended: "no such workspace"}, nil
	}
	if err != nil {
		return DrainResult{}, err
	}
	free := f.Slots() - f.Busy(d.Registry.Policy, d.Clock.Now())
	if f.PushFailures > 0 || f.Open == 0 {
		free = 1 // one try at a time finds out whether the agent is there
	}
	others := d.Helpers.take(min(max(1, free), maxWorkers) - 1)
	workers := make([]worker, 1+others)
	var g errgroup.Group // without a context: a fault of one worker must not end another's delivery
	for i := range workers {
		workers[i] = worker{Delivery: d, id: id, slow: slow, cause: cause}
		g.Go(fault.Contained(func() error { return workers[i].run(ctx) }))
	}
	err = g.Wait()
	d.Helpers.giveBack(others)
	// What the drain, or another before it that died, left to do.
	var answerAt time.Time
	if f, getErr := d.Registry.Leases.Get(ctx, id); getErr == nil {
		again, callbacks, outboxErr := d.clearOutboxes(ctx, f)
		err, answerAt = errors.Join(err, outboxErr), again
		if callbacks {
			err = errors.Join(err, d.Registry.Wakeups.SendCallbacks(ctx, id, cause))
		}
	}
	var out DrainResult
	for i := range workers {
		r := workers[i].result
		out.Delivered, out.Failed, out.Deferred = out.Delivered+r.Delivered, out.Failed+r.Failed, out.Deferred+r.Deferred
		out.Ended = r.Ended
	}
	w := nextWakeUp(workers, cause, out.attempted())
	if left := answerAt.Sub(d.Clock.Now()); !answerAt.IsZero() && (w == nil || !w.moves && left < w.after) {
		w = &wakeUp{cause: causeAnswer, after: max(left, 0)}
	}
	switch {
	case w == nil:
	case w.moves && !slow:
		out.Moved = true
		err = errors.Join(err, d.Registry.Wakeups.SendSlow(ctx, id, w.cause))
	default:
		out.Moved = w.moves
		err = errors.Join(err, d.Registry.Wakeups.Send(ctx, id, w.cause, w.after))
	}
	return out, err
}

// WhyNotPush says why nothing may be pushed to a workspace now; "" when a drain
// would deliver.
func (d *Delivery) WhyNotPush(f workspace.Facts, now time.Time) string {
	p := d.Registry.Policy
	switch why := f.Withheld(p, now); why {
	case workspace.WithheldUndeliverable:
		status, reason := workspace.Fleet{}.Stands(f, p, now)
		return fmt.Sprintf("not deliverable: %s (%s)", status, reason)
	case workspace.WithheldResting:
		return "left alone until " + f.RestEnds(p, now).UTC().Format(time.RFC3339)
	case workspace.WithheldPolls:
		return "polls for its mail: " + workspace.EffectiveMode(f, p, now).Reason
	case workspace.WithheldProbing:
		return "another drain probes it until " + f.ProbedAt.UTC().Format(time.RFC3339)
	case workspace.WithheldPushing:
		return fmt.Sprintf("%d pushes to it are under way, of at most %d, to its URL or to one that it has left",
			f.PushesUnderWay(p, now), f.MostPushes())
	case workspace.WithheldBusy:
		return fmt.Sprintf("busy: %d of %d task slots taken", f.Busy(p, now), f.Slots())
	default:
		return string(why) // empty, or ""
	}
}

// wakeUp is when a drain wants to be woken again, and for what.
type wakeUp struct {
	cause string
	after time.Duration
	moves bool // in the other lane, now
}

// The causes of a drain's own wake-ups, beside retryOf.
const (
	causeContinue  = "continue"
	causeConflict  = "conflict"
	causeQueueHeld = "queue held"
	causeProbing   = "probing"
	causePushing   = "pushing"
	causeNewHost   = "new host"
	causeAnswer    = "answer"
	causeRetry     = "retry " // and of which head
)

// retryOf is the cause of the wake-up at which the mail behind a head that can't
// be delivered yet is tried again.
func retryOf(head chat.Message) string { return causeRetry + dedupID(head, head) }

// nextWakeUp is the one wake-up that a drain sends, if any. A drain that found
// nothing due sends only the wake-up that started it again; otherwise each
// wake-up would produce several. One that is lost costs the wait for a sweep.
func nextWakeUp(workers []worker, cause string, attempted bool) *wakeUp {
	var next *wakeUp
	for i := range workers {
		w := workers[i].wake
		switch {
		case w == nil:
		case w.moves:
			return w
		case (w.cause == causeQueueHeld || w.cause == causeProbing || w.cause == causePushing) && cause == w.cause:
		case strings.HasPrefix(w.cause, causeRetry) && !attempted && w.cause != cause:
		case next == nil || w.after < next.after:
			next = w
		}
	}
	return next
}

// worker delivers to one task slot.
type worker struct {
	*Delivery
	id           string
	slow         bool   // in the slow lane
	probed       bool   // the agent took a probe
	handed       bool   // it was handed a message
	asked        bool   // a probe was pushed in this drain while no mail waited
	cause        string // of the wake-up that the drain answers
	profile      workspace.Profile
	profileEpoch int64 // that the profile was read under; 0: it was not read
	result       DrainResult
	wake         *wakeUp
	ended        bool
}

// end notes why the worker ends, and when it is to go on (nil: somebody else
// will see to that).
func (w *worker) end(why string, wake *wakeUp) error {
	w.result.Ended, w.wake, w.ended = why, wake, true
	return nil
}

const (
	// maxConflicts is how many steps in a row may meet a mailbox that moved.
	maxConflicts = 20
	// conflictRest is how long a worker rests that met more.
	conflictRest = 2 * time.Second
)

// run delivers one message after another until something ends it.
func (w *worker) run(ctx context.Context) error {
	for conflicts := 0; !w.ended; {
		switch err := w.step(ctx); {
		case fault.CodeOf(err) == fault.Conflict:
			if conflicts++; conflicts == maxConflicts {
				return w.end("the mailbox kept changing", &wakeUp{cause: causeConflict, after: conflictRest})
			}
			_ = retry.Pause(ctx, w.Clock, conflicts) // when ctx ends, the next step's calls say so
		case err != nil:
			return err
		default:
			conflicts = 0
		}
	}
	return nil
}

// step delivers one message, or ends the worker. Error: conflict when the mailbox
// moved meanwhile.
func (w *worker) step(ctx context.Context) error {
	now := w.Clock.Now()
	if left, ends := clock.Left(ctx); ends && left < w.Policy.VisibilityTimeout {
		return w.end("out of time", &wakeUp{cause: causeContinue, after: 0})
	}
	f, err := w.Registry.Leases.Get(ctx, w.id)
	if err != nil {
		return err
	}
	if why := w.WhyNotPush(f, now); why != "" {
		return w.end(why, later(f, w.Registry.Policy, now))
	}
	if err := w.readProfile(ctx, f); err != nil {
		return err
	}
	switch {
	case f.Hung() && !w.slow:
		return w.end("the agent hung last time: the slow lane goes on", &wakeUp{cause: w.cause, moves: true})
	case f.Open == 0 && w.asked:
		return w.end("the agent took a probe, and no mail waits", nil)
	case w.slow && w.handed:
		return w.end("the agent was handed a message: the other lane goes on", &wakeUp{cause: w.cause, moves: true})
	case f.Open == 0 || f.WantsProbe(w.Registry.Policy):
		return w.probeFirst(ctx, f)
	case w.slow && !w.probed:
		return w.end("the agent does not hang: the other lane goes on", &wakeUp{cause: w.cause, moves: true})
	}
	ms, err := w.window(ctx, f, now)
	if err != nil || len(ms) == 0 {
		return err
	}
	if until := claimedUntil(ms, presentHost(f), now); f.PushFailures > 0 && !until.IsZero() {
		why := "another delivery finds out whether the agent is back"
		return w.end(why, &wakeUp{cause: retryOf(ms[0]), after: until.Sub(now)})
	}
	head, retryAt := chat.Next(ms, f.Slots(), presentHost(f), now)
	switch {
	case head == nil && retryAt.IsZero():
		return w.end("nothing to deliver yet", nil)
	case head == nil:
		return w.end("nothing to deliver yet", &wakeUp{cause: retryOf(ms[0]), after: retryAt.Sub(now)})
	}
	return w.deliver(ctx, f, *head, ms, now)
}

// claimedUntil is when the last claim on ms ends that still holds a message; zero
// when none does. A claim that ended holds nothing, though its message still
// counts as in flight: its deliverer died, or the agent does not poll any more.
func claimedUntil(ms []chat.Message, to chat.Host, now time.Time) (until time.Time) {
	for _, m := range ms {
		if m.State == chat.InFlight && !m.Available(to, now) && m.Claim.Until.After(until) {
			until = m.Claim.Until
		}
	}
	return until
}

// later is the wake-up of a drain that pushes nothing now; nil when somebody else will see to that.
func later(f workspace.Facts, p workspace.Policy, now time.Time) *wakeUp {
	// Whoever probes, or pushes, goes on with the mail, unless it died.
	switch why := f.Withheld(p, now); {
	case f.Open > 0 && why == workspace.WithheldProbing:
		return &wakeUp{cause: causeProbing, after: f.ProbedAt.Sub(now)}
	case why == workspace.WithheldPushing:
		return &wakeUp{cause: causePushing, after: f.PushesEnd(p).Sub(now)}
	}
	return restWake(f, p, now)
}

// restWake is the wake-up at the end of an agent's rest; nil when it does not
// rest, or when no mail waits for it and its URL is not new.
func restWake(f workspace.Facts, p workspace.Policy, now time.Time) *wakeUp {
	left := f.RestEnds(p, now).Sub(now)
	if left <= 0 || f.Open == 0 && !f.TriesURL(p) {
		return nil
	}
	cause := fmt.Sprintf("%srest %d.%d.%d", causeRetry, f.Epoch, f.PushFailures, f.BusyAnswers)
	return &wakeUp{cause: cause, after: left}
}

// probeFirst finds out whether an agent answers at all that hung last time, or to which
// message after message failed, or that failed while no mail waits that would show it.
func (w *worker) probeFirst(ctx context.Context, f workspace.Facts) error {
	outcome, err := w.probe(ctx, f, &w.profile)
	if outcome == "" {
		return err
	}
	w.probed, w.asked = outcome == chat.Succeeded, w.asked || f.Open == 0
	switch {
	case outcome == chat.Superseded:
		w.result.Deferred++
		_ = w.end("another host has registered while the one before was probed", &wakeUp{cause: causeNewHost})
		return err
	case err != nil || w.probed:
		return err
	}
	if f, err = w.Registry.Leases.Get(ctx, w.id); err != nil {
		return err
	}
	w.result.Failed++
	return w.end("the agent did not take a probe", restWake(f, w.Registry.Policy, w.Clock.Now()))
}

// readProfile reads where the agent is, once for each host.
func (w *worker) readProfile(ctx context.Context, f workspace.Facts) (err error) {
	if w.profileEpoch == 0 || w.profileEpoch != f.Epoch {
		w.profile, err = w.Registry.Profiles.Profile(ctx, w.id)
		w.profileEpoch = f.Epoch
	}
	return err
}

// windowSize is how much of the head of a backlog is looked at.
const windowSize = 25

// window reads the first messages in the order of this turn. If the lifetime of any is
// over, it ends those and returns none, and the worker looks again.
func (w *worker) window(ctx context.Context, f workspace.Facts, now time.Time) ([]chat.Message, error) {
	open, err := w.Ledger.OpenMail(ctx, f.Life(), 0)
	if err != nil {
		return nil, err
	}
	ms, err := w.Ledger.Messages(ctx, f.Life(), IDs(inTurn(open, f, w.Registry.Policy, now), windowSize)...)
	if err != nil {
		return nil, err
	}
	if moved, err := w.expire(ctx, f, open, ms, now); moved || err != nil {
		return nil, err
	}
	if len(ms) == 0 {
		return nil, w.end("nothing to deliver yet", nil)
	}
	return ms, nil
}

// queueHeldFor is how long after it found the chat queue held a drain looks
// again, once: whoever holds it goes on by itself, unless it died.
const queueHeldFor = 5 * time.Second

// deliver takes a ticket and pushes the head.
func (w *worker) deliver(
	ctx context.Context, f workspace.Facts, head chat.Message, ms []chat.Message, now time.Time,
) error {
	q := ChatQueue{f.Life(), f.QueueGeneration, f.URLEpoch}
	ticket, err := w.ticket(ctx, q, f.Slots(), presentHost(f), head, ms, now)
	// A queue that was deleted can't be used yet, and one that gives no ticket
	// although the head is free and has waited for two visibility timeouts is
	// stuck: no holder of a ticket lives that long without a claim. The mail goes
	// on by the queue's next generation; the ledger keeps two drains from one
	// message.
	stuck := err == nil && ticket == nil && now.Sub(head.IdleSince(now)) > 2*w.Policy.VisibilityTimeout
	switch {
	case errors.Is(err, ErrQueueDeletedRecently) || stuck:
		return w.nextGeneration(ctx, f)
	case err != nil:
		return err
	case ticket == nil:
		return w.end("another drain holds the chat queue", &wakeUp{cause: causeQueueHeld, after: queueHeldFor})
	}
	w.handed = true
	outcome, err := w.push(ctx, f, q, &w.profile, head, *ticket)
	if err != nil {
		return err
	}
	switch outcome {
	case chat.Succeeded:
		w.result.Delivered++
	case chat.AgentBusy, chat.Superseded, chat.Unreachable:
		w.result.Deferred++
	default:
		w.result.Failed++
	}
	return nil
}

// nextGeneration leaves the chat queue for the one of the next generation. It
// returns a conflict, so that the worker looks again.
func (w *worker) nextGeneration(ctx context.Context, f workspace.Facts) error {
	next := f
	next.QueueGeneration++
	next.Version++
	if err := w.Registry.Leases.Save(ctx, f, next, registry.SaveExtras{}); err != nil {
		return err
	}
	return fault.New(fault.Conflict, "the chat queue has a new generation")
}

// maxTickets is the most that SQS takes in one call.
const maxTickets = 10

// ticket takes one from the chat queue, putting in first those of the mail that
// has none there (after an enqueue, a crash, or a queue that was lost). A send is
// told from a repeat of it by the head's version, which each attempt raises:
// tickets are used up by attempts at the head, whichever message they were put
// in for, so each attempt entitles the mail to a fresh set.
func (d *Delivery) ticket(
	ctx context.Context, q ChatQueue, slots int, to chat.Host, head chat.Message, ms []chat.Message, now time.Time,
) (*ReceivedTicket, error) {
	received, err := d.receive(ctx, q, 0)
	if received != nil || err != nil {
		return received, err
	}
	var tickets []Ticket
	for _, m := range ms {
		if m.Available(to, now) && len(tickets) < maxTickets {
			dedup := fmt.Sprintf("%s.%d", dedupID(m, head), q.Host)
			tickets = append(tickets, Ticket{MessageID: m.ID, Seq: m.Seq, Host: q.Host, Dedup: dedup})
		}
	}
	if err := d.Queues.Send(ctx, q, slots, tickets); err != nil {
		return nil, err
	}
	return d.receive(ctx, q, time.Second)
}

// receive takes a ticket of the present host from the chat queue. One of a host before is
// no right to deliver to this one, and is dropped: that host's mail has tickets of its own.
// Error: conflict when the ticket is of a newer host.
func (d *Delivery) receive(ctx context.Context, q ChatQueue, wait time.Duration) (*ReceivedTicket, error) {
	for {
		t, err := d.Queues.Receive(ctx, q, d.Policy.VisibilityTimeout, wait)
		switch {
		case err != nil || t == nil || t.Host == q.Host:
			return t, err
		case t.Host > q.Host:
			_ = d.Queues.Release(ctx, q, *t) // if this fails, its visibility timeout frees it
			return nil, fault.New(fault.Conflict, "another host has registered")
		}
		if err := d.Queues.Delete(ctx, q, *t); err != nil {
			return nil, err
		}
	}
}

// dedupID tells a ticket from another one for the same message: by the head's
// version when it was put in.
func dedupID(m, head chat.Message) string {
	return fmt.Sprintf("%d.%d.%d", m.Seq, head.Seq, head.Version)
}
