package simulation

import (
	"math"
	"strconv"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/cost"
	"github.com/rollcall/rollcall/shared/workspace"
)

// mailbox is the open mail of a workspace, and what the platform knows of it.
type mailbox struct {
	workspace.Mailbox
	workspace.PushTrouble
	open []chat.Message
	held bool // a drain has it, or a wake-up of it waits
}

// lane is runs of dispatch that are at work at the same time, and the wake-ups that wait for one.
type lane struct {
	slow  bool
	free  int // runs
	waits []int32
}

// dispatch is a run of dispatch: up to cost.DrainsInARun drains. It ends with the last of them.
type dispatch struct {
	*lane
	drains int // that are at work
}

// Numbers of the runs of dispatch: those of infra/stack, but that the fast lane grows with the fleet.
const (
	minRuns     = 100
	slowRuns    = 20
	drainDelay  = 50 * time.Millisecond // from a wake-up to the push
	pushTimeout = 120 * time.Second
	dialTimeout = 10 * time.Second // of a host that is lost
)

// Runs is how many runs of dispatch the fleet's mail needs, with as many to spare: max_drains.
func (c Config) Runs() int {
	needed := cost.Workload{
		Agents: float64(c.Agents), Polling: c.Polling, MessagesPerDay: c.MessagesPerDay, AnswerTime: c.AnswerTime,
	}.Runs()
	return max(minRuns, int(math.Ceil(2*needed)))
}

// mailRate is how many messages a second the fleet is sent.
func (c Config) mailRate() float64 { return float64(c.Agents) * c.MessagesPerDay / (24 * 3600) }

func (r *run) openLanes() {
	r.fast = lane{free: r.Runs()}
	r.slow = lane{slow: true, free: slowRuns}
}

// mail is what senders do.
type mail struct {
	seq     int64
	backlog int
	due     float64 // when the next message is sent, in milliseconds
}

// nextMail sends a message to anyone, and then the next. When that is due counts from when this one was due, and not
// from the slot in which it is sent: a large fleet is sent several in each.
func (r *run) nextMail() {
	if rate := r.mailRate(); rate > 0 {
		r.mail.due += r.rand.ExpFloat64() * 1000 / rate
		r.at(instant(r.mail.due), func() {
			r.send(int32(r.rand.IntN(r.Agents)))
			r.nextMail()
		})
	}
}

// send accepts a message for an agent, unless the platform is down: then its sender tries again, and it is none.
func (r *run) send(i int32) {
	if r.gate.down {
		r.result.Refused++
		return
	}
	b := r.boxes[i]
	if b == nil {
		b = &mailbox{}
		r.boxes[i] = b
	}
	now := r.now.time()
	r.mail.seq++
	r.mail.backlog++
	r.result.Accepted++
	b.open = append(b.open, chat.Message{
		ID: strconv.FormatInt(r.mail.seq, 36), Seq: r.mail.seq, State: chat.Queued, Priority: chat.Task,
		AcceptedAt: now, ExpiresAt: now.Add(r.Chat.Lifetime),
	})
	b.count()
	if !r.agents[i].polls {
		r.wake(i)
	}
}

// count makes the counters those of the open mail.
func (b *mailbox) count() {
	b.Open, b.InFlight, b.OldestOpen, b.ClaimedUntil = int64(len(b.open)), 0, time.Time{}, time.Time{}
	for _, m := range b.open {
		if b.OldestOpen.IsZero() || m.AcceptedAt.Before(b.OldestOpen) {
			b.OldestOpen = m.AcceptedAt
		}
		if m.State == chat.InFlight {
			b.InFlight, b.ClaimedUntil = b.InFlight+1, m.Claim.Until
		}
	}
}

// fetch hands all mail to a poll. Its acknowledgement is taken for granted.
func (r *run) fetch(i int32, b *mailbox) {
	for _, m := range b.open {
		r.delivered(i, m)
	}
	delete(r.boxes, i)
}

func (r *run) delivered(i int32, m chat.Message) {
	r.mail.backlog--
	r.result.Delivered++
	if !r.agents[i].troubled {
		r.result.drain = append(r.result.drain, r.now-instant(m.AcceptedAt.Sub(epoch)/time.Millisecond))
	}
}

// wake wakes the drain of a workspace that wants one and has none.
func (r *run) wake(i int32) {
	if b := r.boxes[i]; b == nil || b.held || r.gate.down {
		return
	}
	if f := r.facts(i); !f.WantsDrain(r.Policy, r.now.time()) {
		return
	}
	r.boxes[i].held = true
	r.queue(&r.fast, i)
}

