package main

import (
	"strings"
	"testing"
)

func TestWhatAPersonReads(t *testing.T) {
	const receipt, show = "GET /workspaces/demo/messages/m1", "GET /workspaces/demo"
	send := func(receipts ...answer) map[string][]answer {
		return map[string][]answer{"POST /workspaces/demo/a2a": {{202, taken}}, receipt: receipts}
	}
	repair := func(shown ...answer) map[string][]answer {
		return map[string][]answer{"POST /workspaces/demo/repair": {{200, repaired}}, show: shown}
	}
	for name, c := range map[string]struct {
		args    string
		answers map[string][]answer
		code    int
		out     []string // what stdout has
		errs    []string // what stderr has; none: it is empty
	}{
		"a refusal": {
			"pause demo", map[string][]answer{"POST /workspaces/demo/pause": {{404, `{"error": "no such workspace", "code": "workspace_unknown", "hint": "see rollcall status"}`}}}, 1,
			nil, []string{"rollcall: no such workspace (workspace_unknown, HTTP 404)\n  next: see rollcall status\n"},
		},
		"the store is down": {
			"status demo", map[string][]answer{show: {{503, down}}}, 3,
			nil, []string{"rollcall: the platform's store can't be asked right now (platform_unavailable, HTTP 503)\n  next: nothing was decided; try again\n"},
		},
		"API Gateway's own error": {
			"status demo", map[string][]answer{show: {{500, `{"message": "Internal Server Error"}`}}}, 3,
			nil, []string{"rollcall: the platform answered Internal Server Error (HTTP 500)\n"},
		},
		"a page of another server": {
			"status demo", map[string][]answer{show: {{200, "<html>"}}}, 3, nil, []string{"doesn't answer GET /workspaces/demo as Rollcall does"},
		},
		"a broken connection": {"status demo", map[string][]answer{show: {{}}}, 3, nil, []string{"doesn't answer: EOF\n"}},
		"a cursor that is gone": {
			"events --since 3", map[string][]answer{"GET /events": {{410, `{"error": "the log before 90 is gone", "code": "cursor_gone", "hint": "read the fleet anew, then follow from 120"}`}}}, 1,
			nil, []string{"cursor_gone, HTTP 410", "next: read the fleet anew, then follow from 120\n"},
		},
		"a cursor that is gone, followed": {
			"events -f --since 3", map[string][]answer{"GET /events": {{410, `{"error": "the log before 90 is gone", "code": "cursor_gone", "hint": "read the fleet anew"}`}}}, 1,
			nil, []string{"next: read the fleet anew\n"},
		},

		"sent": {"send demo what is it?", send(answer{200, queued}, answer{200, delivered}), 0,
			[]string{"m1 accepted; expected: now\nqueued: it waits for its turn\ndelivered: the agent took it\nanswer: 42\n"}, nil},
		"sent, and dead": {"send demo hello", send(answer{200, dead}), 4,
			[]string{"dead: five tries failed\n"}, []string{"rollcall: it was not delivered: dead\n"}},
		"sent through an outage": {"send demo hello", send(answer{503, down}, answer{}, answer{429, `{"message": "Too Many Requests"}`}, answer{200, delivered}), 0,
			[]string{"delivered: the agent took it\n"}, []string{"rollcall: the platform's store can't be asked right now (platform_unavailable, HTTP 503); asking again\n"}},
		"sent into an outage": {"send demo hello --timeout 700ms", send(answer{503, down}), 4,
			[]string{"m1 accepted"}, []string{"asking again\nrollcall: not seen delivered within 700ms; follow it with: rollcall receipts demo m1\n"}},
		"sent, and not delivered in time": {"send demo hello --timeout 700ms", send(answer{200, queued}), 4,
			[]string{"queued: it waits for its turn\n"}, []string{"rollcall: not seen delivered within 700ms; follow it with: rollcall receipts demo m1\n"}},
		"sent to nobody": {
			"send demo hello --no-follow", map[string][]answer{"POST /workspaces/demo/a2a": {{202, `{"message_id": "m1", "expected": "nobody_is_listening", "workspace_status": "unknown",
				"workspace_reason": "platform_suspect", "message": "accepted and kept, but nobody is listening: "}`}}}, 0,
			[]string{"the workspace is unknown (platform_suspect): accepted and kept, but nobody is listening\nm1 accepted; expected: nobody is listening\n"}, nil,
		},
		"sent to nobody, with a hint": {
			"send demo hello --no-follow", map[string][]answer{"POST /workspaces/demo/a2a": {{202, `{"message_id": "m1", "expected": "nobody_is_listening", "workspace_status": "offline",
				"workspace_reason": "lease_expired", "hint": "restart it", "message": "accepted and kept, but nobody is listening: restart it"}`}}}, 0,
			[]string{"the workspace is offline (lease_expired): restart it\nm1 accepted; expected: nobody is listening\n"}, nil,
		},
		"a probe that is refused while it is followed": {
			"probe demo", map[string][]answer{"POST /workspaces/demo/probe": {{202, taken}}, receipt: {{401, `{"error": "unknown credential", "code": "credential_unknown", "hint": "log in"}`}}}, 1,
			[]string{"m1 accepted"}, []string{"unknown credential", "next: log in"},
		},

		"repaired": {"repair demo", repair(), 0, []string{"1 credential revoked; bootstrap is open until ", "next: restart the agent\n"}, nil},
		"repaired, and waited for": {"repair demo --wait 9s", repair(answer{200, before}, answer{503, down}, answer{200, back}), 0,
			[]string{"the agent registered at "}, []string{"asking again\n"}},
		"repaired, and not back": {"repair demo --wait 200ms", repair(answer{200, before}), 4,
			nil, []string{"rollcall: the agent was not seen to register within 200ms: restart it, then see whether it has: rollcall status demo\n"}},

		"mail that is missing": {
			"status demo", map[string][]answer{show: {{200, `{"id": "demo", "status": "online", "reason": "healthy", "messages": {"accepted": 9, "delivered": 7, "missing": 2}}`}}}, 0,
			[]string{"of 9 accepted: 7 delivered, 0 expired, 0 cancelled, 0 dead, 2 missing\n"}, nil,
		},
		"not online": {"status demo --check", map[string][]answer{show: {{200, before}}}, 4, nil, []string{"rollcall: demo is degraded (credentials_rejected)\n"}},
		"none so":    {"status --status dead", map[string][]answer{"GET /workspaces": {{200, `{"workspaces": []}`}}}, 0, []string{"no workspace is dead\n"}, nil},

		"no such command":  {"nonsense", nil, 2, nil, []string{`unknown command "nonsense"`, "see: rollcall --help\n"}},
		"an argument less": {"cancel demo", nil, 2, nil, []string{"usage: rollcall cancel ID MESSAGE"}},
		"no such output":   {"status -o xml", nil, 2, nil, []string{`--output must be table or json, not "xml"`}},
		"a limit of 0":     {"audit --limit 0", nil, 2, nil, []string{"--limit must be at least 1"}},
		"no --yes":         {"remove demo", nil, 2, nil, []string{"rollcall remove demo --yes\n"}},
		"no scheme":        {"status --url localhost:80", nil, 2, nil, []string{"must begin with http:// or https://"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errs := rollcall(t.Context(), t, &platform{answers: c.answers}, strings.Fields(c.args)...)
			if code != c.code {
				t.Errorf("exit %d, want %d", code, c.code)
			}
			for _, want := range c.out {
				if !strings.Contains(out, want) {
					t.Errorf("stdout lacks %q", want)
				}
			}
			for _, want := range c.errs {
				if !strings.Contains(errs, want) {
					t.Errorf("stderr lacks %q", want)
				}
			}
			if len(c.errs) == 0 && errs != "" || strings.Count(errs, "asking again") > 1 {
				t.Error("stderr has more than it should")
			}
			if t.Failed() {
				t.Logf("rollcall %s\n%s%s", c.args, out, errs)
			}
		})
	}
}
