package workspace

import (
	"fmt"
	"time"
)

// Pushes that are under way are counted, as each holds a drain until it ends. They are counted by the span of time in
// which they began: spans last a DeliveryPatience, for which a push may be under way, so what began in one is over when
// the next one ends. Two counters take turns, one for spans with an even number and one for those with an odd one. A
// drain that died leaves its push counted until its counter has the next turn.

// pushesOfASlot is how many pushes may be under way for each task slot: one to the agent, and one to a URL that it has
// left.
const pushesOfASlot = 2

// PushCounter is one of the two counters of pushes; the zero one is none.
type PushCounter string

// The counters, by their fields in Facts.
const (
	PushesEven PushCounter = "PushesEven"
	PushesOdd  PushCounter = "PushesOdd"
)

// Other is the other one of the two.
func (c PushCounter) Other() PushCounter {
	if c == PushesEven {
		return PushesOdd
	}
	return PushesEven
}

// Counted is what a counter stands at.
func (f *Facts) Counted(c PushCounter) *int64 {
	if c == PushesEven {
		return &f.PushesEven
	}
	return &f.PushesOdd
}

// pushSpan is the number of the span that a time is in.
func (p Policy) pushSpan(t time.Time) int64 { return t.UnixMilli() / p.DeliveryPatience.Milliseconds() }

// counterOf is the counter whose turn it is in a span.
func counterOf(span int64) PushCounter {
	if span%2 == 0 {
		return PushesEven
	}
	return PushesOdd
}

// LastPushCounter is the counter in which the last push was counted.
func (f *Facts) LastPushCounter(p Policy) PushCounter { return counterOf(p.pushSpan(f.TriedAt)) }

// PushesEnd is when the last push that has begun is over.
func (f *Facts) PushesEnd(p Policy) time.Time { return f.TriedAt.Add(p.DeliveryPatience) }

// MostPushes is how many pushes of the agent's messages may be under way at a time, whatever URLs it registers.
func (f *Facts) MostPushes() int64 { return pushesOfASlot * int64(f.Slots()) }

// PushesUnderWay is how many pushes of messages hold a drain.
func (f *Facts) PushesUnderWay(p Policy, now time.Time) int64 {
	own, other := f.countedIn(p.pushSpan(f.laterOfTries(now)), p, now)
	return own + other
}

// crowded reports whether as many pushes are under way as may be.
func (f *Facts) crowded(p Policy, now time.Time) bool {
	return f.PushesUnderWay(p, now) >= f.MostPushes()
}

// laterOfTries is now, or when the last push began by a clock that is a little ahead.
func (f *Facts) laterOfTries(now time.Time) time.Time {
	if f.TriedAt.After(now) && f.TriedAt.Sub(now) <= MaxSkew {
		return f.TriedAt
	}
	return now
}

// countedIn is how many of the pushes that were counted may be under way in a span: in the counter whose turn it is,
// and in the other one. What was counted by a clock that jumped is not known.
func (f *Facts) countedIn(span int64, p Policy, now time.Time) (own, other int64) {
	counter, last := counterOf(span), p.pushSpan(f.TriedAt)
	switch {
	case f.TriedAt.Sub(now) > MaxSkew, !now.Before(f.PushesEnd(p)):
		return 0, 0
	case last == span:
		own = max(0, *f.Counted(counter))
	}
	return own, max(0, *f.Counted(counter.Other()))
}

// PushCount says how a push is counted that begins.
type PushCount struct {
	Counter PushCounter
	Most    int64 // it begins if the counter stands at less
	// Forget are the counters of which what they stand at is over. They are begun anew, on condition that no push has
	// begun meanwhile: Seen is still the TriedAt of the last one. Then Most is no condition.
	Forget []PushCounter
	Seen   time.Time
	At     time.Time // when it begins: its TriedAt
	// ByPriority is its PriorityHadTurn.
	ByPriority bool
}

// CountPush says how a push is counted that begins now.
func (f *Facts) CountPush(p Policy, now time.Time) *PushCount {
	at := f.laterOfTries(now)
	span := p.pushSpan(at)
	own, other := f.countedIn(span, p, now)
	c := &PushCount{
		Counter: counterOf(span), Most: f.MostPushes() - other, Seen: f.TriedAt, At: at, ByPriority: !f.PriorityHadTurn,
	}
	if own == 0 && *f.Counted(c.Counter) != 0 {
		c.Forget = append(c.Forget, c.Counter)
	}
	if other == 0 && *f.Counted(c.Counter.Other()) != 0 {
		c.Forget = append(c.Forget, c.Counter.Other())
	}
	return c
}

// Begin counts the push in the facts; ok is false when it may not begin. Stores do the same in one write.
func (c PushCount) Begin(f *Facts) (ok bool) {
	own := f.Counted(c.Counter)
	if ok = *own < c.Most; len(c.Forget) > 0 {
		ok = c.Seen.Equal(f.TriedAt)
	}
	for _, counter := range c.Forget {
		*f.Counted(counter) = 0
	}
	*own++
	f.PriorityHadTurn = c.ByPriority
	return ok
}

// crowdedWords say why no mail is pushed while as many pushes are under way as may be.
func (f *Facts) crowdedWords(p Policy, now time.Time) string {
	return fmt.Sprintf("%d pushes to it are under way, also to a URL that it has left, and no answer has come: what "+
		"waits is sent when one of them ends, at %s at the latest", f.PushesUnderWay(p, now), stamp(f.PushesEnd(p)))
}
