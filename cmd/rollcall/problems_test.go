package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/workspace"
)

// row is a workspace of a fleet with a verdict.
func row(
	id string, status workspace.Status, reason workspace.Reason, since time.Time, remarks ...api.Remark,
) api.Workspace {
	return judged(api.Workspace{ID: id, Verdict: api.Verdict{
		Status: status, Reason: reason, Since: since, Hint: "a hint for " + id, Command: "rollcall mend " + id,
		Remarks: remarks,
	}}, time.Now())
}

// judged is a workspace with what the platform says of its problem at now.
func judged(ws api.Workspace, now time.Time) api.Workspace {
	v := workspace.Verdict{Status: ws.Status, Reason: ws.Reason, Since: ws.Since, Hop: ws.Hop}
	ws.Problem, _ = workspace.ProblemOf(v, ws.Inbox.Queued+ws.Inbox.InFlight, now)
	return ws
}

// holding is a workspace with mail.
func holding(ws api.Workspace, queued, inFlight int64) api.Workspace {
	ws.Inbox.Queued, ws.Inbox.InFlight = queued, inFlight
	return judged(ws, time.Now())
}

// refusedOnly is a workspace of which no call was accepted yet, and some were refused.
func refusedOnly(id string, since time.Time) api.Workspace {
	ws := row(id, workspace.StatusProvisioning, workspace.ReasonNeverRegistered, since)
	ws.Hop = workspace.HopCredential
	return judged(ws, time.Now())
}

// However many workspaces that never registered are refused, they are one line, after what is wrong with agents that
// did: whoever knows ids can make such calls. Of a single one it is told what its verdict says.
func TestRefusedNamesAreOneProblem(t *testing.T) {
	now := time.Now()
	for _, n := range []int{1, 2, 50} {
		fleet := []api.Workspace{row("z-failing", workspace.StatusDegraded, workspace.ReasonPushFailing, now)}
		for i := range n {
			fleet = append(fleet, refusedOnly(fmt.Sprintf("a%02d", i), now))
		}
		found := problemsOf(fleet, filter{}, false)
		if len(found) != 2 || found[0].Workspaces[0] != "z-failing" || len(found[1].Workspaces) != n {
			t.Fatalf("%d: %+v", n, found)
		}
		want := "rollcall problems --each --reason never_registered"
		if n == 1 {
			want = "rollcall mend a00" // the one of its verdict, as in the console
		}
		if found[1].Command != want || len(found[1].Text) > 200 {
			t.Errorf("%d: %+v", n, found[1])
		}
	}
}