func (r *run) queue(l *lane, i int32) {
	l.waits = append(l.waits, i)
	r.startRuns(l)
}

// startRuns has each free run take what waits, up to cost.DrainsInARun at once, as SQS hands it out.
func (r *run) startRuns(l *lane) {
	for l.free > 0 && len(l.waits) > 0 {
		taken := l.waits[:min(cost.DrainsInARun, len(l.waits))]
		l.waits = l.waits[len(taken):]
		l.free--
		at := &dispatch{lane: l, drains: len(taken)}
		for _, i := range taken {
			r.in(drainDelay, func() { r.drain(at, i) })
		}
	}
}

// release ends a drain.
func (r *run) release(at *dispatch, i int32) {
	b := r.boxes[i]
	b.held = false
	if b.Open == 0 && b.PushFailures == 0 {
		delete(r.boxes, i)
	}
	r.end(at)
}

// move gives the workspace to the other lane.
func (r *run) move(from *dispatch, to *lane, i int32) {
	r.queue(to, i)
	r.end(from)
}

func (r *run) end(at *dispatch) {
	if at.drains--; at.drains == 0 {
		at.free++
		r.startRuns(at.lane)
	}
}

// drain is one step of a drain, in the order of the real one (shared/delivery/drain.go).
func (r *run) drain(at *dispatch, i int32) {
	f, now := r.facts(i), r.now.time()
	switch {
	case r.gate.down, !f.Deliverable(r.Policy, now), f.Resting(r.Policy, now), f.Open == 0 && !f.NeedsProbe(r.Policy, now):
		r.release(at, i)
	case f.Hung() && !at.slow:
		r.move(at, &r.slow, i)
	case f.Hung() || f.Open == 0:
		r.probe(at, i)
	case at.slow:
		r.move(at, &r.fast, i)
	default:
		r.push(at, i)
	}
}

// probe asks an agent that hung whether it answers.
func (r *run) probe(at *dispatch, i int32) {
	if r.agents[i].hangs || !r.agents[i].alive {
		r.in(r.Chat.ProbePatience, func() { r.failed(at, i) })
		return
	}
	r.in(r.exponential(r.AnswerTime), func() {
		b := r.boxes[i]
		b.PushTrouble, b.ReachedAt = workspace.PushTrouble{}, r.now.time()
		r.drain(at, i)
	})
}

// failed notes that the agent did not answer in time, and tries it again after its rest.
func (r *run) failed(at *dispatch, i int32) {
	b, now := r.boxes[i], r.now.time()
	if b.PushFailures == 0 {
		b.PushFailingSince = now
	}
	b.PushFailures++
	b.PushFailedAt, b.PushFault, b.PushError = now, workspace.FaultTimeout, "no answer in time"
	rest := r.Chat.Rest(b.PushFailures, r.rand.Float64())
	b.RestUntil = now.Add(rest)
	r.release(at, i)
	r.in(rest+time.Millisecond, func() { r.wake(i) })
}

// push hands the next message to the agent.
func (r *run) push(at *dispatch, i int32) {
	b, f, now := r.boxes[i], r.facts(i), r.now.time()
	head, _ := chat.Next(b.open, f.Slots(), chat.Host{Epoch: f.Epoch}, now)
	if head == nil {
		r.release(at, i)
		return
	}
	claim := chat.Claim{Epoch: f.Epoch, Until: now.Add(r.Chat.VisibilityTimeout)}
	*head = head.Take(chat.ByPush, claim, r.Chat, f.PassedAt, now)
	id := head.ID
	b.TriedAt = now
	b.count()
	answer, late := r.exponential(r.AnswerTime), false
	switch a := &r.agents[i]; {
	case !a.alive:
		answer, late = dialTimeout, true
	case a.hangs || answer > pushTimeout:
		answer, late = pushTimeout, true
	}
	r.in(answer, func() { r.answered(at, i, id, late) })
}

// answered is the end of a push.
func (r *run) answered(at *dispatch, i int32, id string, late bool) {
	b, now := r.boxes[i], r.now.time()
	for n := range b.open {
		m := &b.open[n]
		if m.ID != id {
			continue
		}
		if late {
			*m = m.Miss("no answer in time")
			break
		}
		m2 := m.Deliver("the agent took it", nil, "", now)
		r.delivered(i, m2)
		b.open = append(b.open[:n], b.open[n+1:]...)
		b.PushTrouble, b.DeliveredAt, b.PassedAt, b.ReachedAt = workspace.PushTrouble{}, now, now, now
		break
	}
	b.count()
	if late {
		r.failed(at, i)
		return
	}
	r.drain(at, i)
}
