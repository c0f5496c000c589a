package workspace

import (
	"reflect"
	"slices"
	"time"
)

// Noted reports whether the facts tell of a signal at now well enough, so that it need not be written: it is a poll, no
// mail waits, a poll was written a moment ago, nothing has happened since, and this one changes nothing but how long
// ago the last poll was. Rules that judge by the last poll allow for it (Policy.PollNoted), and the lease is as long as
// if it were written.
func Noted(f Facts, s Signal, p Policy, now time.Time) bool {
	if f.Superseded(s.Epoch) {
		return f.notedFormer(p, now)
	}
	since := now.Sub(f.PolledAt)
	if s.Kind != SignalPoll || f.Open > 0 || since < 0 || since >= p.PollNoted || f.happenedSince(f.PolledAt, now) {
		return false
	}
	next := Observe(f, s, p, now)
	leased := !f.LeaseUntil.Before(now.Add(p.LeaseTTL))
	next.LeaseUntil, next.PolledAt = f.LeaseUntil, f.PolledAt
	return leased && next == f
}

// notedFormer reports whether another call was noted a moment ago, so that a poll of a former host need not be: it is
// one more call that fetches nothing.
func (f *Facts) notedFormer(p Policy, now time.Time) bool {
	since, left := now.Sub(f.CalledAt), f.LeaseUntil.Sub(now)
	return since >= 0 && since < p.PollNoted && left >= p.LeaseTTL-p.PollNoted
}

// happenedSince reports whether a time of the facts but the last poll's lies at since or later, and not after now.
func (f Facts) happenedSince(since, now time.Time) bool {
	v := reflect.ValueOf(f)
	for _, index := range timeFields {
		if at, _ := reflect.TypeAssert[time.Time](v.FieldByIndex(index)); !at.Before(since) && !at.After(now) {
			return true
		}
	}
	return false
}

// timeFields are the fields of Facts that are times at which something happened, but for PolledAt.
var timeFields = func() (out [][]int) {
	traces := FieldsOf[Traces]()
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Facts]()) {
		if field.Name != "PolledAt" && !slices.Contains(traces, field.Name) && field.Type == reflect.TypeFor[time.Time]() {
			out = append(out, field.Index)
		}
	}
	return out
}()