// The worst comes first, what many share is one line, and what an operator wants so is no problem.
func TestProblemsOf(t *testing.T) {
	now := time.Now()
	lost := api.Remark{
		Code: "mail_lost", Text: "1 message ended undelivered; first see what ended it", Command: "rollcall redrive b-lost",
	}
	held := holding(row("m-held", workspace.StatusPaused, workspace.ReasonPaused, now), 2, 0)
	created := holding(row("n-created", workspace.StatusProvisioning, workspace.ReasonNeverRegistered, now), 1, 0)
	failing := holding(row("h-failing", workspace.StatusDegraded, workspace.ReasonPushFailing, now), 2, 1)
	found := problemsOf([]api.Workspace{
		held, created, failing,
		row("a-well", workspace.StatusOnline, workspace.ReasonHealthy, now),
		row("b-lost", workspace.StatusOnline, workspace.ReasonHealthy, now, lost),
		row("c-old", workspace.StatusOffline, workspace.ReasonLeaseExpired, now.Add(-100*time.Hour)),
		row("d-old", workspace.StatusOffline, workspace.ReasonLeaseExpired, now.Add(-200*time.Hour)),
		row("e-new", workspace.StatusOffline, workspace.ReasonLeaseExpired, now.Add(-time.Hour)),
		row("f-paused", workspace.StatusPaused, workspace.ReasonPaused, now),
		row("g-removed", workspace.StatusRemoved, workspace.ReasonRemoved, now),
		row("i-refused", workspace.StatusDegraded, workspace.ReasonCredentialsRejected, now),
		row("j-silent", workspace.StatusUnknown, workspace.ReasonPlatformSuspect, now),
		row("k-silent", workspace.StatusUnknown, workspace.ReasonPlatformSuspect, now),
		row("l-new", workspace.StatusProvisioning, workspace.ReasonNeverRegistered, now),
		refusedOnly("o-refused", now), refusedOnly("p-refused", now),
	}, filter{}, false)
	var b strings.Builder
	problemsReport(&printer{Writer: &b, now: time.Now()}, found, filter{})
	const want = `the platform may be what is wrong with 2 workspaces (j-silent, k-silent): a hint for j-silent
    rollcall mend j-silent
i-refused is degraded (credentials_rejected) for 0s: a hint for i-refused
    rollcall mend i-refused
h-failing is degraded (push_failing) for 0s: a hint for h-failing; waiting: 3 messages
    rollcall mend h-failing
e-new is offline (lease_expired) for 1h: a hint for e-new
    rollcall mend e-new
b-lost: 1 message ended undelivered; first see what ended it
    rollcall redrive b-lost
calls are refused in the name of 2 workspaces (o-refused, p-refused), of which none was accepted yet; ` +
		`this says of each why, and what to do:
    rollcall problems --each --reason never_registered
n-created is provisioning (never_registered) for 0s: waiting for an agent of which no call was accepted yet: ` +
		`1 message; a hint for n-created
    rollcall mend n-created
m-held is paused (paused) for 0s: waiting until it is resumed: 2 messages
    rollcall mend m-held
2 workspaces (c-old, d-old) silent for more than three days; this says of each why, and what to do:
    rollcall problems --each --status offline
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// Where several credentials are refused, the last line mends them together, and keeps to what was asked for.
func TestProblemsThatOneCommandMends(t *testing.T) {
	now := time.Now()
	for n, want := range map[int]string{
		1: "", 2: "2 of these are refused credentials that a repair mends; what a repair of all would do:\n" +
			"    rollcall repair --dry-run --reason credentials_rejected --team search\n",
	} {
		var fleet []api.Workspace
		for i := range n {
			id := string(rune('a' + i))
			ws := row(id, workspace.StatusDegraded, workspace.ReasonCredentialsRejected, now)
			ws.Command = "rollcall repair " + id
			fleet = append(fleet, ws)
		}
		only := filter{team: "search"}
		var b strings.Builder
		problemsReport(&printer{Writer: &b, now: now}, problemsOf(fleet, only, false), only)
		if _, after, _ := strings.Cut(b.String(), "rollcall repair "+string(rune('a'+n-1))+"\n"); after != want {
			t.Errorf("%d: %q", n, b.String())
		}
	}
}

// A time that was asked for is said as such, and an age as how long it has been so.
func TestHowLongAProblemLasts(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	for clock, want := range map[string]string{
		"": "for 5m", clockRelative: "for 5m", clockUTC: "since 2026-01-31T11:55:00Z",
	} {
		if got := (&printer{clock: clock, now: now}).lasting(now.Add(-5 * time.Minute)); got != want {
			t.Errorf("%q: %s, want %s", clock, got, want)
		}
	}
	if got := some([]string{"a", "b", "c", "d", "e", "f", "g"}); got != "a, b, c, d, e and 2 more" {
		t.Error(got)
	}
}

func TestProblems(t *testing.T) {
	const healthy, silent = `{"status": "ok"}`, `{"status": "degraded", "sweeper": "the last sweep ended 9m ago"}`
	const well = `{"workspaces": [{"id": "demo", "status": "online", "reason": "healthy"}]}`
	const refused = `{"workspaces": [{"id": "demo", "status": "degraded", "reason": "credentials_rejected",
		"problem": "own", "hint": "repair it", "command": "rollcall repair demo"}]}`
	platform := func(health, fleet string) map[string][]answer {
		return map[string][]answer{
			"GET /healthz": {{200, health}}, "GET /workspaces": {{200, fleet}}, "GET /webhooks": {{200, `{"webhooks": []}`}},
		}
	}
	hooks := func(status int, body string) map[string][]answer {
		with := platform(healthy, well)
		with["GET /webhooks"] = []answer{{status, body}}
		return with
	}
	for name, c := range map[string]commandTest{
		"none": {args: "problems", answers: platform(healthy, well), out: "nothing is wrong\n"},
		"a refused credential": {
			args: "problems", answers: platform(healthy, refused), code: exitUnhealthy, out: "    rollcall repair demo\n",
			errs: "rollcall: 1 of 1 workspaces needs a hand\n",
		},
		"the sweeper is silent": {
			args: "problems", answers: platform(silent, well), code: exitUnhealthy,
			out: "the platform is degraded: the last sweep ended 9m ago\n    rollcall sweep\n", errs: "1 problem",
		},
		"as JSON, none": {args: "problems -o json", answers: platform(healthy, well), out: "[]\n"},
		"a filter that leaves out what is wrong": {
			args: "problems --status offline --selector mode=poll", answers: platform(healthy, refused),
			out: "nothing is wrong with those of --status offline --selector mode=poll\n",
		},
		"a filter that keeps it": {
			args: "problems --selector id=d*", answers: platform(healthy, refused), code: exitUnhealthy,
			out: "rollcall repair demo\n", errs: "1 of 1 workspaces needs a hand\n",
		},
		"a filter, and the platform is wrong": {
			args: "problems --reason busy", answers: platform(silent, well), code: exitUnhealthy,
			out: "the platform is degraded", errs: "1 problem\n",
		},
		"a webhook that fails": {
			args: "problems", code: exitUnhealthy, errs: "rollcall: 1 problem\n",
			answers: hooks(200, `{"webhooks": [{"webhook_id": "a1", "url": "https://hooks.example.com/x",
				"state": "failing", "problem": "it fails: HTTP 503", "command": "rollcall webhook test a1"},
				{"webhook_id": "b2"}]}`),
			out: "the webhook a1 to hooks.example.com: it fails: HTTP 503\n    rollcall webhook test a1\n",
		},
		"two webhooks of one host": {
			args: "problems", code: exitUnhealthy, errs: "rollcall: 2 problems\n",
			answers: hooks(200, `{"webhooks": [
				{"webhook_id": "a1", "url": "https://h.example/services/T0/abcdef123456?key=secret", "problem": "it fails"},
				{"webhook_id": "b2", "url": "https://h.example/b", "problem": "it fails"}]}`),
			out: "the webhook a1 to h.example/…123456: it fails\nthe webhook b2 to h.example/b: it fails\n",
		},
		"one who may not see webhooks": {
			args: "problems", out: "nothing is wrong\n",
			answers: hooks(403, `{"error": "needs the scope operate", "code": "scope_too_small", "hint": ""}`),
		},
		"nobody who is signed in": {
			args: "problems", out: "nothing is wrong\n",
			answers: hooks(401, `{"error": "a credential is needed", "code": "credential_required", "hint": ""}`),
		},
		"webhooks that can't be read": {
			args: "problems", code: exitUnhealthy, errs: "1 problem\n", out: "the webhooks can't be read: ",
			answers: hooks(503, down),
		},
		"a filter that nobody can fit": {
			args: "problems --team gren", answers: platform(silent, well), code: exitUsage,
			errs: "rollcall: no workspace fits --team gren; there are no teams\n",
		},
	} {
		t.Run(name, c.run)
	}
}

// The command that tells each that has long been silent tells those that were asked for.
func TestTheCommandOfManyKeepsTheFilter(t *testing.T) {
	old := []api.Workspace{
		row("a", workspace.StatusOffline, workspace.ReasonLeaseExpired, time.Time{}),
		row("b", workspace.StatusOffline, workspace.ReasonCredentialsRejected, time.Time{}),
	}
	found := problemsOf(old, filter{team: "red", selector: "name=a b*"}, false)
	const want = "rollcall problems --each --status offline --team red --selector 'name=a b*'"
	if len(found) != 1 || found[0].Command != want {
		t.Errorf("%+v, want %s", found, want)
	}
}
