package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// commandTest is a command line, what the platform answers to it, and what a
// person then reads.
type commandTest struct {
	args    string
	answers map[string][]answer
	code    int
	out     string // a part of stdout
	errs    string // a part of stderr; "": stderr is empty
}

func (c commandTest) run(t *testing.T) {
	t.Helper()
	code, out, errs := rollcall(t.Context(), t, &platform{answers: c.answers}, strings.Fields(c.args)...)
	if code != c.code {
		t.Errorf("exit %d, want %d", code, c.code)
	}
	if !strings.Contains(out, c.out) {
		t.Errorf("stdout lacks %q", c.out)
	}
	if !strings.Contains(errs, c.errs) {
		t.Errorf("stderr lacks %q", c.errs)
	}
	if c.errs == "" && errs != "" || strings.Count(errs, "asking again") > 1 {
		t.Error("stderr has more than it should")
	}
	if t.Failed() {
		t.Logf("rollcall %s\n%s%s", c.args, out, errs)
	}
}

// on is a platform that answers one route.
func on(route string, answers ...answer) map[string][]answer {
	return map[string][]answer{route: answers}
}

const (
	showDemo    = "GET /workspaces/demo"
	sendDemo    = "POST /workspaces/demo/a2a"
	receiptDemo = "GET /workspaces/demo/messages/m1"
	repairDemo  = "POST /workspaces/demo/repair"
)

func TestRefusalsAndFailures(t *testing.T) {
	const gone = `{"error": "the log before 90 is gone", "code": "cursor_gone", "hint": "read the fleet anew"}`
	const unknown = `{"error": "no such workspace", "code": "workspace_unknown", "hint": "see rollcall status"}`
	for name, c := range map[string]commandTest{
		"a refusal": {
			args: "pause demo", answers: on("POST /workspaces/demo/pause", answer{404, unknown}), code: exitRefused,
			errs: "rollcall: no such workspace (workspace_unknown, HTTP 404)\n  next: see rollcall status\n",
		},
		"the store is down": {
			args: "status demo", answers: on(showDemo, answer{503, down}), code: exitUnreachable,
			errs: "rollcall: the platform's store can't be asked right now (platform_unavailable, HTTP 503)\n" +
				"  next: nothing was decided; try again\n",
		},
		"the store is down for a time": {
			args: "status demo", code: exitUnreachable, answers: on(showDemo, answer{503, `{"error": "not now",
				"code": "platform_unavailable", "hint": "try again after the time in Retry-After", "retry_after": 4}`}),
			errs: "rollcall: not now (platform_unavailable, HTTP 503)\n  next: try again after 4s\n",
		},
		"API Gateway's own error": {
			args: "status demo", answers: on(showDemo, answer{500, `{"message": "Internal Server Error"}`}),
			code: exitUnreachable,
			errs: "rollcall: the platform answered Internal Server Error (HTTP 500)\n  next: rollcall doctor finds what",
		},
		"a page of another server": {
			args: "status demo", answers: on(showDemo, answer{200, "<html>"}),
			code: exitUnreachable,
			errs: "answers, but not as Rollcall does (HTTP 200, an HTML page, text/html): is the address right?\n  next: ",
		},
		"a broken connection": {
			args: "status demo", answers: on(showDemo, answer{}), code: exitUnreachable,
			errs: "doesn't answer: it closed the connection before its answer was whole\n  next: rollcall doctor finds",
		},
		"a cursor that is gone": {
			args: "events --since 3", answers: on("GET /events", answer{410, gone}), code: exitRefused,
			errs: "(cursor_gone, HTTP 410)\n  next: read the fleet anew\n",
		},
		"a cursor that is gone, followed": {
			args: "events -f --since 3", answers: on("GET /events", answer{410, gone}), code: exitRefused,
			errs: "next: read the fleet anew\n",
		},
	} {
		t.Run(name, c.run)
	}
}

