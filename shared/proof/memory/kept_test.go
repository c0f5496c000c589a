package memory

import (
	"reflect"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/workspace"
)

// Each time of facts is kept to the millisecond, in UTC, and everything else as it is.
func TestFactsAreKeptToTheMillisecond(t *testing.T) {
	at := time.Date(2026, 11, 26, 12, 0, 0, 123_456_789, time.FixedZone("east", 3600))
	given := workspace.Facts{}
	given.ID, given.Open, given.SampleError = "w", 7, "words"
	want := given
	for _, name := range workspace.FieldsOf[workspace.Facts]() {
		field := func(of *workspace.Facts) reflect.Value { return reflect.ValueOf(of).Elem().FieldByName(name).Addr() }
		if to, ok := reflect.TypeAssert[*time.Time](field(&given)); ok {
			*to = at
			kept, _ := reflect.TypeAssert[*time.Time](field(&want))
			*kept = at.Truncate(time.Millisecond).UTC()
		}
	}
	if got := keptFacts(given); got != want || want.LeaseUntil.IsZero() {
		t.Errorf("%+v", got)
	}
	if got := keptFacts(workspace.Facts{}); got != (workspace.Facts{}) {
		t.Errorf("of nothing: %+v", got)
	}
}
