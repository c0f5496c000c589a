package httpapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// live is the facts of a workspace that is pushed to and well.
func live(p workspace.Policy) workspace.Facts {
	return workspace.Facts{
		Identity:    workspace.Identity{ID: "w", CreatedAt: now, RegisteredAt: now, Declared: workspace.Push, Pushable: true},
		Credentials: workspace.Credentials{Credential: [32]byte{1}},
		Liveness:    workspace.Liveness{HeartbeatAt: now, LeaseUntil: now.Add(p.LeaseTTL), SeenFrom: "a"},
	}
}

// Last heard is the last accepted call of any kind.
func TestTheRowSaysWhenTheAgentWasLastHeard(t *testing.T) {
	reg := &registry.Registry{Policy: workspace.DefaultPolicy()}
	for name, note := range map[string]func(*workspace.Facts, time.Time){
		"register":  func(f *workspace.Facts, at time.Time) { f.RegisteredAt = at },
		"heartbeat": func(f *workspace.Facts, at time.Time) { f.HeartbeatAt = at },
		"poll":      func(f *workspace.Facts, at time.Time) { f.PolledAt = at },
		"call":      func(f *workspace.Facts, at time.Time) { f.CalledAt = at },
	} {
		f := workspace.Facts{Identity: workspace.Identity{ID: "w", CreatedAt: now.Add(-time.Hour)}}
		note(&f, now)
		if row := httpapi.ViewerOf(t.Context(), reg, now, f).Workspace(f, workspace.Profile{}); !row.LastHeard.Equal(now) {
			t.Errorf("%s: %s", name, row.LastHeard)
		}
	}
}

// A row says what a sender is told: whether mail arrives can't be read off the reason.
func TestTheRowSaysWhatAMessageMayExpect(t *testing.T) {
	reg := &registry.Registry{Policy: workspace.DefaultPolicy()}
	refused := func(f *workspace.Facts) {
		f.RefusedFrom, f.RegisterRefused, f.RefusedSince, f.RefusedAt = f.SeenFrom, 9, now.Add(-time.Minute), now
	}
	for name, c := range map[string]struct {
		change func(*workspace.Facts)
		reason workspace.Reason
		want   workspace.Expectation
	}{
		"well":       {func(*workspace.Facts) {}, workspace.ReasonHealthy, workspace.ExpectNow},
		"it polls":   {func(f *workspace.Facts) { f.Declared = "poll" }, workspace.ReasonHealthy, workspace.ExpectNextPoll},
		"one failed": {func(f *workspace.Facts) { f.PushFailures = 1 }, workspace.ReasonHealthy, workspace.ExpectRetrying},
		"refused":    {refused, workspace.ReasonCredentialsRejected, workspace.ExpectNow},
		"revoked": {func(f *workspace.Facts) {
			f.Credential, f.RevokedAt = [32]byte{}, now
		}, workspace.ReasonCredentialsRejected, workspace.ExpectNobody},
		"paused": {func(f *workspace.Facts) { f.Hold = workspace.Paused }, workspace.ReasonPaused, workspace.ExpectNobody},
		"refused, it polled before, and not since": {func(f *workspace.Facts) {
			refused(f)
			f.Declared, f.Pushable, f.PolledAt = workspace.Poll, false, now.Add(-2*time.Minute)
		}, workspace.ReasonCredentialsRejected, workspace.ExpectNobody},
	} {
		f := live(reg.Policy)
		c.change(&f)
		row := httpapi.ViewerOf(t.Context(), reg, now, f).Workspace(f, workspace.Profile{})
		if row.Reason != c.reason || row.Expected != c.want {
			t.Errorf("%s: %s, %s", name, row.Reason, row.Expected)
		}
	}
}

