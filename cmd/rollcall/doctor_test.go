package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/visible"
	"github.com/rollcall/rollcall/shared/workspace"
)

// examined runs doctor, and returns what it found by link and the program's exit code.
func examined(t *testing.T, h http.Handler, args ...string) (diagnosis, int) {
	t.Helper()
	t.Setenv("ROLLCALL_ID", "")
	t.Setenv("ROLLCALL_TOKEN_FILE", "")
	code, out, errs := rollcall(t.Context(), t, h, append([]string{"doctor", "-o", "json"}, args...)...)
	var v diagnosis
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("%v: %s%s", err, out, errs)
	}
	return v, code
}

// is is what was found of a link; "": nothing.
func (v diagnosis) is(link string) health {
	for _, f := range v.Findings {
		if f.Link == link {
			return f.Is
		}
	}
	return ""
}

// rightNow is a time as the platform writes it.
func rightNow(off time.Duration) string { return time.Now().Add(off).UTC().Format(time.RFC3339) }

// seenAgent is a workspace that is well, or as more says.
func seenAgent(more string) string {
	return `{"id": "demo", "status": "online", "reason": "healthy", "last_registered_at": "` + rightNow(-time.Hour) +
		`", "last_heartbeat_at": "` + rightNow(-time.Second) +
		`", "last_heard_at": "` + rightNow(-time.Second) + `", "lease_until": "` + rightNow(time.Minute) +
		`", "delivery": {"effective_mode": "poll"}` + more + `}`
}

// held is the platform's answer to a credential.
func held(state, workspace string) string {
	return `{"workspace_id": "demo", "credential": "` + state + `", "from": "10.0.0.7", "at": "` + rightNow(0) +
		`", "workspace": ` + workspace + `}`
}

func examinedPlatform(routes map[string]answer) *platform {
	all := map[string][]answer{"GET /healthz": {{200, `{"status": "ok"}`}}}
	for route, a := range routes {
		all[route] = []answer{a}
	}
	return &platform{answers: all}
}

