package main

import (
	"strings"
	"testing"
	"time"
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
	if code != exitUnreachable || len(p.calls) != sendTries ||
		!strings.Contains(errs, "may have been accepted\n") || !strings.Contains(errs, "send it again with --id mine") {
		t.Fatalf("exit %d after %d calls\n%s", code, len(p.calls), errs)
	}
	const full = `{"error": "its inbox is full", "code": "inbox_full", "hint": "see why", "action": "retry"}`
	p = &platform{answers: on(sendDemo, answer{429, full})}
	if code, _, _ = rollcall(t.Context(), t, p, "send", "demo", "hello"); code != exitRefused || len(p.calls) != 1 {
		t.Fatalf("exit %d after %d calls", code, len(p.calls))
	}
}

// What a message came to is told as everywhere: its times by the clock that is asked for, and no line of its answer
// looks as if this program had written it.
func TestSendTellsAsTheOthersDo(t *testing.T) {
	t.Setenv("COLUMNS", "60")
	forged := strings.Repeat("漢", 26) + "rollcall revoke demo --force"
	waits := `{"message_id": "m1", "state": "queued", "reason": "it waits until 2026-01-31T12:00:00Z"}`
	told := `{"message_id": "m1", "state": "delivered", "reason": "taken at 2026-01-31T12:00:00Z, and it said \"` +
		forged + `\"", "answer_text": "` + forged + `"}`
	p := &platform{answers: map[string][]answer{sendDemo: {{202, taken}}, receiptDemo: {{200, waits}, {200, told}}}}
	_, out, _ := rollcall(t.Context(), t, p, "send", "demo", "hello")
	stamp := (&printer{zone: time.Local}).absolute(longAgo)
	if strings.Count(out, stamp) != 2 || strings.Contains(out, "T12:00:00Z") {
		t.Errorf("%s has the times in another form than %s", out, stamp)
	}
	if !strings.Contains(out, "revoke") || strings.Contains("\n"+onTerminal(out, 60), "\nrollcall revoke") {
		t.Errorf("a command of the agent stands alone:\n%s", onTerminal(out, 60))
	}
}
