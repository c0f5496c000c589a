package app

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/dynamo"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/push"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// maxLease is how large a lease item may be, in bytes, also while pushes fail and mail is lost, or while the agent
// reports errors. maxWorst is the same of an agent of which all is wrong at once. See maxAnyLease.
const (
	maxLease = 413
	maxWorst = 560
)

// mailLives is the lifetime of its mail.
const mailLives = time.Hour

// pushedTo is an agent that is pushed to, at a real URL, and that calls from these addresses in turn.
type pushedTo struct {
	*world.World
	answer   http.HandlerFunc
	from     []string
	calls    int
	largest  int // of its leases
	instance workspace.Instance
	report   workspace.Signal // what its heartbeats say beside
}

func newPushedTo(t *testing.T, from ...string) *pushedTo {
	t.Helper()
	w := world.New(t, workspace.Push, "https://"+strings.Repeat("a-long-name-of-a-host.", 11)+"example/a2a")
	a := &pushedTo{World: w, from: from, instance: workspace.BootedAt(w.Now)}
	served := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.weigh()
		a.answer(w, r)
	}))
	t.Cleanup(served.Close)
	pusher := push.New(push.Private, push.Patience{Answer: time.Minute})
	w.Agent = func(m chat.Message) delivery.PushResult {
		return pusher.Push(t.Context(), delivery.Target{URL: served.URL, At: w.Now}, m)
	}
	return a
}

// lives lets a time pass, in which the agent beats, drains run and sweeps.
func (a *pushedTo) lives(d time.Duration) {
	a.T.Helper()
	const pause = 15 * time.Second
	for end := a.Now.Add(d); a.Now.Before(end); a.Now = a.Now.Add(pause) {
		idle := 0
		s := a.report
		s.Kind, s.From, s.ActiveTasks, s.Instance = workspace.SignalHeartbeat, a.from[a.calls%len(a.from)], &idle, a.instance
		_, err := a.Registry.Signal(a.T.Context(), world.ID, a.Token, s, a.Now)
		a.NoError(err)
		a.calls++
		a.DrainOnce()
		a.SweepOnce()
		a.weigh()
	}
}

// sends sends the agent messages.
func (a *pushedTo) sends(ids ...string) {
	a.T.Helper()
	for _, id := range ids {
		m := world.Message(id)
		m.ExpiresAt = a.Now.Add(mailLives)
		_, err := a.Enqueue(a.T.Context(), m, a.Now)
		a.NoError(err)
	}
}

// weigh notes how large the lease is, in bytes.
func (a *pushedTo) weigh() {
	f := a.Facts()
	f.ID = uuid.NewString()
	a.largest = max(a.largest, dynamo.LeaseSize(f))
}

// says makes an answer of a status and a body, with a header beside the usual ones.
func says(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if len(header) > 0 {
			w.Header().Set(header[0], header[1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body)) // a caller that hung up needs no answer
	}
}

// longWords are an error that is longer than what is kept of it.
var longWords = strings.Repeat("the agent's own words ", 20)

// failures are the answers that make pushes fail with the longest of words.
var failures = map[string]http.HandlerFunc{
	"a status":  says(http.StatusInternalServerError, longWords),
	"an error":  says(http.StatusOK, `{"jsonrpc":"2.0","id":"1","error":{"code":-32000,"message":"`+longWords+`"}}`),
	"no agent":  says(http.StatusBadGateway, "<title>"+longWords+"</title>", "Content-Type", "text/html"),
	"elsewhere": says(http.StatusFound, "", "Location", "https://"+strings.Repeat("host.", 40)+"example/"+longWords),
	"a task": says(http.StatusOK, `{"jsonrpc":"2.0","id":"1","result":{"kind":"task","id":"t","status":{"state":"failed",`+
		`"message":{"parts":[{"kind":"text","text":"`+longWords+`"}]}}}}`),
}

// TestBudgetOfALease holds the lease item of an agent that is pushed to to its size: each heartbeat writes it, and each
// sweep reads it.
func TestBudgetOfALease(t *testing.T) {
	for _, c := range []struct {
		name string
		from []string
	}{
		{"one address", []string{world.Home}},
		{"four addresses", []string{"203.0.113.101", "203.0.113.102", "203.0.113.103", "203.0.113.104"}},
	} {
		sizes := map[string]int{}
		for name, failing := range failures {
			is := func(what string, a *pushedTo) {
				t.Helper()
				most := maxLease
				if what == all {
					most = maxWorst
				}
				if a.largest > most {
					t.Errorf("%s, %s, %s: the lease has %d bytes, more than %d", c.name, what, name, a.largest, most)
				}
				sizes[what], a.largest = max(sizes[what], a.largest), 0
			}
			troubles(newPushedTo(t, c.from...), failing, is)
		}
		for _, what := range slices.Sorted(maps.Keys(sizes)) {
			fmt.Printf("lease: %-42s item_bytes=%d\n", c.name+", "+what, sizes[what])
		}
	}
}

// all is wrong, beside that each push fails its task.
const all = "all is wrong"

// reports lets an agent report an error, and a metric that can't be read.
func reports(a *pushedTo) {
	a.report = workspace.Signal{
		ErrorRate: new(1.0), SampleError: registry.Beginning(longWords), SampleWhole: longWords,
		BadMetric: registry.Beginning(longWords),
	}
}

// troubles lets an agent be well, then fail each push, and then lose mail by it.
func troubles(a *pushedTo, failing http.HandlerFunc, is func(what string, a *pushedTo)) {
	a.answer = says(http.StatusOK, `{"jsonrpc":"2.0","id":"1","result":{"kind":"message"}}`)
	a.lives(time.Minute)
	is("no mail", a)
	a.sends("m1", "m2")
	a.lives(time.Minute)
	is("pushed to", a)
	reports(a)
	a.lives(time.Minute)
	is("reports errors", a)
	a.report = workspace.Signal{ErrorRate: new(0.0)}
	a.lives(2 * time.Minute)
	a.largest = 0
	a.answer = failing
	a.sends("m3", "m4", "m5")
	a.lives(30 * time.Minute)
	is("pushes fail", a)
	a.lives(mailLives)
	a.sends("m6", "m7")
	a.lives(30 * time.Minute)
	is("pushes fail, mail was lost", a)
	reports(a)
	_ = a.Registry.FailRegister(a.T.Context(), registry.Registration{ // it returns its cause
		ID: world.ID, Credential: a.Token, From: a.from[0],
	}, fault.New(fault.InvalidRequest, "%s", longWords), a.Now)
	a.lives(time.Minute)
	is(all, a)
}
