package chat

import "time"

// Next picks what one free task slot should deliver now to a host. open is in delivery order (priority, then
// acceptance); slots is how many messages may be in flight at a time. When nothing can be delivered yet, retryAt is
// when something can (zero: nothing waits on time). Order is a promise, but for a message that is set aside: those
// behind it go first. Of the messages that may be what ends the agent, one is in flight at a time: else none could be
// told from the others.
func Next(open []Message, slots int, to Host, now time.Time) (next *Message, retryAt time.Time) {
	sooner := func(at time.Time) {
		if retryAt.IsZero() || at.Before(retryAt) {
			retryAt = at
		}
	}
	inFlight, suspected := 0, suspectInFlight(open, to, now)
	for i := range open {
		m := &open[i]
		switch {
		case m.Aside(to.Epoch, now):
			sooner(m.NotBefore)
		case m.Suspect() && !suspected.IsZero() && m.Available(to, now):
			sooner(suspected)
		case m.Available(to, now):
			if inFlight < slots {
				return m, time.Time{}
			}
			return nil, retryAt
		case m.State == InFlight:
			inFlight++
			sooner(m.Claim.Until)
		}
	}
	return nil, retryAt
}

// suspectInFlight is until when a claim holds a message that may be what ends the agent; zero when none does.
func suspectInFlight(open []Message, to Host, now time.Time) (until time.Time) {
	for _, m := range open {
		if m.State == InFlight && m.Suspect() && !m.Available(to, now) {
			until = m.Claim.Until
		}
	}
	return until
}
