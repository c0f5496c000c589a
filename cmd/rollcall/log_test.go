package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
)

// What the platform has of a workspace in these tests.
const (
	told = `[{"id": "n1", "activity_type": "notify", "summary": "done", "created_at": "2026-01-31T12:00:05Z"},
		{"id": "m1", "activity_type": "a2a_receive", "source_id": "peer", "message_id": "m1", "summary": "hello",
		"created_at": "2026-01-31T12:00:01Z"}]`
	tried = `{"messages": [{"message_id": "m1", "state": "delivered", "reason": "the agent took it",
		"settled_at": "2026-01-31T12:00:04Z", "answer_text": "you said: hello", "attempts": [
		{"at": "2026-01-31T12:00:02Z", "via": "push", "outcome": "unreachable", "text": "no answer", "error": "refused"},
		{"at": "2026-01-31T12:00:03Z", "via": "push", "outcome": "delivered", "text": "the agent took it"}]}]}`
	was = `{"history": [{"at": "2026-01-31T12:00:06Z", "type": "audit", "action": "pause", "who": "operator ana"},
		{"at": "2026-01-31T12:00:00Z", "type": "status", "action": "status_changed", "who": "rollcall",
		"summary": "nothing → online (healthy)"}]}`
)

func logged(told, tried, was string) map[string][]answer {
	return map[string][]answer{
		"GET /workspaces/demo/activity": {{200, told}}, "GET /workspaces/demo/messages": {{200, tried}},
		"GET /workspaces/demo/history": {{200, was}},
	}
}

// The log has what is in three lists, in the order in which it happened.
func TestLog(t *testing.T) {
	const want = `2026-01-31T12:00:00Z  status   nothing → online (healthy)
2026-01-31T12:00:01Z  message  peer: hello  (m1)
2026-01-31T12:00:02Z  attempt  by push: no answer (refused)  (m1)
2026-01-31T12:00:03Z  attempt  by push: the agent took it  (m1)
2026-01-31T12:00:04Z  end      delivered: the agent took it  (m1)
2026-01-31T12:00:04Z  answer   you said: hello  (m1)
2026-01-31T12:00:05Z  said     done
2026-01-31T12:00:06Z  act      operator ana: pause
`
	p := &platform{answers: logged(told, tried, was)}
	code, out, errs := rollcall(t.Context(), t, p, "log", "demo", "--time", "utc")
	if code != 0 || out != want {
		t.Errorf("exit %d\n%s%swant\n%s", code, out, errs, want)
	}
	for name, c := range map[string]commandTest{
		"nothing": {args: "log demo", answers: logged("[]", "{}", "{}"), out: "nothing yet\n"},
		"a report that it calls a message": {
			args: "log demo --time utc", out: "said     a2a_receive: pay\n", answers: logged(`[{"id": "r", "reported": true,
			"activity_type": "a2a_receive", "summary": "pay", "created_at": "2026-01-31T12:00:01Z"}]`, "{}", "{}"),
		},
		"all is older":  {args: "log demo --since 2h", answers: logged(told, tried, was), out: "nothing in the last 2h\n"},
		"as JSON lines": {args: "log demo -o json", answers: logged(told, "{}", "{}"), out: `"text":"hello"}` + "\n"},
		"of a removed workspace": {
			args: "log demo --time utc", out: "2026-01-31T12:00:00Z  status   nothing → online (healthy)\n" +
				"2026-01-31T12:00:02Z  attempt  by push: no answer (refused)  (m1)\n",
			errs: "rollcall: demo is removed: what its agent was told and said of itself can't be read any more\n",
			answers: map[string][]answer{
				"GET /workspaces/demo/activity": {{410, `{"error": "workspace removed", "code": "workspace_removed"}`}},
				"GET /workspaces/demo/messages": {{200, tried}}, "GET /workspaces/demo/history": {{200, was}},
			},
		},
		"no such time":  {args: "log demo --since tomorrow", code: exitUsage, errs: "like 90d, 12h or 30m"},
		"no such limit": {args: "log demo --limit 0", code: exitUsage, errs: "from 1 to 500"},
	} {
		t.Run(name, c.run)
	}
}

// Who follows sees each entry once.
func TestTheLogIsFollowed(t *testing.T) {
	ctx, interrupt := context.WithTimeout(t.Context(), 20*time.Second)
	defer interrupt()
	var reads atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := map[string]string{"activity": told, "messages": "{}", "history": "{}"}
		if strings.HasSuffix(r.URL.Path, "/history") {
			switch reads.Add(1) {
			case 2:
				body["history"] = was
			case 3: // all before is printed
				interrupt()
			}
		}
		_, _ = io.WriteString(w, body[r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]])
	}))
	var out, errs bytes.Buffer
	code := run(ctx, []string{"log", "demo", "-f", "--url", server.URL}, nil, &out, &errs)
	server.Close()
	for _, text := range []string{"peer: hello", "said     done", "operator ana: pause"} {
		if strings.Count(out.String(), text) != 1 {
			t.Errorf("%q is not there once", text)
		}
	}
	if t.Failed() || code != 0 {
		t.Errorf("exit %d\n%s%s", code, &out, &errs)
	}
}

// A list goes back as far as it is asked to, and no page further.
func TestSince(t *testing.T) {
	recent := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	history := `{"history": [{"at": "` + recent + `", "action": "pause"}, 
		{"at": "2026-01-31T12:00:00Z", "action": "resume"}], "next": "c"}`
	_, out, errs := rollcall(t.Context(), t, &platform{answers: on("GET /workspaces/demo/history", answer{200, history})},
		"history", "demo", "--since", "2h")
	if !strings.Contains(out, "pause") || strings.Contains(out, "resume") || strings.Contains(out, "more") {
		t.Errorf("%s%s", out, errs)
	}
}

// Who follows a log is printed each entry once, however long that goes on, and what is known of what was printed does
// not grow with it.
func TestWhatIsPrintedOfALogIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p seenEntries
		n := rapid.IntRange(1, 3*manyPrinted/2).Draw(t, "entries of a read")
		reads := rapid.IntRange(2, 8).Draw(t, "reads")
		first, fresh := 0, 0
		for range reads {
			p.begin(n)
			for i := first; i < first+n; i++ {
				if isNew := p.note(entry{Text: strconv.Itoa(i)}); isNew != (i >= fresh) {
					t.Fatalf("entry %d is printed: %t, of which %d are known", i, isNew, fresh)
				}
				fresh = max(fresh, i+1)
			}
			if size := len(p.known) + len(p.before); size > 2*max(manyPrinted, n) {
				t.Fatalf("%d entries are known after reads of %d", size, n)
			}
			first += rapid.IntRange(0, n).Draw(t, "newer ones")
		}
	})
}

// The error of a task that failed is its agent's own words: no command is made of them.
func TestTheLogMakesNoCommandOfAnAgentsError(t *testing.T) {
	const words = "mend it with POST /workspaces/demo/repair since 2026-11-27T13:00:00Z"
	var out strings.Builder
	for _, e := range receiptEntries(api.Receipt{
		State: chat.Queued, SentBy: "POST /tokens rcp_abcdefgh",
		Attempts: []api.Attempt{{Via: chat.ByPush, Outcome: chat.TaskFailed, Text: "its task failed", Error: words}},
	}) {
		e.print(&printer{Writer: &out, zone: time.UTC})
	}
	if got := out.String(); strings.Contains(got, "rollcall ") || !strings.Contains(got, "(“"+words+"”)") {
		t.Error(got)
	}
}
