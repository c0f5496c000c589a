package main

import (
	"slices"
	"testing"
)

// What closes lost mail says just what is closed, and goes on until no more is left that it closes.
func TestDismissSaysWhatItCloses(t *testing.T) {
	const row = `{"id": "w", "status": "online", "reason": "healthy", `
	for _, c := range []struct {
		flags  []string
		bodies []string
	}{
		{nil, []string{""}},
		{[]string{"--lost"}, []string{` {"lost":true}`, ` {"lost":true}`}},
		{[]string{"--message", "m1", "--message", "m2"}, []string{` {"messages":["m1","m2"]}`, ` {"messages":["m1","m2"]}`}},
	} {
		p := &platform{answers: map[string][]answer{"POST /workspaces/w/dismiss": {
			{200, row + `"closed": 100, "left": 3}`}, {200, row + `"closed": 3, "left": 0}`},
		}}}
		code, out, errs := rollcall(t.Context(), t, p, append([]string{"dismiss", "w"}, c.flags...)...)
		var want []string
		for _, body := range c.bodies {
			want = append(want, "POST /workspaces/w/dismiss"+body)
		}
		if code != 0 || !slices.Equal(p.calls, want) {
			t.Errorf("%v: %d, %q\n%s%s", c.flags, code, p.calls, out, errs)
		}
	}
}

// Where a later call fails, what the earlier ones closed is said.
func TestADismissalThatFailsHalfwaySaysWhatItClosed(t *testing.T) {
	const first = `{"id": "w", "status": "online", "reason": "healthy", "closed": 100, "left": 3}`
	commandTest{
		args: "dismiss w --lost", answers: on("POST /workspaces/w/dismiss", answer{200, first}, answer{503, down}),
		code: exitUnreachable,
		errs: "rollcall: 100 messages closed, and 3 left, as the call for these failed: the platform's store can't be asked",
	}.run(t)
}
