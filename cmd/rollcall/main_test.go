package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall/rollcall/shared/client"
)

// platform answers like the API: each call in turn with one of what is written
// for it, and with the last of them from then on.
type platform struct {
	answers map[string][]answer // by "METHOD /path"

	mu    sync.Mutex
	calls []string // "METHOD /path body"
}

// answer is a reply; the zero one is a connection that breaks.
type answer struct {
	status int
	body   string
}

func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	key := r.Method + " " + r.URL.Path
	p.mu.Lock()
	p.calls = append(p.calls, strings.TrimSpace(key+" "+string(raw)))
	all := p.answers[key]
	if len(all) > 1 {
		p.answers[key] = all[1:]
	}
	p.mu.Unlock()
	switch {
	case len(all) == 0:
		all = []answer{{404, `{"error": "no such route: ` + key + `", "code": "unknown_route", "hint": "", "action": "stop"}`}}
	case all[0] == (answer{}):
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(all[0].status)
	_, _ = io.WriteString(w, all[0].body)
}

// rollcall runs the program against h until until is done.
func rollcall(t *testing.T, until context.Context, h http.Handler, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	t.Setenv("ROLLCALL_URL", server.URL+"/")
	t.Setenv("ROLLCALL_TOKEN", "rco_test")
	var out, errs bytes.Buffer
	code = run(until, args, &out, &errs)
	return code, out.String(), errs.String()
}

const (
	down      = `{"error": "the platform's store can't be asked right now", "code": "platform_unavailable", "hint": "nothing was decided; try again", "action": "retry"}`
	taken     = `{"message_id": "m1", "expected": "now", "workspace_status": "online", "workspace_reason": "healthy", "message": "accepted; it is being delivered now"}`
	queued    = `{"message_id": "m1", "workspace_id": "demo", "state": "queued", "reason": "it waits for its turn"}`
	delivered = `{"message_id": "m1", "workspace_id": "demo", "state": "delivered", "reason": "the agent took it", "answer": {"parts": [{"kind": "text", "text": "42"}]}}`
	dead      = `{"message_id": "m1", "workspace_id": "demo", "state": "dead", "reason": "five tries failed"}`
	before    = `{"id": "demo", "status": "degraded", "reason": "credentials_rejected", "last_registered_at": "2020-01-01T00:00:00Z"}`
	back      = `{"id": "demo", "status": "online", "reason": "healthy", "last_registered_at": "2020-01-01T00:00:01Z"}`
	repaired  = `{"revoked": 1, "bootstrap_until": "2020-01-01T01:00:00Z", "next": "restart the agent"}`
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
			code, out, errs := rollcall(t, t.Context(), &platform{answers: c.answers}, strings.Fields(c.args)...)
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

func TestHelpNeedsNoPlatform(t *testing.T) {
	t.Setenv("ROLLCALL_URL", "")
	t.Chdir(t.TempDir())
	for args, want := range map[string]string{"help status": "rollcall status [ID]", "--help": "130  interrupted", "completion bash": "bash completion", "": "Usage:"} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), strings.Fields(args), &out, &errs); code != 0 || !strings.Contains(out.String(), want) {
			t.Errorf("rollcall %s: exit %d, without %q: %s", args, code, want, errs.String())
		}
	}
	var errs bytes.Buffer
	if code := run(t.Context(), []string{"status"}, io.Discard, &errs); code != exitUnreachable || !strings.Contains(errs.String(), "no platform is known") {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}

// hung is a platform that takes calls and never answers.
type hung struct{}

func (hung) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestAHungPlatformIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		a := &app{platform: client.Client{URL: "http://hung", Transport: hung{}}}
		err := a.call(t.Context(), "GET", "/workspaces", nil, nil)
		out, ok := errors.AsType[*outcome](err)
		if !ok || out.code != exitUnreachable || out.message != "http://hung doesn't answer in time" {
			t.Errorf("%v", err)
		}
		if took := time.Since(began); took != client.Timeout {
			t.Errorf("after %s", took)
		}
	})
}