// Mail that was lost is told for a day, beside whatever the status is, with what
// puts it back.
func TestLostMailIsToldBesideTheStatus(t *testing.T) {
	reg := &registry.Registry{Policy: workspace.DefaultPolicy()}
	f := live(reg.Policy)
	f.LostMessages, f.LostAt, f.LostWhy = 2, now.Add(-time.Hour), "connection refused"
	row := httpapi.ViewerOf(t.Context(), reg, now, f).Workspace(f, workspace.Profile{})
	if row.Status != workspace.StatusOnline || len(row.Remarks) != 1 {
		t.Fatalf("%+v", row.Verdict)
	}
	r := row.Remarks[0]
	if r.Code != workspace.RemarkMailLost || r.Command != "rollcall redrive w" ||
		!strings.Contains(r.Text, "2 messages") || !strings.Contains(r.Text, "connection refused") {
		t.Errorf("%+v", r)
	}
	view := httpapi.ViewerOf(t.Context(), reg, now, f)
	if e := view.Explanation(f, workspace.Profile{}, false); len(e.Remarks) != 1 || e.Remarks[0] != r {
		t.Errorf("explained as %+v", e.Remarks)
	}
	text := view.Explanation(f, workspace.Profile{}, true).Text
	if !strings.Contains(text, r.Text) || !strings.Contains(text, r.Command) {
		t.Error(text)
	}
	later := now.Add(reg.Policy.LostMailMemory)
	f.HeartbeatAt, f.LeaseUntil = later, later.Add(reg.Policy.LeaseTTL)
	if row := httpapi.ViewerOf(t.Context(), reg, later, f).Workspace(f, workspace.Profile{}); len(row.Remarks) > 0 {
		t.Errorf("a day later: %+v", row.Remarks)
	}
}

// The row and the explanation of a fault name one hop.
func TestTheRowNamesTheFaultyHop(t *testing.T) {
	reg := &registry.Registry{Policy: workspace.DefaultPolicy()}
	for fault, hop := range map[workspace.PushFault]workspace.Hop{
		workspace.FaultRefused: workspace.HopNetwork, workspace.FaultPage: workspace.HopNetwork,
		workspace.FaultHTTP: workspace.HopAgent, workspace.FaultRPC: workspace.HopAgent,
	} {
		f := live(reg.Policy)
		f.PushFailures, f.PushFailingSince, f.PushFailedAt, f.PushFault = 3, now, now, fault
		view := httpapi.ViewerOf(t.Context(), reg, now, f)
		row, e := view.Workspace(f, workspace.Profile{}), view.Explanation(f, workspace.Profile{}, false)
		if row.Hop != hop || e.Hop != hop {
			t.Errorf("%s: the row says %q, the explanation %q, want %q", fault, row.Hop, e.Hop, hop)
		}
	}
	f := live(reg.Policy)
	if row := httpapi.ViewerOf(t.Context(), reg, now, f).Workspace(f, workspace.Profile{}); row.Hop != workspace.HopNone {
		t.Errorf("healthy, and at fault: %q", row.Hop)
	}
}

// A status says an agent's words in full when the profile has them, and never those of another error.
func TestAnAgentsWordsAreSaidInFull(t *testing.T) {
	reg := &registry.Registry{Policy: workspace.DefaultPolicy()}
	for _, whole := range []string{
		"short", "error -32603: the model provider is down, and the agent has tried four others before it gave up",
		"\"" + strings.Repeat("quoted words ", 20) + "\"", strings.Repeat("é", 150),
	} {
		kept := chat.Clip(whole, workspace.MaxWords)
		pushes, tasks, lost := live(reg.Policy), live(reg.Policy), live(reg.Policy)
		pushes.Pushable, pushes.PushFailures, pushes.PushFailedAt, pushes.PushError = true, 3, now, kept
		tasks.AnswerFailures, tasks.AnswersFailingSince, tasks.AnswerError = 3, now, kept
		reports, boots := live(reg.Policy), live(reg.Policy)
		reports.ErrorsSince, reports.SampleError = now, kept
		boots.RegisteredAt, boots.WedgedSince = now.Add(-time.Hour), now.Add(-time.Hour)
		boots.RegisterFailedAt, boots.RegisterFailedWhy = now, kept
		lost.LostMessages, lost.LostAt, lost.LostWhy = 1, now, kept
		for f, p := range map[*workspace.Facts]workspace.Profile{
			&lost:    {Words: workspace.Words{LostWhy: whole, PushError: "words of another error"}},
			&pushes:  {Words: workspace.Words{PushError: whole, AnswerError: "words of another error"}},
			&reports: {Words: workspace.Words{SampleError: whole, PushError: "words of another error"}},
			&boots:   {Words: workspace.Words{RegisterFailedWhy: whole, SampleError: "words of another error"}},
			&tasks:   {Words: workspace.Words{AnswerError: whole, PushError: "words of another error"}},
		} {
			for _, c := range []struct {
				has  workspace.Profile
				want string
			}{
				{p, whole},
				{workspace.Profile{}, kept},
				{workspace.Profile{Words: workspace.Words{PushError: "words of another error " + whole}}, kept},
			} {
				view := httpapi.ViewerOf(t.Context(), reg, now, *f)
				row, e := view.Workspace(*f, c.has), view.Explanation(*f, c.has, true)
				said := row.Hint + fmt.Sprint(row.Remarks)
				if !strings.Contains(said, c.want) || !strings.Contains(e.Text, c.want) ||
					strings.Contains(said+e.Text, "of another") {
					t.Errorf("not %q: %q, %q", c.want, said, e.Text)
				}
			}
		}
	}
}