// Each fault is found at its link, and nothing behind it is blamed.
func TestDoctorNamesTheFirstBrokenLink(t *testing.T) {
	const inspect, show = "GET /registry/credential", "GET /workspaces/demo"
	credential, _ := token.Mint(token.Workspace)
	good := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(good, []byte(credential+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	short := filepath.Join(t.TempDir(), "token")
	twoLines := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(twoLines, []byte(credential+"\nextra\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	quoted := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(quoted, []byte(`"`+credential+`"`), 0o600); err != nil {
		t.Fatal(err)
	}
	unreplaced := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(unreplaced, []byte("$ROLLCALL_TOKEN"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(short, []byte(credential[:30]), 0o600); err != nil {
		t.Fatal(err)
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer closed.Close()
	open := closed.Addr().String()
	unused, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	unused.Close()
	pushed := func(address, verdict string) string {
		return seenAgent(`, "url": "http://` + address + `/a2a"` + verdict + `, "delivery": {"effective_mode": "push"}`)
	}
	const failing = `, "status": "degraded", "reason": "push_failing", "hint": "it can't be reached"`
	const refused = `{"error": "good no more", "code": "credential_unknown", "hint": "rollcall repair demo"}`
	for name, c := range map[string]struct {
		routes map[string]answer
		file   string
		args   []string
		broken string // "": none
		next   string
		says   string
		lacks  string // a link that isn't looked at
	}{
		"all is well":   {routes: map[string]answer{inspect: {200, held("in_use", seenAgent(""))}}, file: good},
		"not used yet":  {routes: map[string]answer{inspect: {200, held("not_used_yet", seenAgent(""))}}, file: good},
		"no credential": {routes: map[string]answer{show: {200, seenAgent("")}}, args: []string{"demo"}},
		"no id":         {lacks: "register"},
		"no such id": {
			routes: map[string]answer{show: {404, `{"error": "no workspace has this id", "hint": "create it"}`}},
			args:   []string{"demo"}, broken: "register", next: "create it",
		},
		"not to be seen": {
			routes: map[string]answer{show: {401, `{"error": "this call needs a person's credential"}`}}, args: []string{"demo"},
		},
		"the store": {
			routes: map[string]answer{"GET /healthz": {503, `{"status": "down"}`}}, broken: "platform", lacks: "clock",
		},
		"the platform's own refusal": {
			routes: map[string]answer{"GET /healthz": {503, `{"error": "the store can't be asked",
				"code": "platform_unavailable", "hint": "try again after the time in Retry-After", "retry_after": 3}`}},
			broken: "platform", lacks: "clock", says: "it answers: the store can't be asked (platform_unavailable, HTTP 503)",
			next: "try again after 3s",
		},
		"another server": {
			routes: map[string]answer{"GET /healthz": {200, `<html>`}}, broken: "platform", next: "the platform's address",
		},
		"a lost file": {
			routes: map[string]answer{show: {200, seenAgent("")}}, file: good + ".not", args: []string{"demo"},
			broken: "credential", next: "rollcall repair demo",
		},
		"a short file": {file: short, broken: "credential", next: "--show", says: "cut off: 30 of 72", lacks: "register"},
		"a file of a quoted one": {
			file: quoted, broken: "credential", next: "place the credential alone", says: "it stands in quotation marks",
		},
		"a file of a variable's name": {
			routes: map[string]answer{inspect: {401, refused}}, file: unreplaced, broken: "credential",
			next: "place the credential alone", says: "the name of a variable",
		},
		"a file that is a directory": {
			file: filepath.Dir(good), broken: "credential", next: "name the file", says: "is a directory",
		},
		"a lost file of a workspace that there is not": {
			routes: map[string]answer{show: {404, `{"error": "no such", "code": "workspace_unknown", "hint": "create it"}`}},
			file:   good + ".not", args: []string{"demo"}, broken: "credential", next: "create it",
		},
		"a file of two lines": {
			file: twoLines, broken: "credential", next: "--show", says: "more than one word",
		},
		"a refused credential": {
			routes: map[string]answer{inspect: {401, refused}}, file: good, broken: "credential", next: "rollcall repair demo",
		},
		"another's credential": {
			routes: map[string]answer{inspect: {200, held("in_use", seenAgent(""))}}, file: good, args: []string{"other"},
			broken: "credential", next: "the id demo", lacks: "heartbeat", // demo's is none of other's
		},
		"another's credential, and the platform tells of this one": {
			routes: map[string]answer{
				inspect: {200, held("in_use", seenAgent(""))}, "GET /workspaces/other": {200, seenAgent(`, "id": "other",
				"status": "degraded", "reason": "credentials_rejected", "command": "rollcall repair other --show"`)},
			},
			file: good, args: []string{"other"}, broken: "credential", next: "rollcall repair other --show",
		},
		"a refused credential, where the verdict names the repair": {
			routes: map[string]answer{inspect: {401, refused}, show: {200, seenAgent(`, "status": "degraded",
				"reason": "credentials_rejected", "command": "rollcall repair demo --from 10.0.0.7"`)}},
			file: good, args: []string{"demo"}, broken: "credential", next: "rollcall repair demo --from 10.0.0.7",
		},
		"another's credential, which has ended": {
			routes: map[string]answer{
				inspect: {401, `{"error": "no longer accepted", "code": "credential_unknown", "id": "other"}`},
			},
			file: good, args: []string{"demo"}, broken: "credential", next: "its own credential",
			says: "it was other's, and ended; it never was demo's",
		},
		"a clause about this command begins a sentence": {
			routes: map[string]answer{show: {200, seenAgent(`, "status": "degraded", "reason": "inbox_unattended",
				"hint": "they may be swapped. Whose it is, rollcall doctor demo says; if it is lost, look. Else stop",
				"command": "rollcall doctor demo"`)}},
			args: []string{"demo"}, broken: "mail", next: "they may be swapped. If it is lost, look. Else stop",
		},
		"a credential of a removed workspace": {
			routes: map[string]answer{inspect: {410, `{"error": "removed", "code": "workspace_removed", "hint": "again"}`}},
			file:   good, args: []string{"demo"}, broken: "credential", next: "rollcall create demo",
		},
		"a person's credential in the agent's file": {
			routes: map[string]answer{inspect: {403, `{"error": "a person's", "code": "credential_of_another", "hint": "no"}`}},
			file:   good, args: []string{"demo"}, broken: "credential", next: "rollcall repair demo --show",
		},
		"never registered": {
			routes: map[string]answer{show: {200, `{"id": "demo", "status": "provisioning", "reason": "never_registered"}`}},
			args:   []string{"demo"}, broken: "register", next: "start the agent", lacks: "heartbeat",
		},
		"never registered, with an enrolment token for other ids": {
			routes: map[string]answer{show: {200, `{"id": "demo", "status": "provisioning", "reason": "never_registered",
				"hint": "start it with a token for this id (rollcall enrol demo); rollcall doctor demo, run there, helps",
				"command": "rollcall doctor demo"}`}},
			args: []string{"demo"}, broken: "register", next: "(rollcall enrol demo)", lacks: "run there",
		},
		"boots are refused": {
			routes: map[string]answer{show: {200, seenAgent(`, "status": "degraded", "reason": "credentials_rejected",
				"command": "rollcall repair demo"`)}},
			args: []string{"demo"}, broken: "register", next: "rollcall repair demo",
		},
		"silence": {
			routes: map[string]answer{show: {200, seenAgent(`, "lease_until": "2026-01-31T12:00:00Z",
				"status": "offline", "reason": "lease_expired", "hint": "restart it"`)}},
			args: []string{"demo"}, broken: "heartbeat", next: "restart it",
		},
		"nobody polls": {
			routes: map[string]answer{show: {200, seenAgent(`, "status": "degraded", "hint": "poll",
				"reason": "inbox_unattended"`)}},
			args: []string{"demo"}, broken: "mail", next: "poll",
		},
		"a firewall": {
			routes: map[string]answer{show: {200, pushed(open, failing)}}, args: []string{"demo"}, broken: "mail",
			next: "it can't be reached",
		},
		"nobody polls, as the platform says it": {
			routes: map[string]answer{show: {200, seenAgent(`, "status": "degraded", "reason": "inbox_unattended",
				"hint": "poll; rollcall doctor demo, run where the agent runs, says what keeps it away",
				"command": "rollcall doctor demo"`)}},
			args: []string{"demo"}, broken: "mail", next: "poll",
		},
		"a call that is overdue": {
			routes: map[string]answer{show: {200, seenAgent(`, "expected": "retrying", "last_heard_at": "` +
				rightNow(-50*time.Second) + `", "lease_until": "` + rightNow(40*time.Second) + `"`)}},
			args: []string{"demo"}, says: "{Link:heartbeat Is:warning", // and not ok
		},
		"a failed push, and calls that are not overdue": {
			routes: map[string]answer{show: {200, seenAgent(`, "expected": "retrying"`)}},
			args:   []string{"demo"}, says: "{Link:heartbeat Is:ok",
		},
		"a wedged runtime": {
			routes: map[string]answer{show: {200, seenAgent(`, "status": "degraded", "hint": "restart it",
				"reason": "runtime_wedged"`)}},
			args: []string{"demo"}, broken: "status", next: "restart it",
		},
	} {
		t.Run(name, func(t *testing.T) {
			args := c.args
			if c.file != "" {
				args = append(slices.Clone(args), "--credential-file", c.file)
			}
			v, code := examined(t, examinedPlatform(c.routes), args...)
			want := map[bool]int{true: 0, false: exitUnhealthy}[c.broken == ""]
			if v.Broken != c.broken || !strings.Contains(v.Next, c.next) || code != want {
				t.Errorf("exit %d, %+v", code, v)
			}
			if strings.Contains(v.Next, "rollcall doctor") {
				t.Errorf("it says to run what is run: %s", v.Next)
			}
			if all := fmt.Sprintf("%+v", v); !strings.Contains(all, c.says) || strings.Contains(all, credential[13:]) {
				t.Errorf("want %q, and nothing of the credential: %s", c.says, all)
			}
			if c.lacks != "" && v.is(c.lacks) != "" {
				t.Errorf("%s was looked at: %+v", c.lacks, v)
			}
		})
	}
	t.Run("where nothing listens", func(t *testing.T) {
		v, _ := examined(t, examinedPlatform(map[string]answer{show: {200, pushed(unused.Addr().String(), failing)}}), "demo")
		if v.is("url") != broken || v.is("mail") != broken {
			t.Errorf("%+v", v)
		}
	})
}

// What may be broken is not said to be well: the last line names each link of which there is a warning.
func TestDoctorSaysOfWhichLinkItIsNotCertain(t *testing.T) {
	unused, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	unused.Close()
	well := seenAgent(`, "url": "http://` + unused.Addr().String() + `/a2a", "delivery": {"effective_mode": "push"}`)
	p := examinedPlatform(map[string]answer{"GET /workspaces/demo": {200, well}})
	code, out, errs := rollcall(t.Context(), t, p, "doctor", "demo")
	if code != 0 || !strings.Contains(out, "connection refused") ||
		!strings.Contains(out, "broken for certain; see the warnings") || !strings.Contains(out, "next: look whether") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	rapid.Check(t, func(t *rapid.T) {
		var v diagnosis
		v.Workspace = rapid.SampledFrom([]string{"", "demo"}).Draw(t, "workspace")
		var doubtful []string
		for _, link := range []string{"name", "tls", "url"} {
			is := rapid.SampledFrom([]health{healthy, warning, skipped}).Draw(t, link)
			v.Findings = append(v.Findings, finding{Link: link, Is: is})
			if is == warning {
				doubtful = append(doubtful, link)
			}
		}
		var b strings.Builder
		v.print(&printer{Writer: &b})
		certain := strings.Contains(b.String(), "for certain; see the warnings: "+strings.Join(doubtful, ", "))
		if certain == (doubtful == nil) || !strings.Contains(b.String(), "nothing that was looked at is broken") {
			t.Fatal(b.String())
		}
	})
}

// Doctor only looks: no call of it changes anything, and none but one uses the agent's credential.
func TestDoctorDisturbsNobody(t *testing.T) {
	credential, _ := token.Mint(token.Workspace)
	calls := map[string]string{} // the credential by call
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls[r.Method+" "+r.URL.Path] = r.Header.Get("Authorization")
		switch r.URL.Path {
		case "/healthz":
			_, _ = io.WriteString(w, `{"status": "ok"}`)
		case "/registry/credential":
			_, _ = io.WriteString(w, held("in_use", seenAgent("")))
		}
	})
	server := httptest.NewServer(h)
	defer server.Close()
	t.Setenv("ROLLCALL_URL", server.URL)
	t.Setenv("ROLLCALL_TOKEN", credential+"\n") // in the agent's own environment
	code := run(t.Context(), []string{"doctor", "--probe"}, nil, io.Discard, io.Discard)
	want := map[string]string{"GET /healthz": "", "GET /registry/credential": "Bearer " + credential}
	if code != 0 || len(calls) != len(want) || calls["GET /registry/credential"] != want["GET /registry/credential"] ||
		calls["GET /healthz"] != "" {
		t.Errorf("exit %d, %v", code, calls)
	}
}

// What lies between this machine and the platform is told apart.
func TestDoctorOnTheWay(t *testing.T) {
	t.Setenv("ROLLCALL_TOKEN", "")
	t.Setenv("ROLLCALL_ID", "")
	t.Setenv("ROLLCALL_TOKEN_FILE", "")
	h := examinedPlatform(nil)
	plain := httptest.NewServer(h)
	defer plain.Close()
	secure := httptest.NewUnstartedServer(h)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // the refused handshake
	secure.StartTLS()
	defer secure.Close()
	unused, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	unused.Close()
	_, port, err := net.SplitHostPort(plain.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ url, broken, next string }{
		"no such name":             {"http://no-such-host.invalid:" + port, "name", "spelt"},
		"nothing listens":          {"http://" + unused.Addr().String(), "connection", "nothing listens there"},
		"an unknown authority":     {secure.URL, "tls", "trusts its authority"},
		"no TLS where it is asked": {"https://127.0.0.1:" + port, "tls", "for https"},
		"a good way":               {plain.URL, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, errs := rollcallAt(t, c.url, "doctor", "-o", "json")
			var v diagnosis
			if err := json.Unmarshal([]byte(out), &v); err != nil {
				t.Fatalf("%v: %s%s", err, out, errs)
			}
			if v.Broken != c.broken || !strings.Contains(v.Next, c.next) || (code == 0) != (c.broken == "") {
				t.Errorf("exit %d, %+v", code, v)
			}
		})
	}
}

func TestDoctorComparesClocks(t *testing.T) {
	for off, want := range map[time.Duration]health{
		0: healthy, time.Minute: warning, -time.Minute: warning, 230 * time.Second: warning, -230 * time.Second: warning,
		245 * time.Second: broken, -245 * time.Second: broken, 10 * time.Minute: broken, -10 * time.Minute: broken,
	} {
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(off).UTC().Format(http.TimeFormat))
			_, _ = io.WriteString(w, `{"status": "ok"}`)
		})
		if v, _ := examined(t, h); v.is("clock") != want {
			t.Errorf("%s: %+v", off, v)
		}
	}
}