func TestSendAndProbe(t *testing.T) {
	const nobody = `{"message_id": "m1", "expected": "nobody_is_listening", "workspace_status": "unknown",
		"workspace_reason": "platform_suspect", "message": "accepted and kept, but nobody is listening: "}`
	const hinted = `{"message_id": "m1", "expected": "nobody_is_listening", "workspace_status": "offline",
		"workspace_reason": "lease_expired", "hint": "restart it",
		"message": "accepted and kept, but nobody is listening: restart it"}`
	const paused = `{"message_id": "m1", "expected": "nobody_is_listening", "workspace_status": "paused",
		"workspace_reason": "paused", "hint": "resume it"}`
	const unknown = `{"error": "unknown credential", "code": "credential_unknown", "hint": "log in"}`
	const inTime = "rollcall: no delivery was seen within 700ms; follow it with: rollcall receipts demo m1\n"
	receipts := func(receipts ...answer) map[string][]answer {
		return map[string][]answer{sendDemo: {{202, taken}}, receiptDemo: receipts}
	}
	probes := func(receipts ...answer) map[string][]answer {
		return map[string][]answer{"POST /workspaces/demo/probe": {{202, taken}}, receiptDemo: receipts}
	}
	const failing = `{"message_id": "m1", "state": "queued", "reason": "the agent could not be reached", "tries": 1,
		"attempts": [{"via": "push", "outcome": "unreachable", "text": "no answer came back", "error": "connection refused"}],
		"waits_for": "it is tried again, next at A"}`
	waiting := func(state, waits string) answer {
		return answer{200, `{"message_id": "m1", "state": "` + state + `", "reason": "so", "waits_for": "` + waits + `"}`}
	}
	for name, c := range map[string]commandTest{
		"delivered": {
			args: "send demo what is it?", answers: receipts(answer{200, queued}, answer{200, delivered}),
			out: "m1 accepted; expected: now\nqueued: it waits for its turn\n" +
				"delivered: the agent took it\nanswer: 42\n",
		},
		"what it waits for is said when it changes": {
			args: "send demo hello", answers: receipts(waiting("queued", "until A"), waiting("queued", "until A"),
				waiting("in_flight", "until A"), waiting("in_flight", "until B"), answer{200, delivered}),
			out: "queued: so\nwaits: until A\nin_flight: so\nwaits: until B\ndelivered: the agent took it\n",
		},
		"dead": {
			args: "send demo hello", answers: receipts(answer{200, dead}), code: exitUnhealthy,
			out: "dead: five tries failed\n", errs: "rollcall: it was not delivered: dead\n",
		},
		"through an outage": {
			args: "send demo hello",
			answers: receipts(answer{503, down}, answer{}, answer{429, `{"message": "Too Many Requests"}`},
				answer{200, delivered}),
			out: "delivered: the agent took it\n",
			errs: "rollcall: the platform's store can't be asked right now (platform_unavailable, HTTP 503); " +
				"asking again\n",
		},
		"into an outage": {
			args: "send demo hello --timeout 700ms", answers: receipts(answer{503, down}), code: exitUnhealthy,
			out: "m1 accepted", errs: "asking again\n" + inTime,
		},
		"not delivered in time": {
			args: "send demo hello --timeout 700ms", answers: receipts(answer{200, queued}), code: exitUnhealthy,
			out: "queued: it waits for its turn\n", errs: inTime,
		},
		"to nobody": {
			args: "send demo hello --no-follow", answers: on(sendDemo, answer{202, nobody}),
			out: "the workspace is unknown (platform_suspect): accepted and kept, but nobody is listening\n" +
				"m1 accepted; expected: nobody is listening\n",
		},
		"to one that is paused": {
			args: "send demo hello --no-follow", answers: map[string][]answer{
				sendDemo: {{202, paused}}, receiptDemo: {{200, `{"message_id": "m1", "expires_at": "2026-02-01T12:00:00Z"}`}},
			},
			out: "the workspace is paused (paused): resume it\nm1 accepted; it waits until the workspace is resumed, " +
				"or it expires at 2026-02-01 12:00:00 UTC\n",
		},
		"to nobody, with a hint": {
			args: "send demo hello --no-follow", answers: on(sendDemo, answer{202, hinted}),
			out: "the workspace is offline (lease_expired): restart it\nm1 accepted; expected: nobody is listening\n",
		},
		"a probe to nobody": {
			args: "probe demo", code: exitUnhealthy,
			errs: "rollcall: nobody takes it now, and it goes on to wait; follow it with: rollcall receipts demo m1\n",
			answers: map[string][]answer{"POST /workspaces/demo/probe": {{202, `{"message_id": "m1",
				"expected": "nobody_is_listening", "workspace_status": "provisioning",
				"workspace_reason": "never_registered"}`}}, receiptDemo: {{200, queued}}},
			out: "the workspace is provisioning (never_registered)\n",
		},
		"a probe whose first try fails": {
			args: "probe demo", code: exitUnhealthy, answers: probes(answer{200, queued}, answer{200, failing}),
			out: "m1 accepted; expected: now\nqueued: it waits for its turn\nqueued: the agent could not be reached\n" +
				"try 1: by push: no answer came back (connection refused)\nwaits: it is tried again, next at A\n",
			errs: "rollcall: it did not arrive, and is tried again; first mend what rollcall explain demo names; " +
				"follow it with: rollcall receipts demo m1\n",
		},
		"a probe whose first try fails, to its end": {
			args: "probe demo --to-end", answers: probes(answer{200, failing}, answer{200, failing}, answer{200, delivered}),
			out: "try 1: by push: no answer came back (connection refused)\nwaits: it is tried again, next at A\n" +
				"delivered: the agent took it\n",
		},
		"a message whose first try fails": {
			args: "send demo hello", answers: receipts(answer{200, failing}, answer{200, delivered}),
			out: "try 1: by push: no answer came back (connection refused)\nwaits: it is tried again, next at A\n" +
				"delivered: the agent took it\n",
		},
		"a probe that is refused while it is followed": {
			args: "probe demo", code: exitRefused,
			answers: map[string][]answer{
				"POST /workspaces/demo/probe": {{202, taken}}, receiptDemo: {{401, unknown}},
			},
			out: "m1 accepted", errs: "unknown credential (credential_unknown, HTTP 401)\n  next: log in",
		},
	} {
		t.Run(name, c.run)
	}
}

