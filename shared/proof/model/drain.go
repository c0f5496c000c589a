package model

// Phase is how far a drain has come with one message.
type Phase uint8

// The phases of a drain; what it does next is its next write.
const (
	Idle           Phase = iota // it does not run
	Started                     // a wake-up started it, or it goes on to the next message
	HasTicket                   // it has read the head and the URL, and has received a ticket
	HasClaim                    // it has claimed the message, and the push runs
	PushTaken                   // the agent took the message
	PushBusy                    // the agent answered that it is busy
	PushRefused                 // the push failed
	OutcomeWritten              // the outcome of the push is written
)

// Drain is one drain. There is one task slot.
type Drain struct {
	Phase        Phase
	Message      uint8 // the index of the message it has read
	Host         uint8 // the host whose URL it has read
	Outdated     bool  // the message was written since
	TicketHidden bool  // the visibility timeout of the ticket it received still runs
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
	case PushTaken, PushBusy, PushRefused:
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
	if to := d.from; to.expire(d.rules) {
		d.add("ends what is over", to)
		return
	}
	head := d.from.head()
	switch {
	case !d.from.deliverable(d.rules) || head < 0:
		d.add("ends", d.with(Drain{TicketHidden: d.TicketHidden}))
	case d.slotLocked():
		d.add("finds the task slot taken, and ends", d.with(Drain{TicketHidden: d.TicketHidden}))
	default:
		next := Drain{Phase: HasTicket, Message: uint8(head), Host: d.from.NewestHost, TicketHidden: true}
		d.add("receives a ticket", d.with(next))
	}
}

// slotLocked reports whether the task slot is locked: a hidden ticket keeps all
// drains from receiving another, also the one that received it and went on without it.
func (d drainSteps) slotLocked() bool {
	for other := range d.from.Drains {
		if d.from.Drains[other].TicketHidden && (other == d.index || !d.rules.NoSlotLock) {
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
	if m.Stage == InFlight && m.ClaimedBy != ByPoll {
		m.Failures++ // the push before this one never wrote its outcome
	}
	if m.Failures >= maxFailures {
		to.move(d.message, Dead)
		to.Drains[d.index] = Drain{Phase: OutcomeWritten, TicketHidden: d.TicketHidden}
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

// push is the push to the host whose URL the drain has read.
func (d drainSteps) push() {
	taken, busy, refused := d.from, d.from, d.from
	taken.Drains[d.index].Phase = PushTaken
	busy.Drains[d.index].Phase = PushBusy
	refused.Drains[d.index].Phase = PushRefused
	if d.replaced || !d.from.AgentPolls { // else nobody serves the URL now
		m := &taken.Messages[d.message]
		m.Taken, m.Possession[d.Host] = true, max(m.Possession[d.Host], HasOutdated)
		d.add(d.name("pushes m%d, and the agent takes it"), taken)
		if d.rules.SecondBusyDelivers {
			busy.Messages[d.message].BusyAnswers++
		}
		d.add(d.name("pushes m%d, and the agent is busy"), busy)
	}
	if d.replaced || d.from.AgentPolls {
		d.add(d.name("can't push m%d"), refused)
	} else {
		d.fault(d.name("pushes m%d, and the agent refuses it"), refused)
	}
}

// writeOutcome writes how the push ended, if the message is still claimed by it.
func (d drainSteps) writeOutcome() {
	m := d.from.Messages[d.message]
	if (m.Stage != InFlight || m.ClaimedBy != uint8(d.index+1)) && !d.rules.OutcomeUnchecked {
		d.add(d.name("is too late to write the outcome of m%d"),
			d.with(Drain{Phase: Started, TicketHidden: d.TicketHidden}))
		return
	}
	to := d.with(Drain{Phase: OutcomeWritten, TicketHidden: d.TicketHidden})
	d.outcome(&to)
	d.add(d.name("writes the outcome of m%d"), to)
	to.Drains[d.index].Phase = Idle
	d.fault(d.name("writes the outcome of m%d, the reply is lost, and it ends"), to)
	to.Drains[d.index].Phase = Started
	d.fault(d.name("writes the outcome of m%d, the reply is lost, and it goes on"), to)
}

// outcome gives the message the stage that follows from the push.
func (d drainSteps) outcome(to *State) {
	m := &to.Messages[d.message]
	switch {
	case d.Phase == PushTaken && d.replaced && !d.rules.ReplacedHostPushCounts:
		to.move(d.message, Queued) // the new host gets it; no attempt is used up
	case d.Phase == PushTaken, d.Phase == PushBusy && d.rules.SecondBusyDelivers && m.BusyAnswers >= 2:
		m.ConfirmedByReplacedHost = d.replaced
		to.move(d.message, Delivered)
	case d.Phase == PushRefused && m.Failures+1 >= maxFailures:
		to.move(d.message, Dead)
	default:
		if d.Phase == PushRefused {
			m.Failures++
		}
		to.move(d.message, Queued)
		m.BackingOff = true
	}
}
