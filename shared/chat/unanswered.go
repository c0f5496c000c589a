package chat

import (
	"fmt"
	"time"
)

// A host may go away because of a message: its process dies of it, and is started again. What failed at a host goes
// first to the next one, which may be mended. What ended two of them does not: then others go first, with each host.

// Unanswered is what is known of the hosts in a row that a message was pushed to, and that did not answer it.
type Unanswered struct {
	Epoch int64     `json:",omitempty"` // of the present one; 0: it has not failed to answer the message
	Gone  int       `json:",omitempty"` // how many before that one have been replaced since
	Aside time.Time `json:",omitzero"`  // when the message was last set aside for it
}

// anyHost is the AsideEpoch of a message that is set aside whichever host the workspace has.
const anyHost int64 = -1

// suspectAfter is how many hosts in a row have to go away with a message before others go first. One says nothing of
// it: an agent that is restarted has some message at work.
const suspectAfter = 2

// Suspect reports whether the message may be what ends its hosts: it was pushed to some in a row, and each went away
// without an answer to it. A new host need not be handed it first.
func (m Message) Suspect() bool { return m.Unanswered.Gone >= suspectAfter }

// unansweredBy notes that the host of an epoch has not answered the message.
func (m *Message) unansweredBy(epoch int64) { m.Unanswered.Epoch = epoch }

// countGone notes, when the message is handed to a newer host than the one that has not answered it, that that one went
// away. It reports whether there was one.
func (m *Message) countGone(epoch int64) bool {
	if m.Unanswered.Epoch == 0 || m.Unanswered.Epoch >= epoch {
		return false
	}
	m.Unanswered.Epoch = 0
	m.Unanswered.Gone++
	return true
}

// Leave notes that something took the connection and no answer came back. It uses up no attempt. If the host goes away
// before it answers, that counts against the message: see Suspect.
func (m Message) Leave(cause string) Message {
	epoch := m.Claim.Epoch
	m = m.Miss(cause)
	m.unansweredBy(epoch)
	return m
}

// LeaveAgain is Leave of a message that is Suspect already: one more host did not answer it. The message is set aside
// again, or dead when the agent took another one, at passedAt, since it was set aside before, or since it used up its
// attempts.
func (m Message) LeaveAgain(cause string, p Policy, passedAt, now time.Time) Message {
	m = m.clone()
	m.closeAttempt(HostGone, cause)
	why := m.lastAttempt().ForSender().Error + ", as at each of the tries before"
	if !m.passedWhileAside(passedAt) && !m.poisoned(p, passedAt) {
		m.setAsideForAll(why, p, now)
	} else {
		m.end(Dead, now, fmt.Sprintf("%s; the agent took another message at %s", why, stamp(passedAt)))
	}
	return m
}

// passedWhileAside reports whether the agent took another message, at passedAt, since this one was set aside. One that
// a poll took from a host that went away may be Suspect and never have been set aside.
func (m Message) passedWhileAside(passedAt time.Time) bool {
	aside := m.Unanswered.Aside
	return !aside.IsZero() && !passedAt.Before(aside)
}

// setAsideForAll queues the message, and lets others go first for a while, with each host.
func (m *Message) setAsideForAll(cause string, p Policy, now time.Time) {
	until := now.Add(p.AsideFor)
	m.queue(fmt.Sprintf("%s; others go first until %s, then it is tried again, until %s",
		cause, stamp(until), stamp(m.ExpiresAt)))
	m.NotBefore, m.AsideEpoch, m.Unanswered.Aside = until, anyHost, now
}
