package main

import (
	"strings"
	"testing"
)

// A byte that is no text never becomes another one on its way.
func TestArgumentsAreText(t *testing.T) {
	for _, args := range [][]string{
		{"send", "demo", "caf\xe9"}, {"create", "demo", "--name", "\xff"}, {"send", "demo", "--id=\xc3", "x"},
	} {
		p := &platform{}
		code, _, errs := rollcall(t.Context(), t, p, args...)
		if code != exitUsage || len(p.calls) != 0 || !strings.Contains(errs, "is not UTF-8") {
			t.Errorf("%q: exit %d after %d calls\n%s", args, code, len(p.calls), errs)
		}
	}
}

// A message whose acceptance is unknown is sent again under its id, which the
// platform accepts once. The error after the last try says how to do that by hand.
func TestSendGoesOnUnderOneID(t *testing.T) {
	body := func(call string) string { _, b, _ := strings.Cut(call, "{"); return b }
	p := &platform{answers: map[string][]answer{
		"POST /workspaces/demo/a2a": {{}, {503, down}, {202, taken}}, "GET /workspaces/demo/messages/m1": {{200, delivered}},
	}}
	code, out, errs := rollcall(t.Context(), t, p, "send", "demo", "hello")
	if code != 0 || !strings.Contains(out, "delivered") || strings.Count(errs, "asking again") != 1 {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
	if body(p.calls[0]) != body(p.calls[1]) || body(p.calls[1]) != body(p.calls[2]) {
		t.Fatalf("%q", p.calls[:3])
	}
	p = &platform{answers: map[string][]answer{"POST /workspaces/demo/a2a": {{}}}}
	code, _, errs = rollcall(t.Context(), t, p, "send", "--id", "mine", "demo", "hello")
	if code != exitUnreachable || len(p.calls) != sendTries || !strings.Contains(errs, "send it again with --id mine") {
		t.Fatalf("exit %d after %d calls\n%s", code, len(p.calls), errs)
	}
	const full = `{"error": "its inbox is full", "code": "inbox_full", "hint": "see why", "action": "retry"}`
	p = &platform{answers: on(sendDemo, answer{429, full})}
	if code, _, _ = rollcall(t.Context(), t, p, "send", "demo", "hello"); code != exitRefused || len(p.calls) != 1 {
		t.Fatalf("exit %d after %d calls", code, len(p.calls))
	}
}
