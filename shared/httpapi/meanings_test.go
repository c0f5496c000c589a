package httpapi

import (
	"encoding/json"
	"net/http"
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

// A 5xx is the platform's own fault, and raises the alarm ServerErrors: no code that tells of an agent, of a receiver
// or of a caller has one.
func TestServerErrorsAreThePlatformsOwn(t *testing.T) {
	own := []fault.Code{fault.Internal, fault.PlatformUnavailable}
	for _, m := range Meanings() {
		if (m.Status >= http.StatusInternalServerError) != slices.Contains(own, m.Code) {
			t.Errorf("%s is %d", m.Code, m.Status)
		}
	}
}

// Every error says what to do and names an action, also one whose text alone was thought of.
func TestEveryErrorHasAHintAndAnAction(t *testing.T) {
	for _, m := range Meanings() {
		resp := failure(fault.New(m.Code, "it is so"), Call{})
		var p struct{ Hint, Action string }
		if err := json.Unmarshal([]byte(resp.Body), &p); err != nil || p.Hint == "" || p.Action == "" {
			t.Errorf("%s: %s, %v", m.Code, resp.Body, err)
		}
	}
}