func TestATestOfAWebhook(t *testing.T) {
	const testW1 = "POST /webhooks/w1/test"
	const page = `{"webhook_id": "w1", "http_status": 200,
		"hint": "it answered a web page (text/html): is this the receiver?"}`
	for name, c := range map[string]commandTest{
		"taken": {
			args: "webhook test w1", answers: on(testW1, answer{200, `{"webhook_id": "w1", "http_status": 204}`}),
			out: "the receiver of w1 took it (HTTP 204)\n",
		},
		"a page": {
			args: "webhook test w1", answers: on(testW1, answer{200, page}),
			out: "the receiver of w1 took it (HTTP 200)\nit answered a web page (text/html): is this the receiver?\n",
		},
	} {
		t.Run(name, c.run)
	}
}

func TestRepair(t *testing.T) {
	shown := func(shown ...answer) map[string][]answer {
		return map[string][]answer{repairDemo: {{200, repaired}}, showDemo: shown}
	}
	const registered = `{"id": "demo", "status": "degraded", "reason": "credentials_rejected",
		"last_registered_at": "2099-01-01T00:00:00Z", "hint": "it does not use its new credential: restart it",
		"command": "rollcall explain demo"}`
	for name, c := range map[string]commandTest{
		"registered, and not back": {
			args: "repair demo --wait 200ms --time utc", answers: shown(answer{200, before}, answer{200, registered}),
			code: exitUnhealthy, errs: "rollcall: the agent registered at 2099-01-01T00:00:00Z, and is still degraded " +
				"(credentials_rejected) after 200ms: it does not use its new credential: restart it; rollcall explain demo\n",
		},
		"repaired": {
			args: "repair demo", answers: shown(), out: "1 credential revoked; bootstrap is open until ",
		},
		"what to do next": {args: "repair demo", answers: shown(), out: "\nnext: restart the agent\n"},
		"waited for": {
			args: "repair demo --wait 9s", answers: shown(answer{200, before}, answer{503, down}, answer{200, back}),
			out: "the agent registered at ", errs: "asking again\n",
		},
		"not back": {
			args: "repair demo --wait 200ms", answers: shown(answer{200, before}), code: exitUnhealthy,
			errs: "rollcall: the agent was not seen to register within 200ms: " +
				"restart it, then see whether it has: rollcall status demo\n",
		},
	} {
		t.Run(name, c.run)
	}
}

