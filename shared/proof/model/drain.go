package model

// Phase is how far a drain has come with one message.
type Phase uint8

// The phases of a drain; what it does next is its next write.
const (
	Idle            Phase = iota // it does not run
	Started                      // a wake-up started it, or it goes on to the next message
	HasTicket                    // it has read the head and the URL, and has received a ticket
	HasClaim                     // it has claimed the message, and the push runs
	PushTaken                    // the agent took the message
	PushBusy                     // the agent answered that it is busy
	PushFailed                   // the agent answered with an error
	PushRefused                  // the agent said that it can't take the message
	PushUnreachable              // the agent can't be reached
	PushHung                     // the agent did not answer in time
	PushBroken                   // something took the connection, and no answer came back: a page, or it was closed
	OutcomeWritten               // the outcome of the push is written
)

// Drain is one drain. There is one task slot.
type Drain struct {
	Phase        Phase
	Message      uint8 // the index of the message it has read
	Host         uint8 // the host whose URL it has read
	Outdated     bool  // the message was written since
	TicketHidden bool  // the visibility timeout of the ticket it received still runs
	OfReplaced   bool  // that ticket is of a host whose URL another has replaced: it locks nothing
}

// ticketVisible ends the visibility timeout of its ticket.
func (d *Drain) ticketVisible() { d.TicketHidden, d.OfReplaced = false, false }

// idle is a drain that does not run; the ticket that it had may still be hidden.
func (d Drain) idle() Drain { return Drain{TicketHidden: d.TicketHidden, OfReplaced: d.OfReplaced} }

// at is the drain in a phase at which it has read nothing.
func (d Drain) at(phase Phase) Drain {
	d = d.idle()
	d.Phase = phase
	return d
}

// drainSteps collects the steps of one drain.
type drainSteps struct {
	*steps
	Drain         // as it is before the step
	index    int  // of the drain
	message  int  // the index of the message it has read
	replaced bool // another host has registered since it read the URL
}

// drain adds the next write of one drain, in each way it can end.
func (n *steps) drain(index int) {
	d := drainSteps{steps: n, Drain: n.from.Drains[index], index: index}
	d.message, d.replaced = int(d.Message), d.Host != n.from.NewestHost
	switch d.Phase {
	case Idle:
		to := n.from
		to.Drains[index].Phase = Started
		d.add("starts", to)
	case Started:
		d.receive()
	case HasTicket:
		d.claim()
	case HasClaim:
		d.push()
	case PushTaken, PushBusy, PushFailed, PushRefused, PushUnreachable, PushHung, PushBroken:
		d.writeOutcome()
	case OutcomeWritten:
		d.add("deletes its ticket", d.with(Drain{Phase: Started})) // and goes on
	}
}

func (d drainSteps) add(what string, to State) {
	d.steps.add(d.rules.name("drain %d %s", d.index+1, what), to)
}

func (d drainSteps) fault(what string, to State) {
	d.steps.fault(d.rules.name("drain %d %s", d.index+1, what), to)
}

// with returns the state before the step with another drain in the place of this one.
func (d drainSteps) with(next Drain) State {
	s := d.from
	s.Drains[d.index] = next
	return s
}

// name is what the drain does to its message.
func (d drainSteps) name(format string) string { return d.rules.name(format, d.message+1) }

// receive reads the head and receives a ticket, or ends the drain.
func (d drainSteps) receive() {
	if !d.from.wantsDrain(d.rules) {
		d.add("ends", d.with(d.idle()))
		return
	}
	if d.from.Open == 0 || d.from.Hung || d.from.Broken {
		d.probe()
		return
	}
	if to := d.from; to.expire(d.rules) {
		d.add("ends what is over", to)
		return
	}
	head := d.from.head(d.rules)
	switch {
	case d.from.Failing && d.from.claimed(d.rules):
		d.add("leaves it to another to find out whether the agent is back",
			d.with(d.idle()))
	case head < 0:
		d.add("ends", d.with(d.idle()))
	case d.slotLocked(d.rules.LockOutlivesRegister):
		to := d.with(d.idle())
		to.LockedByReplaced = !d.slotLocked(false)
		d.add("finds the task slot taken, and ends", to)
	default:
		next := Drain{Phase: HasTicket, Message: uint8(head), Host: d.from.NewestHost, TicketHidden: true}
		d.add("receives a ticket", d.with(next))
	}
}

