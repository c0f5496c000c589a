package weeks

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/statuslog"
)

// wakeupsKept is how long SQS keeps a wake-up that nobody takes, as it does where nothing is said.
const wakeupsKept = 4 * 24 * time.Hour

// latestDeletion is later than the store deletes any item.
const latestDeletion = 5 * 24 * time.Hour

const day = 24 * time.Hour

// gaps are the times that pass: each kept time has one that is shorter and one that is longer.
var gaps = []time.Duration{
	time.Second, 20 * time.Second, 100 * time.Second, 4 * time.Minute, 20 * time.Minute, 3 * time.Hour, 23 * time.Hour,
	25 * time.Hour,
}

// weeks are those that pass in a jump.
var weeks = []time.Duration{
	2 * day, 3 * day, 6*day + 23*time.Hour, 7*day + time.Minute, 8 * day, 9*day + time.Hour, 13 * day, 15 * day, 31 * day,
	200 * day, 401 * day,
}

func (m *machine) timePasses(t *rapid.T) { m.pass(t, rapid.SampledFrom(gaps).Draw(t, "time")) }
func (m *machine) weeksPass(t *rapid.T)  { m.pass(t, rapid.SampledFrom(weeks).Draw(t, "weeks")) }

// pass lets time pass in a few parts, in which sweeps run or not, agents call or not, and wake-ups arrive or are lost.
func (m *machine) pass(t *rapid.T, by time.Duration) {
	parts := rapid.IntRange(1, 3).Draw(t, "parts")
	sweeps, beats := rapid.Bool().Draw(t, "sweeps run"), rapid.Bool().Draw(t, "agents call")
	wakes, punctual := rapid.Bool().Draw(t, "wake-ups arrive"), rapid.Bool().Draw(t, "the store deletes in time")
	chance := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "what is deleted"), 0))
	for range parts {
		m.look()
		m.clock.advance(by / time.Duration(parts))
		now := m.clock.Now()
		m.store.Expire(now.Add(-latestDeletion), func() bool { return true })
		m.store.Expire(now, func() bool { return punctual || chance.IntN(2) == 0 })
		if beats {
			m.presentAgentsBeat()
		}
		if wakes {
			m.wake()
		}
		if sweeps {
			m.sweep()
		}
	}
	m.takeWakeups()
}

// takeWakeups moves what was sent to the queue.
func (m *machine) takeWakeups() {
	now := m.clock.Now()
	for _, w := range m.wakeups.Take() {
		m.pending = append(m.pending, wakeup{w, now.Add(w.After), now})
	}
}

// wake answers the wake-ups that are due, those that come of them too. One that is too old is gone.
func (m *machine) wake() {
	for range 5 {
		m.takeWakeups()
		now := m.clock.Now()
		var due, later []wakeup
		for _, w := range m.pending {
			switch {
			case now.Sub(w.sent) >= wakeupsKept:
			case w.due.After(now):
				later = append(later, w)
			default:
				due = append(due, w)
			}
		}
		m.pending = later
		if len(due) == 0 {
			return
		}
		for _, w := range due {
			m.answer(w)
		}
	}
}

// answer does what dispatch does with a wake-up.
func (m *machine) answer(w wakeup) {
	var err error
	switch {
	case w.ID == "":
		err = m.env.Webhooks.Deliver(m.ctx)
	case w.Slow:
		_, err = m.env.Delivery.DrainSlow(m.ctx, w.ID, w.Cause)
	case w.Callbacks:
		_, err = m.env.Delivery.DrainCallbacks(m.ctx, w.ID, w.Cause)
	default:
		_, err = m.env.Delivery.Drain(m.ctx, w.ID, w.Cause)
	}
	if err != nil && !errors.Is(err, errQueueGone) {
		m.must("a wake-up of "+w.ID, err)
	}
}

// sweep sweeps once. Nothing was damaged, so nothing may need mending.
func (m *machine) sweep() {
	out, err := m.env.Sweeper.Sweep(m.ctx)
	if err == nil && (len(out.Errors) > 0 || len(out.Broken) > 0) {
		err = errors.New(encoded(out))
	}
	if !m.mute {
		m.must("sweep", err)
	}
}

// Announce implements statuslog.Announcer: it is the bus.
func (m *machine) Announce(_ context.Context, changes []statuslog.Change) ([]statuslog.Change, error) {
	if m.mute {
		return changes, errors.New("the bus takes no event")
	}
	return nil, nil
}

// AnnounceDead implements delivery.DeadAnnouncer.
func (m *machine) AnnounceDead(context.Context, chat.Message) error { return nil }