// What fails is said with the URL: who only views is told it without its query. Who reads the facts alone, such as a
// sender, is told no URL.
func TestFailingPushesNameTheURL(t *testing.T) {
	reg := &registry.Registry{Policy: workspace.DefaultPolicy()}
	f := live(reg.Policy)
	f.Pushable, f.PushFailures, f.PushFailedAt, f.PushError = true, 3, now, "connection refused"
	p := workspace.Profile{URL: "http://192.0.2.3:8000/a2a?key=secret"}
	view := httpapi.ViewerOf(t.Context(), reg, now, f)
	for _, c := range []struct {
		caller httpapi.Caller
		hint   string
	}{
		{
			httpapi.Caller{Scope: people.View},
			"to the agent's URL “http://192.0.2.3:8000/a2a” failed (“connection refused”)",
		},
		{httpapi.Caller{Scope: people.Operate}, "to the agent's URL “http://192.0.2.3:8000/a2a?key=secret” failed"},
		{httpapi.Caller{Workspace: f.ID}, "to the agent's URL “http://192.0.2.3:8000/a2a?key=secret” failed"},
		{httpapi.Caller{}, "to the agent's URL “http://192.0.2.3:8000/a2a” failed"},
	} {
		vw := view.As(c.caller)
		row, e := vw.Workspace(f, p), vw.Explanation(f, p, true)
		if !strings.Contains(row.Hint, c.hint) || !strings.Contains(e.Text, c.hint) {
			t.Errorf("%+v is told %q, and %q", c.caller, row.Hint, e.Text)
		}
	}
	v := workspace.Assess(f, reg.Policy, now)
	if _, why := workspace.Expect(f, v, workspace.Push, reg.Policy, now); strings.Contains(why+v.Hint, "192.0.2.3") {
		t.Errorf("a sender is told %s", why)
	}
}

// A peer is told neither an agent's address nor what is wrong with it.
func TestAPeerIsToldNoAddress(t *testing.T) {
	reg := &registry.Registry{Policy: workspace.DefaultPolicy()}
	f := live(reg.Policy)
	f.SampleError, f.PushFailingSince, f.PushFailures = "secret error", now, 3
	f.RefusedFrom, f.BootstrapUntil, f.BootstrapFrom = "192.0.2.1", now.Add(time.Hour), "192.0.2.2"
	for card, want := range map[string]string{
		`{"name":"n","url":"http://192.0.2.3","skills":[]}`:                                    `{"name":"n","skills":[]}`,
		`{"endpoint":"http://10.0.0.3","Host":"10.0.0.3","port":80,"base_url":"x","name":"n"}`: `{"name":"n"}`,
		`{"URL":"http://192.0.2.3","additionalInterfaces":[{"url":"http://192.0.2.3"}]}`:       `{}`,
		`{"supportedInterfaces":[{"url":"http://192.0.2.3"}],"a":1}`:                           `{"a":1}`,
		`{"name":"n"}`: `{"name":"n"}`,
		`{"faces":[{"url":"192.0.2.3","via":"T"}],"n":1.50}`:                            `{"faces":[{"via":"T"}],"n":1.50}`,
		`{"x":{"servers":[{" Url ":"http://192.0.2.3"}],"y":[[{"HOST":"192.0.2.3"}]]}}`: `{"x":{"servers":[{}],"y":[[{}]]}}`,
		`{"a":{"ip":{"type":"string"}},"url ":{"at":"192.0.2.3"}}`:                      `{"a":{"ip":{"type":"string"}}}`,
		`[]`: `null`,
		``:   `null`,
	} {
		p := workspace.Profile{URL: "http://192.0.2.3", Card: []byte(card)}
		raw, err := json.Marshal(httpapi.ViewerOf(t.Context(), reg, now, f).Peer(f, p))
		if err != nil || !strings.Contains(string(raw), `"agent_card":`+want) {
			t.Errorf("%s: %s, %v", card, raw, err)
		}
		for _, secret := range []string{"192.0.2.", "secret error"} {
			if strings.Contains(string(raw), secret) {
				t.Errorf("a peer is told %s: %s", secret, raw)
			}
		}
	}
}

