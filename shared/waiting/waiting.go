// Package waiting bounds the calls of one caller that wait for somebody else: for an agent's answer, or for a change
// of the fleet. Each holds a run of its function while it waits, and all functions of the API share the account's
// runs: without a bound, one caller could take them all.
package waiting

import (
	"context"
	"time"

	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/fault"
)

// Most is how many calls of one caller may wait at a time.
const Most = 20

// span is for how long a place counts that nobody gives back, as its call was cut off. It is longer than any call
// waits. At the change of two spans a caller has the places of both.
const span = 30 * time.Second

// retryAfter is when a caller without a place may try again.
const retryAfter = 5 * time.Second

// Store counts the places that are taken. Error: platform_unavailable.
type Store interface {
	// TakePlace takes one of a caller's places of the span that begins at since, if fewer than most are taken.
	TakePlace(ctx context.Context, caller string, since time.Time, most int64) (taken bool, err error)
	// GivePlaceBack gives one back.
	GivePlaceBack(ctx context.Context, caller string, since time.Time) error
}

// Places are the places of all callers.
type Places struct {
	Store Store
	Clock clock.Clock
}

// For is a place of a caller, which is not taken yet. caller names who waits, see httpapi.Call.Waiter.
func (p Places) For(caller string) *Place { return &Place{places: p, caller: caller, most: Most} }

// At is a further place of the same caller, of those that it has at one agent: most at a time. An agent that answers
// one call after another must not be kept from its mail by the calls of one caller.
func (p *Place) At(agent string, most int64) *Place {
	if p == nil {
		return nil
	}
	return &Place{places: p.places, caller: p.caller + " at " + agent, agent: agent, most: min(most, Most)}
}

// Place is a place of a caller. A nil Place is free and bounds nothing: its call does not wait.
type Place struct {
	places Places
	caller string
	agent  string // whose answer the call waits for, where it is told; "": it is not
	most   int64
	since  time.Time // of the span that it is taken of; zero: it is not
	none   bool
}

// NoneFree reports whether no place was free when it was to be taken.
func (p *Place) NoneFree() bool { return p != nil && p.none }

// Take takes the place, if it is not taken yet. Errors: too_many_waits, platform_unavailable.
func (p *Place) Take(ctx context.Context) error {
	if p == nil || !p.since.IsZero() {
		return nil
	}
	since := p.places.Clock.Now().Truncate(span)
	taken, err := p.places.Store.TakePlace(ctx, p.caller, since, p.most)
	switch {
	case err != nil:
		return err
	case !taken:
		p.none = true
		whose := "an answer"
		if p.agent != "" {
			whose = "an answer of " + p.agent
		}
		return fault.New(fault.TooManyWaits, "%d calls of yours wait for %s already", p.most, whose).
			WithHint("wait for their answers, then make this call again", fault.ActionRetry).WithRetryAfter(retryAfter)
	}
	p.since = since
	return nil
}

// GiveBack gives the place back, if it is taken. A place that can't be given back is free after a span.
func (p *Place) GiveBack(ctx context.Context) {
	if p == nil || p.since.IsZero() {
		return
	}
	_ = p.places.Store.GivePlaceBack(context.WithoutCancel(ctx), p.caller, p.since) // its span ends
	p.since = time.Time{}
}
