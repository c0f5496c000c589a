package httpapi

import (
	"slices"
	"testing"

	"github.com/rollcall/rollcall/shared/fault"
)

// Each code that is answered has a meaning, and no other one has.
func TestEachCodeHasAMeaning(t *testing.T) {
	var codes []fault.Code
	for _, m := range Meanings() {
		codes = append(codes, m.Code)
		if m.Means == "" || m.Do == "" || m.Status == 0 {
			t.Errorf("%+v", m)
		}
	}
	slices.Sort(codes)
	if !slices.Equal(codes, meant()) {
		t.Errorf("answered are %v, described %v", codes, meant())
	}
}