func TestCtrlC(t *testing.T) {
	for args, c := range map[string]struct {
		at   string // the call during which it comes
		code int
		says string
	}{
		"watch":                 {"GET /workspaces", 0, ""},
		"events --follow":       {"GET /events", 0, ""},
		"events":                {"GET /events", 130, "rollcall: interrupted\n"},
		"status":                {"GET /workspaces", 130, "rollcall: interrupted\n"},
		"send demo hello":       {"GET /workspaces/demo/messages/m1", 130, "rollcall: interrupted, and the message goes on; follow it with: rollcall receipts demo m1\n"},
		"probe demo":            {"GET /workspaces/demo/messages/m1", 130, "rollcall receipts demo m1\n"},
		"repair demo --wait 9s": {"GET /workspaces/demo", 130, "rollcall: interrupted, and the agent may still register; see whether it has: rollcall status demo\n"},
	} {
		for _, answered := range []bool{false, true} { // it comes during the call, or in the pause after it
			t.Run(fmt.Sprintf("%s, answered %v", args, answered), func(t *testing.T) {
				ctx, interrupt := context.WithCancel(t.Context())
				defer interrupt()
				p := &platform{answers: map[string][]answer{
					"POST /workspaces/demo/a2a": {{202, taken}}, "POST /workspaces/demo/probe": {{202, taken}}, "POST /workspaces/demo/repair": {{200, repaired}},
					"GET /workspaces/demo/messages/m1": {{200, queued}}, "GET /workspaces/demo": {{200, before}}, "GET /events": {{200, `{"events": [], "next": 0}`}},
					"GET /workspaces": {{200, `{"workspaces": []}`}},
				}}
				seen := 0
				code, out, errs := rollcall(t, ctx, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Method+" "+r.URL.Path == c.at {
						if seen++; seen == 2 || !strings.HasPrefix(args, "repair") { // repair looks once before it repairs
							if answered {
								time.AfterFunc(100*time.Millisecond, interrupt)
							} else {
								interrupt()
								<-r.Context().Done()
							}
						}
					}
					p.ServeHTTP(w, r)
				}), strings.Fields(args)...)
				if answered && (args == "status" || args == "events") {
					return // it was done before
				}
				if code != c.code || !strings.HasSuffix(errs, c.says) || c.says == "" && errs != "" {
					t.Errorf("exit %d\n%s%s", code, out, errs)
				}
			})
		}
	}
}

func TestWatchAndEventsOutliveAnOutage(t *testing.T) {
	const change = `{"events": [{"seq": 7, "workspace_id": "demo", "to": {"status": "online", "reason": "healthy"}}], "next": 7}`
	for args, answers := range map[string]map[string][]answer{
		"watch --every 10ms": {"GET /workspaces": {{200, `{"workspaces": []}`}, {503, down}, {}, {200, `{"workspaces": [` + back + `]}`}}},
		"events -f":          {"GET /events": {{200, `{"events": [], "next": 6}`}, {503, down}, {200, change}, {200, `{"events": [], "next": 7}`}}},
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(&platform{answers: answers})
			defer server.Close()
			ctx, interrupt := context.WithTimeout(t.Context(), 20*time.Second)
			defer interrupt()
			out, errs := &watched{want: "demo", found: interrupt}, &bytes.Buffer{}
			code := run(ctx, append(strings.Fields(args), "--url", server.URL), out, errs)
			if code != 0 || strings.Count(errs.String(), "asking again") != 1 || strings.Count(out.String(), "demo") != 1 {
				t.Errorf("exit %d\n%s%s", code, out, errs)
			}
		})
	}
}

// watched calls found when it is written what is wanted.
type watched struct {
	bytes.Buffer
	want  string
	found func()
}

func (w *watched) Write(p []byte) (int, error) {
	if strings.Contains(string(p), w.want) {
		w.found()
	}
	return w.Buffer.Write(p)
}

// long serves lists of n rows in pages of at most 500; each has a next if it is
// full, as the platform's have.
func long(t *testing.T, n int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limit, err := strconv.Atoi(r.FormValue("limit"))
		if err != nil || limit < 1 || limit > 500 {
			t.Errorf("asked for a page of %q", r.FormValue("limit"))
		}
		from, _ := strconv.Atoi(r.FormValue("cursor"))
		rows := []map[string]any{}
		for i := from; i < min(n, from+limit); i++ {
			row := fmt.Sprintf("row-%d", i)
			rows = append(rows, map[string]any{"id": row, "message_id": row, "summary": row})
		}
		out := map[string]any{"workspaces": rows, "history": rows, "messages": rows, "next": nil}
		if len(rows) == limit {
			out["next"] = strconv.Itoa(from + limit)
		}
		_ = json.NewEncoder(w).Encode(out)
	})
}

