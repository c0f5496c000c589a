package workspace_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/workspace"
)

// farthest is how far each date may lie ahead that says when something ends; any other may not.
var farthest = map[string]time.Duration{
	"LeaseUntil": p.LeaseTTL, "ClaimedUntil": p.DeliveryPatience, "RestUntil": p.RestLimit, "AsideUntil": p.RestLimit,
	"ProbedAt": p.ProbePatience,
}

// undated are the dates on which no verdict depends, and those of an operator's choice.
var undated = []string{
	"PrecedenceUntil", "BootstrapUntil", "MovedAt", "StandsSince", "AnnouncedAt", "ChangesUntil", "LinesUntil",
	"CredentialLinesUntil", "CountedAt",
}

// dates are the dates among facts on which verdicts depend.
func dates(f *workspace.Facts) map[string]*time.Time {
	out := map[string]*time.Time{}
	for _, name := range workspace.FieldsOf[workspace.Facts]() {
		field := reflect.ValueOf(f).Elem().FieldByName(name)
		if at, ok := reflect.TypeAssert[*time.Time](field.Addr()); ok && !slices.Contains(undated, name) {
			out[name] = at
		}
	}
	return out
}

// noneAhead puts now in place of each date that lies further ahead than it may.
func noneAhead(f *workspace.Facts, now time.Time) {
	for name, date := range dates(f) {
		if date.Sub(now) > farthest[name] {
			*date = now
		}
	}
}

// One date that lies further ahead than it may, and than clocks differ, hides no trouble: whatever the other facts are,
// and whichever date it is.
func TestADateAheadHidesNoTrouble(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, fl, now := anyFacts(t), anyFleet(t), at(600)
		noneAhead(&f, now)
		if heard := f.LastSignal(); !heard.IsZero() {
			f.LeaseUntil = heard.Add(p.LeaseTTL) // as each call gives it
		}
		was := fl.Assess(f, p, now)
		if was.Status == workspace.StatusOnline {
			return
		}
		further := time.Duration(rapid.IntRange(1, 7200).Draw(t, "further")) * time.Second
		for name, date := range dates(&f) {
			before := *date
			*date = now.Add(farthest[name] + workspace.MaxSkew + further)
			if is := fl.Assess(f, p, now); is.Status == workspace.StatusOnline {
				t.Fatalf("%s, which was %s, lies ahead: %s/%s is told as %s/%s: %+v", name, before, was.Status, was.Reason,
					is.Status, is.Reason, f)
			}
			*date = before
		}
	})
}