// Two clocks that agree are said to agree, whenever in the call the platform wrote its date; of two that differ, what
// is said is true to within what one call can tell.
func TestTheNoiseOfOneCallIsNoDifferenceOfClocks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(most time.Duration, what string) time.Duration {
			return time.Duration(rapid.Int64Range(0, int64(most)).Draw(t, what))
		}
		began := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC).Add(draw(time.Second, "begins"))
		took := draw(3*time.Second, "takes")
		ahead := draw(2*time.Minute, "ahead") - time.Minute
		if rapid.Bool().Draw(t, "they agree") {
			ahead = 0
		}
		wrote := began.Add(time.Duration(rapid.Int64Range(0, int64(took)).Draw(t, "writes its date"))).Add(-ahead)
		off, unsure := clockOff(wrote.Truncate(time.Second), began, took)
		says := clockWords(off, unsure)
		agrees := strings.Contains(says, "agree")
		if (off-ahead).Abs() > unsure || unsure > (took+1)/2+time.Second/2 {
			t.Fatalf("%s ahead, and it is off by %s, give or take %s", ahead, off, unsure)
		}
		if ahead == 0 && !agrees || ahead.Abs() > 2*unsure && agrees {
			t.Fatalf("%s ahead: %s", ahead, says)
		}
		if side := map[bool]string{true: "ahead of", false: "behind"}[ahead > 0]; !agrees && !strings.Contains(says, side) {
			t.Fatalf("%s ahead: %s", ahead, says)
		}
	})
}