// probe pushes a probe to an agent that hung last time, or whose connection broke, or that
// failed while no mail waits that would show whether it is back. While mail waits, a probe
// that passes does not end the trouble. One that fails is followed by a message, unless
// the agent hangs.
func (d drainSteps) probe() {
	passes := d.from
	passes.reached()
	passes.Failing = d.from.Open > 0
	if d.rules.ProbeIsAMessage {
		passes.passed()
	}
	failed := func(hung bool) State {
		to := d.with(d.idle())
		to.fails(map[bool]Phase{true: PushHung, false: PushFailed}[hung], d.rules)
		to.rest(false)
		return to
	}
	if d.from.AgentPolls {
		d.add("can't send a probe", failed(false))
		return
	}
	d.add("sends a probe, and the agent takes it", passes)
	if d.from.Outage {
		d.add("sends a probe, and the agent answers with an error", failed(false))
	}
	if d.rules.Trouble {
		d.fault("sends a probe, and the agent does not answer", failed(true))
	}
}

// slotLocked reports whether the task slot is locked: a hidden ticket keeps all
// drains from receiving another, also the one that received it and went on without it. One
// that was received for a URL that another has replaced keeps none, unless ofReplaced.
func (d drainSteps) slotLocked(ofReplaced bool) bool {
	for other, has := range d.from.Drains {
		if has.TicketHidden && (!has.OfReplaced || ofReplaced) && (other == d.index || !d.rules.NoSlotLock) {
			return true
		}
	}
	return false
}

// claim claims the message, unless it was written or its host replaced since it was
// read.
func (d drainSteps) claim() {
	if d.Outdated || (d.replaced && !d.rules.ReplacedHostPushCounts) {
		d.add(d.name("finds that it can't claim m%d"), d.with(Drain{Phase: Started})) // and gives its ticket back
		return
	}
	to := d.from
	m := &to.Messages[d.message]
	if m.Stage == InFlight && m.ClaimedBy != ByPoll && !m.Freed && !to.lose(d.message, d.rules) {
		to.Drains[d.index] = d.at(OutcomeWritten)
		d.add(d.name("finds that all attempts of m%d are used up"), to)
		return
	}
	m.claim(uint8(d.index+1), 0, 0)
	m.handOut(to.Epoch)
	to.Drains[d.index].Phase = HasClaim
	d.add(d.name("claims m%d"), to)
	to.Drains[d.index] = Drain{}
	d.fault(d.name("claims m%d, the reply is lost, and it ends"), to)
	to.Drains[d.index] = Drain{Phase: Started}
	d.fault(d.name("claims m%d, the reply is lost, and it goes on"), to)
}

// push is the push to the host whose URL the drain has read, in each way it can end.
func (d drainSteps) push() {
	m := d.from.Messages[d.message]
	switch {
	case !d.replaced && d.from.AgentPolls: // nobody serves the URL now
		d.pushed(PushUnreachable, "can't push m%d")
	case m.Nature == Crashes:
		d.add(d.name("pushes m%d, and dies of it"), d.with(d.idle()))
	case m.Nature == Hangs:
		d.pushed(PushHung, "pushes m%d, and the agent never answers")
	case m.Nature == Kills:
		d.pushed(PushBroken, "pushes m%d, and the agent dies of it")
	case m.Nature == Breaks:
		d.pushed(PushBroken, "pushes m%d, and the connection is closed")
	case m.Nature == Fails || d.from.Outage:
		d.pushed(PushFailed, "pushes m%d, and the agent fails it")
		if d.from.Outage {
			d.pushed(PushBroken, "pushes m%d, and the agent closes the connection")
		}
	default:
		d.pushed(PushTaken, "pushes m%d, and the agent takes it")
		d.pushed(PushBusy, "pushes m%d, and the agent is busy")
	}
	if d.replaced { // it may be gone
		d.pushed(PushUnreachable, "can't push m%d")
		return
	}
	for _, end := range []Phase{PushFailed, PushUnreachable, PushHung, PushBroken, PushRefused} {
		if end == PushFailed || d.rules.Trouble {
			d.fault(d.name("pushes m%d, and the agent "+faultNames[end]), d.withPhase(end))
		}
	}
}