func TestStatus(t *testing.T) {
	const missing = `{"id": "demo", "status": "online", "reason": "healthy",
		"messages": {"accepted": 9, "delivered": 7, "missing": 2}}`
	const lost = `{"id": "demo", "status": "degraded", "reason": "push_failing", "faulty_hop": "network", "remarks": [
		{"code": "mail_lost", "text": "2 messages ended undelivered", "command": "rollcall redrive demo"}]}`
	const fleet = `{"workspaces": [` + before + `, ` + missing + `]}`
	for name, c := range map[string]commandTest{
		"mail that is missing": {
			args: "status demo", answers: on(showDemo, answer{200, missing}),
			out: "of 9 accepted: 7 delivered, 0 expired, 0 cancelled, 0 dead, 2 missing\n",
		},
		"mail that was lost": {
			args: "status demo", answers: on(showDemo, answer{200, lost}),
			out: "also          2 messages ended undelivered; rollcall redrive demo\n",
		},
		"mail that was lost, in the fleet": {
			args: "status", answers: on("GET /workspaces", answer{200, `{"workspaces": [` + lost + `]}`}),
			out: "\ndemo: 2 messages ended undelivered; rollcall redrive demo\n",
		},
		"the hop at fault": {
			args: "status demo", answers: on(showDemo, answer{200, lost}), out: "at fault      the network\n",
		},
		"who registered, and sent no heartbeat yet": {
			args: "status demo --time utc", answers: on(showDemo, answer{200, back}),
			out: "last heard    2020-01-01T00:00:01Z, when it registered; no heartbeat since\n",
		},
		"who registered, in the fleet": {
			args: "status --time utc", answers: on("GET /workspaces", answer{200, `{"workspaces": [` + back + `]}`}),
			out: " 2020-01-01T00:00:01Z\n",
		},
		"who only makes other calls, in the fleet": {
			args: "status --time utc",
			answers: on("GET /workspaces", answer{200, `{"workspaces": [{"id": "demo", "status": "online",
				"reason": "healthy", "last_heard_at": "2020-01-01T00:00:02Z"}]}`}),
			out: " 2020-01-01T00:00:02Z\n",
		},
		"who never registered": {
			args: "status demo", answers: on(showDemo, answer{200, `{"id": "demo", "status": "provisioning"}`}),
			out: "last heard    never: its agent has not registered yet\n",
		},
		"all online": {args: "status demo --check", answers: on(showDemo, answer{200, missing}), out: "online"},
		"one not online": {
			args: "status demo --check", answers: on(showDemo, answer{200, before}), code: exitUnhealthy,
			out: "degraded", errs: "rollcall: demo is degraded (credentials_rejected)\n",
		},
		"one of two not online": {
			args: "status --check", answers: on("GET /workspaces", answer{200, fleet}), code: exitUnhealthy,
			out: "degraded", errs: "rollcall: 1 of 2 are not online\n",
		},
		"none of a status": {
			args: "status --status paused", answers: on("GET /workspaces", answer{200, `{"workspaces": []}`}),
			out: "no workspace fits --status paused\n",
		},
	} {
		t.Run(name, c.run)
	}
}

func TestDismiss(t *testing.T) {
	commandTest{
		args: "dismiss demo", answers: on("POST /workspaces/demo/dismiss", answer{200, back}),
		out: "dismissed; demo is online (healthy)\n",
	}.run(t)
}

// An act that found the workspace as it was to be says so.
func TestAnActThatChangesNothingSaysSo(t *testing.T) {
	same := `{"id": "demo", "status": "online", "reason": "healthy", "unchanged": true}`
	for act, out := range map[string]string{
		"dismiss": "there was nothing to dismiss; demo is online (healthy)\n",
		"resume":  "demo is online (healthy); it was so before, and nothing is changed\n",
	} {
		commandTest{args: act + " demo", answers: on("POST /workspaces/demo/"+act, answer{200, same}), out: out}.run(t)
	}
}

func TestExplain(t *testing.T) {
	const explained = `{"workspace_id": "demo", "status": "online", "reason": "healthy", "summary": "It is well.",
		"remarks": [{"code": "mail_lost", "text": "2 messages ended undelivered", "command": "rollcall redrive demo"}]}`
	commandTest{
		args: "explain demo", answers: on(showDemo+"/explain", answer{200, explained}),
		out: "also: 2 messages ended undelivered\n      rollcall redrive demo\n",
	}.run(t)
}

func TestReceipts(t *testing.T) {
	const failed = `{"message_id": "m1", "state": "delivered", "reason": "its task failed", "attempts": [
		{"via": "push", "outcome": "task_failed", "text": "the agent took it, and said that its task failed",
		"error": "invalid x-api-key"}]}`
	commandTest{
		args: "receipts demo m1", answers: on(receiptDemo, answer{200, failed}),
		out: "by push: the agent took it, and said that its task failed (“invalid x-api-key”)\n",
	}.run(t)
}

