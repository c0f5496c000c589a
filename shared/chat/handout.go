package chat

import (
	"fmt"
	"slices"
	"time"
)

// An agent that polls says only of what it is done with. One that fails at a message, and polls on, drops what it was
// handed with it, and so the others wait too. A message that was handed out again and again is therefore handed out
// alone, which shows whether it is the one; when it is not acknowledged, it is set aside, and others go first.

// The tokens of the claims of what polls were handed: in a page, or alone.
const (
	PageClaim  = "poll"
	AloneClaim = "poll alone"
)

// Fetched reports whether the message is in flight to polls.
func (m Message) Fetched() bool {
	return m.State == InFlight && (m.Claim.Token == PageClaim || m.OutAlone())
}

// OutAlone reports whether the message is in flight to polls, and alone.
func (m Message) OutAlone() bool { return m.State == InFlight && m.Claim.Token == AloneClaim }

// HandedBefore reports whether polls were last handed the message before another one, or with it.
func (m Message) HandedBefore(other Message) bool {
	at, others := m.lastAttempt().At, other.lastAttempt().At
	return at.Before(others) || at.Equal(others) && m.Claim.Token == other.Claim.Token
}

// FetchedOnce reports whether the message waits, and polls were handed it before. Its agent may be at work on it: its
// own row or number acknowledges it, and those of later messages do not.
func (m Message) FetchedOnce() bool { return m.State == Queued && m.lastAttempt().Via == ByPoll }

// LeftAside reports whether the message was out alone and not acknowledged: it is, or was, set aside for that.
func (m Message) LeftAside() bool { return m.FetchedOnce() && m.AsideEpoch != 0 }

// Handed is how often in a row polls were handed the message, which is not acknowledged, and since when.
func (m Message) Handed() (times int, since time.Time) {
	i := len(m.Attempts)
	for ; i > 0 && m.Attempts[i-1].Via == ByPoll; i-- {
		times, since = times+1, m.Attempts[i-1].At
	}
	if i == 0 && times > 0 {
		times += m.Dropped.Tries
	}
	return times, since
}

// HandingOut is what decides how a workspace's mail is handed out to polls.
type HandingOut struct {
	// Objective is how long mail may wait. An agent has twice as long to acknowledge what it was handed.
	Objective time.Duration
	// AsideFor is how long a message is set aside at the least.
	AsideFor time.Duration
	// AtWork is that the agent has other mail than that which is decided about: it says that it got it, and is not done.
	AtWork bool
	// Busy is that the agent says that it is at work: then it has the time that it needs.
	Busy bool
}

// alone is how long a message is out alone.
func (h HandingOut) alone() time.Duration { return h.Objective / 4 }

const (
	// handedInVain is how often a message is handed out before it is handed out alone. Once says nothing of it: a reply
	// may be lost, and an agent that is restarted has some message at work.
	handedInVain = 2
	// mostAside is how many times AsideFor a message is set aside at the most.
	mostAside = 15
)

// Unacknowledged reports whether the agent was handed the message often enough, and had most of the time that it has to
// acknowledge it: what is out alone shows which one it is before that time is over.
func (h HandingOut) Unacknowledged(m Message, now time.Time) bool {
	times, since := m.Handed()
	return !h.Busy && times >= handedInVain && now.Sub(since) >= 3*h.Objective/2
}

// Turn is what a poll does with a message.
type Turn int

// The turns. A message that is not named has the first one.
const (
	InPage   Turn = iota // it is handed out, with others
	Alone                // it is handed out, and no other one
	PutAside             // it was out alone, and is set aside
	NextTime             // it waits for a later poll
	TakeBack             // so it does, and what is handed out behind it does not acknowledge it
)