// A probe of doctor is followed until a try has failed, and no longer; what came back is told.
func TestAProbeOfDoctorEndsAtItsFirstAnswer(t *testing.T) {
	const failing = `{"message_id": "m1", "state": "queued", "reason": "the agent could not be reached", "tries": 1,
		"last_error": "connection refused", "attempts": [{"via": "push", "outcome": "unreachable"}]}`
	began := time.Now()
	v, code := examined(t, examinedPlatform(map[string]answer{
		"GET /workspaces/demo": {200, seenAgent("")}, "POST /workspaces/demo/probe": {202, taken},
		receiptDemo: {200, failing},
	}), "demo", "--probe")
	for _, f := range v.Findings {
		if f.Link == "probe" && f.Text != "it did not arrive: the agent could not be reached (connection refused)" {
			t.Errorf("%+v", f)
		}
	}
	if v.is("probe") != broken || code != exitUnhealthy || time.Since(began) > probePatience/2 {
		t.Errorf("after %s, exit %d: %+v", time.Since(began), code, v)
	}
}

// Whatever answers in place of the platform, doctor shows its texts with their control characters as escapes.
func TestDoctorShowsWhatAStrangerWrites(t *testing.T) {
	const hostile = "x\x1b[2J\x07\r\u202e\nrollcall login https://evil"
	answer := map[string]any{
		"status": hostile, "reason": hostile, "hint": hostile, "sentence": hostile, "next_command": hostile,
		"url": "http://[" + hostile, "error": hostile, "code": hostile, "workspace_id": hostile,
		"id": hostile, "name": hostile,
		"kind": hostile, "team": hostile, "last_error": hostile, "evidence": []any{map[string]any{"fact": hostile}},
		"delivery": map[string]any{"effective_mode": hostile, "why": hostile, "last_error": hostile}, "version": hostile,
	}
	for _, status := range []int{200, 201, 400, 401, 403, 404, 500, 503} {
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(answer)
		})
		file := filepath.Join(t.TempDir(), "credential")
		if err := os.WriteFile(file, []byte("rcw_abc"), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"doctor"}, {"doctor", "agent-7"}, {"doctor", "agent-7", "--credential-file", file}} {
			_, stdout, stderr := rollcall(t.Context(), t, h, args...)
			all := stdout + stderr
			if strings.ContainsAny(all, "\x1b\x07\r\u202e") || strings.Contains(all, "\nrollcall login https://evil") {
				t.Errorf("HTTP %d, %v: %q", status, args, all)
			}
		}
	}
}

