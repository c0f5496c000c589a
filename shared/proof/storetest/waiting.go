package storetest

import (
	"time"

	"github.com/google/uuid"
)

// places: no caller takes more places of a span than there are, and one that is given back is free again.
func (c contract) places(t T) {
	caller, other := "workspace "+uuid.NewString(), "workspace "+uuid.NewString()
	since := time.Date(2026, 11, 27, 12, 0, 30, 0, time.UTC)
	take := func(who string, since time.Time) bool {
		taken, err := c.TakePlace(t.Context(), who, since, 2)
		must(t, err)
		return taken
	}
	must(t, c.GivePlaceBack(t.Context(), caller, since)) // nobody took it: nothing is free beyond the two
	got := []bool{take(caller, since), take(caller, since), take(caller, since)}
	same(t, []bool{true, true, false}, got)
	same(t, true, take(other, since))
	same(t, true, take(caller, since.Add(30*time.Second)))
	must(t, c.GivePlaceBack(t.Context(), caller, since))
	got = []bool{take(caller, since), take(caller, since)}
	same(t, []bool{true, false}, got)
}