var faultNames = map[Phase]string{
	PushFailed: "fails it", PushUnreachable: "can't be reached", PushHung: "does not answer",
	PushBroken: "closes the connection", PushRefused: "says that it can't take it",
}

// withPhase is the drain after a push that ended so.
func (d drainSteps) withPhase(end Phase) State {
	to := d.from
	to.Drains[d.index].Phase = end
	return to
}

// pushed adds a push that ends so.
func (d drainSteps) pushed(end Phase, what string) {
	to := d.withPhase(end)
	m := &to.Messages[d.message]
	switch {
	case end == PushTaken:
		m.Taken, m.Possession[d.Host] = true, max(m.Possession[d.Host], HasOutdated)
	case end == PushBusy && d.rules.SecondBusyDelivers:
		m.BusyAnswers++
	}
	d.add(d.name(what), to)
}

// writeOutcome writes how the push ended, if the message is still claimed by it.
func (d drainSteps) writeOutcome() {
	m := d.from.Messages[d.message]
	if (m.Stage != InFlight || m.ClaimedBy != uint8(d.index+1)) && !d.rules.OutcomeUnchecked {
		d.add(d.name("is too late to write the outcome of m%d"),
			d.with(d.at(OutcomeWritten)))
		return
	}
	to := d.with(d.at(OutcomeWritten))
	d.outcome(&to)
	d.add(d.name("writes the outcome of m%d"), to)
	to.Drains[d.index].Phase = Idle
	d.fault(d.name("writes the outcome of m%d, the reply is lost, and it ends"), to)
	to.Drains[d.index].Phase = Started
	d.fault(d.name("writes the outcome of m%d, the reply is lost, and it goes on"), to)
}

// outcome gives the message the stage that follows from the push, and notes what the
// push shows of the agent.
func (d drainSteps) outcome(to *State) {
	m := &to.Messages[d.message]
	if d.replaced && !d.rules.ReplacedHostPushCounts {
		to.move(d.message, Queued) // the new host gets it; no attempt is used up
		return
	}
	switch d.Phase {
	case PushTaken:
		m.ConfirmedByReplacedHost = d.replaced
		to.move(d.message, Delivered)
		to.reached()
		to.passed()
	case PushBusy:
		m.Gone = false
		to.move(d.message, Queued)
		if d.rules.SecondBusyDelivers && m.BusyAnswers >= 2 {
			to.move(d.message, Delivered)
		}
		to.rest(d.replaced)
	case PushRefused:
		to.move(d.message, Dead)
		to.reached()
	case PushFailed:
		m.Gone = false
		d.fails(to, true)
	case PushUnreachable, PushHung, PushBroken:
		if m.Nature == Kills && d.Phase == PushBroken {
			to.die(d.message, d.rules)
		} else {
			d.misses(to)
		}
	}
}

// fails is a push that uses up an attempt. When it sets the message aside, what waits
// behind it goes on at once.
func (d drainSteps) fails(to *State, answered bool) {
	m := &to.Messages[d.message]
	m.UsedUnanswered = m.UsedUnanswered || (!answered && !m.Reached)
	to.fail(d.message, d.rules)
	to.fails(d.Phase, d.rules)
	if m.Aside && d.rules.NoAside {
		m.Aside = false
	}
	if !m.Aside {
		to.rest(d.replaced)
	}
}

// misses is a push to which no answer of the agent came back. It uses up no attempt,
// unless something took the connection, and the agent took something else, such as a
// probe, since this message failed before: then it uses up all.
func (d drainSteps) misses(to *State) {
	m := &to.Messages[d.message]
	alone := d.Phase != PushUnreachable && m.Reached &&
		!(d.Phase == PushHung && d.rules.HangNeverCounts) && !(d.Phase == PushBroken && d.rules.BreakNeverCounts)
	switch {
	case alone || d.rules.UnreachableCounts:
		if alone && m.Failures < d.rules.MaxAttempts {
			m.Failures = d.rules.MaxAttempts - 1 // and the one that it uses up now
		}
		d.fails(to, false)
		if m.Stage.open() {
			m.Missed, m.Reached = true, false
		}
	default:
		to.move(d.message, Queued)
		m.Missed, m.Reached = d.rules.Trouble, false // without trouble, nothing asks for it
		to.fails(d.Phase, d.rules)
		to.rest(d.replaced)
	}
}