// Whatever came back from an agent's URL, doctor says what is to be done, and never to run doctor.
func TestDoctorNeverNamesItself(t *testing.T) {
	p := workspace.DefaultPolicy()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for _, fault := range workspace.PushFaults() {
		for _, heard := range []time.Duration{time.Second, 40 * time.Second} {
			f := workspace.Facts{}
			f.ID, f.CreatedAt, f.RegisteredAt = "demo", now.Add(-time.Hour), now.Add(-time.Hour)
			f.Credential, f.Pushable = token.Digest("x"), true
			f.HeartbeatAt, f.LeaseUntil = now.Add(-heard), now.Add(p.LeaseTTL-heard)
			f.Open, f.OldestOpen = 1, now.Add(-50*time.Second)
			f.PushFailures, f.PushFault, f.PushError = 3, fault, "a; b. rollcall doctor c; d"
			f.PushFailingSince, f.PushFailedAt, f.TriedAt = now.Add(-50*time.Second), now, now
			v := workspace.Assess(f, p, now)
			d := doctor{ws: &api.Workspace{}}
			d.ws.Hint, d.ws.Command = v.Hint, v.Command(f.ID)
			got := d.remedy()
			if v.Reason != workspace.ReasonPushFailing || !strings.Contains(got, "failed (“") {
				t.Errorf("%s: %s: %q", fault, v.Reason, got)
			}
			if _, _, found := visible.CutUnquoted(got, "rollcall doctor"); found {
				t.Errorf("%s: %q", fault, got)
			}
		}
	}
}