// A receipt says in plain words what became of the attempts. What stood between agent and platform, and what a sender's
// URL failed with, is for who may operate; of its own part the agent is told, too.
func TestAReceiptTellsNoNetworkToItsSender(t *testing.T) {
	const words, told = "the name can't be resolved", "connection refused by the callback"
	m := chat.Message{
		ID: "m", Workspace: "w", Source: "s", State: chat.Queued, AcceptedAt: now, ExpiresAt: now.Add(time.Hour),
		Callback: "https://s.example.com/",
	}
	m = m.Take(chat.ByPush, chat.Claim{Until: now.Add(time.Minute)}, chat.DefaultPolicy(), time.Time{}, now).Miss(words)
	again, err := m.Take(chat.ByPush, chat.Claim{}, chat.DefaultPolicy(), time.Time{}, now).
		LeaveAgain(words, chat.DefaultPolicy(), now, now).Expire(now).Redrive(chat.DefaultPolicy(), now.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	again.Former.Reason = "the agent went away before it answered" // as it does when it is dead
	ended := m.Expire(now.Add(time.Hour)).Tell(chat.Told{Tries: 1}.Tried(told, true))
	for who, see := range map[httpapi.Caller]struct{ words, told bool }{
		{}: {}, {Workspace: "s"}: {}, {Workspace: "other"}: {}, {Person: "ana", Scope: people.View}: {},
		{Workspace: "w"}:                          {true, false},
		{Person: "ana", Scope: people.Operate}:    {true, true},
		{Person: "the root", Scope: people.Admin}: {true, true},
	} {
		c := httpapi.Call{Now: now, Caller: who}
		r, end := httpapi.ReceiptOf(c, m), httpapi.ReceiptOf(c, ended)
		former := httpapi.ReceiptOf(c, again).Former
		if former == nil || former.Tries != 2 || former.Redrives != 1 || former.RedrivenAt.IsZero() ||
			strings.Contains(former.Reason, words) != see.words {
			t.Errorf("%+v reads of the former end %+v", who, former)
		}
		raw, err := json.Marshal([]api.Receipt{r, end})
		shown := string(raw)
		if err != nil || strings.Contains(shown, words) != see.words || strings.Contains(shown, told) != see.told {
			t.Errorf("%+v reads %s, %v", who, raw, err)
		}
		if len(r.Attempts) != 1 || r.Attempts[0].Outcome != chat.Unreachable || r.LastError == "" ||
			!strings.HasPrefix(r.Attempts[0].Text, "the agent could not be reached") ||
			!strings.HasPrefix(r.Reason, "the agent could not be reached") || end.Callback.Error == "" {
			t.Errorf("%+v reads %s", who, raw)
		}
		if see.words != strings.Contains(r.Reason, words) || see.words != (r.LastError == words) {
			t.Errorf("%+v reads %q, %q", who, r.Reason, r.LastError)
		}
	}
}

// What a sender is told does not wait for a sweep.
func TestAReceiptAfterItsTimeIsExpired(t *testing.T) {
	policy, end := chat.DefaultPolicy(), now.Add(time.Hour)
	waiting := chat.Message{ID: "m", State: chat.Queued, AcceptedAt: now, ExpiresAt: end}
	taken := func(until time.Time) chat.Message {
		return waiting.Take(chat.ByPush, chat.Claim{Until: until}, policy, time.Time{}, now)
	}
	for name, c := range map[string]struct {
		m     chat.Message
		at    time.Time
		state chat.State
	}{
		"before its end":                       {waiting, end.Add(-time.Millisecond), chat.Queued},
		"at its end":                           {waiting, end, chat.Expired},
		"its deliverer never reported back":    {taken(now.Add(time.Minute)), end, chat.Expired},
		"the same, before its end":             {taken(now.Add(time.Minute)), end.Add(-time.Millisecond), chat.Queued},
		"it is being delivered at its end":     {taken(end.Add(time.Minute)), end, chat.InFlight},
		"delivered before its end, read later": {waiting.Deliver("", nil, "", now), end.Add(time.Hour), chat.Delivered},
	} {
		r := httpapi.ReceiptOf(httpapi.Call{Now: c.at}, c.m)
		ended := c.state == chat.Expired
		if r.State != c.state || r.Status != r.State || (ended && (!r.SettledAt.Equal(end) || r.Reason == "")) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// Each receipt of a message that is open says what it waits for, and no other does, whatever became of it so far.
func TestEachOpenReceiptSaysWhatItWaitsFor(t *testing.T) {
	reg, policy := &registry.Registry{Policy: workspace.DefaultPolicy()}, chat.DefaultPolicy()
	f := live(reg.Policy)
	rapid.Check(t, func(rt *rapid.T) {
		m := chat.Message{ID: "m", State: chat.Queued, AcceptedAt: now, ExpiresAt: now.Add(time.Hour)}
		at, via := now, chat.Via("")
		for range rapid.IntRange(0, 4).Draw(rt, "events") {
			at = at.Add(time.Duration(rapid.IntRange(1, 1500).Draw(rt, "seconds")) * time.Second)
			switch what := rapid.IntRange(0, 5).Draw(rt, "what"); {
			case what <= 1 && m.At(at).State == chat.Queued:
				via = []chat.Via{chat.ByPush, chat.ByPoll}[what]
				m = m.Take(via, chat.Claim{Until: at.Add(time.Minute), Epoch: 1}, policy, time.Time{}, at)
			case what == 2 && m.State == chat.InFlight:
				m = m.Miss("no answer")
			case what == 3 && m.State == chat.InFlight:
				m = m.Deliver("", nil, "", at)
			case what == 4 && m.State.Open():
				m, _ = m.Cancel("ana", at)
			}
		}
		r := httpapi.ViewerOf(t.Context(), reg, now, f).Receipt(httpapi.Call{Now: at}, m, f)
		if r.State.Open() != (r.WaitsFor != "") {
			rt.Fatalf("%s (%s) waits for %q", r.State, r.Reason, r.WaitsFor)
		}
		until, claimed := m.ExpiresAt.UTC().Format(time.RFC3339), m.Claim.Until.UTC().Format(time.RFC3339)
		if !m.Claim.Until.Before(m.ExpiresAt) {
			until = claimed
		}
		overdue := !at.Before(m.ExpiresAt) // its end is to be written
		if r.State == chat.InFlight && !overdue && !strings.Contains(r.WaitsFor, until) {
			rt.Fatalf("it expires at %s, and waits for %q", until, r.WaitsFor)
		}
		answers := strings.Contains(r.WaitsFor, "the agent answers")
		if r.State == chat.InFlight && answers != (via == chat.ByPush) {
			rt.Fatalf("by %s, it waits for %q", via, r.WaitsFor)
		}
	})
}

// Of many that wait for an agent to which deliveries fail, only those that were tried are told as tried.
func TestAMessageIsToldAsTriedOnlyIfItWas(t *testing.T) {
	reg, policy := &registry.Registry{Policy: workspace.DefaultPolicy()}, chat.DefaultPolicy()
	f := live(reg.Policy)
	f.PushFailures, f.PushFailingSince, f.Open, f.OldestOpen = 3, now.Add(-time.Minute), 4, now.Add(-time.Minute)
	m := chat.Message{ID: "m", State: chat.Queued, AcceptedAt: now, ExpiresAt: now.Add(time.Hour)}
	for tries, want := range []string{"it waits for its first try, ", "it is tried again", "it is tried again and again"} {
		got := httpapi.ViewerOf(t.Context(), reg, now, f).Receipt(httpapi.Call{Now: now}, m, f)
		if got.Tries != tries || !strings.HasPrefix(got.WaitsFor, want) ||
			strings.Contains(got.WaitsFor, "again and again") != (tries > 1) {
			t.Errorf("%d tries: %q", got.Tries, got.WaitsFor)
		}
		m = m.Take(chat.ByPush, chat.Claim{Until: now.Add(time.Minute), Epoch: 1}, policy, time.Time{}, now).
			Fail("HTTP 500", policy, time.Time{}, 1, now)
	}
}

// The query of an agent's URL may hold a secret: only who may operate is shown it.
func TestAViewerIsShownNoQueryOfAURL(t *testing.T) {
	reg := &registry.Registry{Policy: workspace.DefaultPolicy()}
	const plain, whole = "https://a.example.com/x", "https://a.example.com/x?key=1"
	for who, want := range map[httpapi.Caller]string{
		{}: plain, {Scope: people.View}: plain, {Scope: people.Operate}: whole, {Scope: people.Admin}: whole,
		{Workspace: "w"}: whole,
	} {
		f := live(reg.Policy)
		view := httpapi.ViewerOf(t.Context(), reg, now, f).As(who)
		if got := view.Workspace(f, workspace.Profile{URL: whole}).URL; got != want {
			t.Errorf("%+v: %s", who, got)
		}
	}
}