// Turns says what a poll does with each message of mail, which is open, in order of acceptance, and not acknowledged.
// Who fails at some of it, whatever it does with the rest of a page then, is handed all else:
//   - what is out alone stays so for a while, and is then set aside;
//   - while a page is out, what is unacknowledged is kept back;
//   - else what is unacknowledged goes alone, that which was handed out least first, but never twice without a page
//     between, if there is one, and the first time not before what was accepted before it.
func (h HandingOut) Turns(mail []Message, to Host, now time.Time) map[string]Turn {
	turns := map[string]Turn{}
	alone := -1                                      // which goes alone
	page, pageIsOut, ended := false, h.AtWork, false // there is one, one is out, and what was out alone is put aside
	kept := make([]bool, len(mail))                  // it is unacknowledged, or was
	for i, m := range mail {
		isOut := m.Fetched() && h.isOut(m, to, now)
		kept[i] = m.LeftAside() || !isOut && h.Unacknowledged(m, now)
		switch {
		case m.OutAlone() && (isOut || h.Busy && m.Claim.Epoch == to.Epoch):
			alone, pageIsOut = i, true
		case m.OutAlone():
			turns[m.ID], ended = PutAside, true
		case m.LeftAside() && m.Aside(to.Epoch, now):
			turns[m.ID] = NextTime
		default:
			page = page || !m.LeftAside()
			pageIsOut = pageIsOut || isOut
		}
	}
	if !pageIsOut && (!ended || !page) {
		alone, pageIsOut = h.goesAlone(mail, kept, turns)
	}
	behind := false // something is handed out behind it
	for i, m := range slices.Backward(mail) {
		_, decided := turns[m.ID]
		switch waits := alone >= 0 || m.LeftAside() || kept[i] && pageIsOut; {
		case i == alone:
			turns[m.ID], behind = Alone, true
		case decided:
		case waits && behind && m.Fetched():
			turns[m.ID] = TakeBack
		case waits:
			turns[m.ID] = NextTime
		default:
			behind = true
		}
	}
	return turns
}

// goesAlone is which of the mail that is kept goes alone, -1 for none: the first that never did, else the one that did
// the longest ago. What was accepted before the first one goes before it, in a page.
func (h HandingOut) goesAlone(mail []Message, kept []bool, turns map[string]Turn) (next int, pageFirst bool) {
	next = -1
	ahead := false
	for i, m := range mail {
		_, decided := turns[m.ID]
		switch {
		case decided:
		case !kept[i]:
			ahead = true
		case !m.LeftAside() && ahead:
			return -1, true
		case !m.LeftAside():
			return i, false
		case next < 0 || m.lastAttempt().At.Before(mail[next].lastAttempt().At):
			next = i
		}
	}
	return next, false
}

// isOut reports whether the agent has time to acknowledge a message that it was handed: as long as the claim holds, or
// a quarter of that when it had time enough before.
func (h HandingOut) isOut(m Message, to Host, now time.Time) bool {
	if m.Available(to, now) {
		return false
	}
	return now.Sub(m.lastAttempt().At) < h.alone() || !m.OutAlone() && !h.Unacknowledged(m, now)
}

// TakeBack queues a message that polls were handed: it is handed out again later, and it is not acknowledged by what is
// handed out meanwhile.
func (m Message) TakeBack() Message {
	m = m.clone()
	m.closeAttempt(AgentBusy, "")
	m.queue("the agent was handed it, and has not acknowledged it: it is handed out again with a later poll")
	return m
}

// PutAside sets a message aside that was out alone and not acknowledged: for half as long as that has gone on, so that
// it holds up the others less and less. A newer host, which may be mended, gets it at once; but not when the one before
// went away with it.
func (m Message) PutAside(h HandingOut, to Host, now time.Time) Message {
	m = m.clone()
	m.closeAttempt(AgentBusy, "")
	times, since := m.Handed()
	until := now.Add(min(max(now.Sub(since)/2, h.AsideFor), mostAside*h.AsideFor))
	epoch, or := to.Epoch, ", or until the agent registers again"
	if m.Claim.Epoch < to.Epoch {
		epoch, or = anyHost, ""
	}
	m.queue(fmt.Sprintf("the agent was handed it %d times since %s, the last time alone, and has not acknowledged it: "+
		"others go first until %s%s; then it is handed out again, until %s",
		times, stamp(since), stamp(until), or, stamp(m.ExpiresAt)))
	m.NotBefore, m.AsideEpoch = until, epoch
	return m
}