// A machine whose clock is right, and an agent whose clock the platform found to be wrong: it is the process that has
// another one. Words that the agent wrote are no measure.
func TestDoctorTellsTheClockOfTheAgentsProcess(t *testing.T) {
	const measured = "its clock is 10m0s behind, and it answered HTTP 401"
	for why, want := range map[string]health{
		measured: broken, "HTTP 401: " + measured: healthy, "HTTP 401": healthy,
	} {
		hint := "the last 3 deliveries to the agent's URL failed (" + visible.Quoted(why) + "): set it; rollcall doctor demo"
		seen := seenAgent(`, "status": "degraded", "reason": "push_failing", "command": "rollcall doctor demo",
			"hint": "` + hint + `"`)
		v, _ := examined(t, examinedPlatform(map[string]answer{"GET /workspaces/demo": {200, seen}}), "demo")
		if v.is("clock") != want || strings.Contains(v.Next, "rollcall doctor") {
			t.Errorf("%s: %+v", why, v)
		}
		if want == broken && !strings.Contains(v.Next, "the agent's process reads") {
			t.Errorf("next: %s", v.Next)
		}
	}
}

// Who has an enrolment token in place of a credential is told where it goes, and places no credential.
func TestAnEnrolmentTokenInPlaceOfACredentialIsToldWhereItGoes(t *testing.T) {
	const goes = "send it as enrolment_token in the body of a register"
	enrolment, _ := token.Mint(token.Enrolment)
	for agent, want := range map[string]string{enrolment: goes, "garbage": "place the credential that w has now"} {
		d := doctor{agent: agent, asked: doctorRequest{id: "w"}}
		said := d.insteadOf(&refusal{Problem: api.Problem{Code: "credential_unknown", Hint: goes}})
		if !strings.Contains(said, want) {
			t.Errorf("%q", said)
		}
	}
}
