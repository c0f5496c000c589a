package chat

import "time"

// Next picks what one free task slot should deliver now. open is in delivery order (priority, then acceptance); slots
// is how many messages may be in flight at a time. When nothing can be delivered yet, retryAt is when something can
// (zero: nothing waits on time). A message in backoff holds back those behind it, because order is a promise.
func Next(open []Message, slots int, now time.Time) (next *Message, retryAt time.Time) {
	inFlight := 0
	for i := range open {
		m := &open[i]
		switch {
		case m.Available(now):
			if inFlight < slots {
				return m, time.Time{}
			}
			return nil, retryAt
		case m.State == InFlight:
			inFlight++
			if retryAt.IsZero() || m.Claim.Until.Before(retryAt) {
				retryAt = m.Claim.Until
			}
		default:
			return nil, m.NotBefore
		}
	}
	return nil, retryAt
}