func TestListsAreReadPageByPage(t *testing.T) {
	const more = "… more: --limit "
	for _, c := range []struct {
		args    string
		n, want int
		end     string // how it ends, "" for no line that says more
	}{
		{"history demo", 1200, 50, more + "200\n"},
		{"history demo", 50, 50, ""},
		{"history demo --limit 700", 1200, 700, more + "2800\n"},
		{"history demo --limit 1200", 1200, 1200, ""},
		{"history demo --limit 5000", 1200, 1200, ""},
		{"audit --limit 500", 501, 500, more + "2000\n"},
		{"receipts demo", 51, 50, more + "200\n"},
		{"receipts demo --limit 1000 --state dead", 1000, 1000, ""},
		{"status", 1200, 1200, ""},
		{"history demo --limit 3 -o json", 9, 3, "]\n"},
	} {
		code, out, errs := rollcall(t, t.Context(), long(t, c.n), strings.Fields(c.args)...)
		if code != 0 || errs != "" {
			t.Fatalf("rollcall %s: exit %d: %s", c.args, code, errs)
		}
		rows := map[string]bool{}
		for _, field := range strings.FieldsFunc(out, func(r rune) bool { return strings.ContainsRune(" \n\",", r) }) {
			if strings.HasPrefix(field, "row-") {
				rows[field] = true
			}
		}
		if len(rows) != c.want || !strings.HasSuffix(out, c.end) || c.end == "" && strings.Contains(out, more) {
			t.Errorf("rollcall %s of %d: %d rows, want %d; it ends %q", c.args, c.n, len(rows), c.want, out[max(0, len(out)-60):])
		}
	}
}

func TestRepairSaysFromWhereTheAgentCalls(t *testing.T) {
	for args, want := range map[string]string{
		"repair demo":                 "POST /workspaces/demo/repair",
		"repair demo --from 10.0.0.7": `POST /workspaces/demo/repair {"from":"10.0.0.7"}`,
	} {
		p := &platform{answers: map[string][]answer{"POST /workspaces/demo/repair": {{200, `{"revoked": 0, "from": "10.0.0.7", "next": "restart the agent"}`}}}}
		code, out, errs := rollcall(t, t.Context(), p, strings.Fields(args)...)
		if code != 0 || len(p.calls) != 1 || p.calls[0] != want || !strings.Contains(out, "0 credentials revoked") || !strings.Contains(out, ", to an agent at 10.0.0.7 only\n") {
			t.Errorf("rollcall %s: exit %d, %q\n%s%s", args, code, p.calls, out, errs)
		}
	}
}

func TestJSONIsJSON(t *testing.T) {
	for args, want := range map[string]string{"send demo hello": "delivered", "repair demo --wait 9s": "next", "status demo": "status"} {
		p := &platform{answers: map[string][]answer{
			"POST /workspaces/demo/a2a": {{202, taken}}, "GET /workspaces/demo/messages/m1": {{503, down}, {200, delivered}},
			"POST /workspaces/demo/repair": {{200, repaired}}, "GET /workspaces/demo": {{200, before}, {200, back}},
		}}
		code, out, errs := rollcall(t, t.Context(), p, append(strings.Fields(args), "-o", "json")...)
		var v map[string]any
		if err := json.Unmarshal([]byte(out), &v); err != nil || code != 0 || !strings.Contains(out, want) {
			t.Errorf("rollcall %s: exit %d, %v\n%s%s", args, code, err, out, errs)
		}
	}
}

// A message whose acceptance is not known goes again under its id, which is
// accepted once; given up, it is said how to send it so.
func TestSendGoesOnUnderOneID(t *testing.T) {
	body := func(call string) string { _, b, _ := strings.Cut(call, "{"); return b }
	p := &platform{answers: map[string][]answer{
		"POST /workspaces/demo/a2a": {{}, {503, down}, {202, taken}}, "GET /workspaces/demo/messages/m1": {{200, delivered}},
	}}
	code, out, errs := rollcall(t, t.Context(), p, "send", "demo", "hello")
	if code != 0 || !strings.Contains(out, "delivered") || strings.Count(errs, "asking again") != 1 {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
	if body(p.calls[0]) != body(p.calls[1]) || body(p.calls[1]) != body(p.calls[2]) {
		t.Fatalf("%q", p.calls[:3])
	}
	p = &platform{answers: map[string][]answer{"POST /workspaces/demo/a2a": {{}}}}
	code, _, errs = rollcall(t, t.Context(), p, "send", "--id", "mine", "demo", "hello")
	if code != exitUnreachable || len(p.calls) != sendTries || !strings.Contains(errs, "send it again with --id mine") {
		t.Fatalf("exit %d after %d calls\n%s", code, len(p.calls), errs)
	}
	p = &platform{answers: map[string][]answer{"POST /workspaces/demo/a2a": {{429, `{"error": "its inbox is full", "code": "inbox_full", "hint": "see why", "action": "retry"}`}}}}
	if code, _, _ = rollcall(t, t.Context(), p, "send", "demo", "hello"); code != exitRefused || len(p.calls) != 1 {
		t.Fatalf("exit %d after %d calls", code, len(p.calls))
	}
}