// Tries that a receipt does not list are told.
func TestTriesThatAreNotListedAreTold(t *testing.T) {
	for tries, told := range map[string]string{
		"33": "tries     1 of 33 are listed: the first that failed, and the newest\n", "1": "try 1",
	} {
		commandTest{
			args: "receipts demo m1", answers: on(receiptDemo, answer{200, `{"message_id": "m1", "state": "queued", "tries": ` +
				tries + `, "attempts": [{"via": "push", "outcome": "failed"}]}`}), out: told,
		}.run(t)
	}
}

// A word that no command has after another one is told, and is no success: whatever the command before it is.
func TestNoSubcommandIsTakenForHelp(t *testing.T) {
	var walk func(c *cobra.Command, path string)
	walk = func(c *cobra.Command, path string) {
		for _, sub := range c.Commands() {
			own := strings.TrimSpace(path + " " + sub.Name())
			if sub.HasSubCommands() {
				commandTest{args: own + " nonsense", code: exitUsage, errs: `"nonsense"`}.run(t)
			}
			walk(sub, own)
		}
	}
	walk((&app{}).command(), "")
}

func TestWrongUsage(t *testing.T) {
	for name, c := range map[string]commandTest{
		"a time before now":    {args: "send demo hi --timeout -1s", errs: "a time like 90d, 12h or 30m"},
		"no time at all":       {args: "watch --every 0s", errs: "a time like 90d, 12h or 30m"},
		"no such command":      {args: "nonsense", errs: "see: rollcall --help\n"},
		"its name":             {args: "nonsense", errs: `unknown command "nonsense"`},
		"a name that is near":  {args: "statsu", errs: `"rollcall": did you mean status?` + "\n"},
		"names that are near":  {args: "problem", errs: `"rollcall": did you mean probe or problems?` + "\n"},
		"no such subcommand":   {args: "webhook show x", errs: `unknown command "show" for "rollcall webhook"` + "\n"},
		"one that is near":     {args: "token lst", errs: `"rollcall token": did you mean list?` + "\n"},
		"an argument less":     {args: "cancel demo", errs: "usage: rollcall cancel ID [MESSAGE…]"},
		"no such output":       {args: "status -o xml", errs: `must be one of: table, json`},
		"a limit of 0":         {args: "audit --limit 0", errs: "--limit must be at least 1"},
		"no such status":       {args: "status --status dead", errs: "must be one of: online, degraded, offline"},
		"no such state":        {args: "receipts demo --state lost", errs: "must be one of: queued, in_flight"},
		"no such mode":         {args: "create --mode pull", errs: "must be one of: push, poll"},
		"remove without --yes": {args: "remove demo", errs: "rollcall remove demo --yes\n"},
		"no scheme":            {args: "status --url localhost:80", errs: "must begin with http:// or https://"},
	} {
		c.code = exitUsage
		t.Run(name, c.run)
	}
}

func TestRemove(t *testing.T) {
	removed := on("DELETE /workspaces/demo", answer{200, `{"id": "demo", "status": "removed"}`})
	for name, c := range map[string]commandTest{
		"removed": {args: "remove demo --yes", answers: removed, out: "demo is removed\n"},
		"purged": {
			args: "remove demo --yes --purge", answers: removed,
			out: "demo is removed; its mail, log, history and profile are erased within two minutes\n",
		},
	} {
		t.Run(name, c.run)
	}
}

// A bill needs no platform, and a workload that can't be is refused.
func TestCost(t *testing.T) {
	for name, c := range map[string]commandTest{
		"a bill":           {args: "cost --agents 100000 --pollers-beat", out: "34,620 million calls × $1 falling"},
		"other means":      {args: "cost", out: "a server on Fargate with Postgres"},
		"as JSON":          {args: "cost -o json", out: `"total_usd"`},
		"more than all":    {args: "cost --polling 1.5", code: exitUsage, errs: "--polling must be from 0 to 1, not 1.5"},
		"without an agent": {args: "cost --agents 0", code: exitUsage, errs: "--agents must be from 1"},
		"an idle poll":     {args: "cost --poll 0s", code: exitUsage, errs: "at least 1s"},
	} {
		t.Run(name, c.run)
	}
}
