package main

import (
	"bytes"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/workspace"
)

const (
	oneCancelled = `{"messages": [{"message_id": "m1", "state": "cancelled", "source_id": "flooder"}], "left": 0}`
	oneOfTwo     = `{"messages": [{"message_id": "m0", "state": "cancelled", "source_id": "flooder"}], "left": 1}`
	wouldTwo     = `{"dry_run": true, "messages": [{"message_id": "m0", "state": "queued"}], "left": 1}`
	none         = `{"messages": [], "left": 0}`
	raced        = `{"error": "others changed it; this call changed nothing", "code": "conflict", "action": "retry"}`
)

// A call that changed nothing, as others changed the same thing, is made again, a few times, in each command that
// changes something.
func TestACallThatLostARaceIsMadeAgain(t *testing.T) {
	for args, c := range map[string]struct{ route, done string }{
		"cancel demo m1":       {"POST /workspaces/demo/messages/m1/cancel", `{"message_id": "m1", "state": "cancelled"}`},
		"cancel demo --all -y": {"POST /workspaces/demo/cancel", oneCancelled},
		"redrive demo":         {"POST /workspaces/demo/redrive", `{"messages": [{"message_id": "m1"}], "left": 0}`},
		"redrive demo m1":      {"POST /workspaces/demo/messages/m1/redrive", `{"message_id": "m1", "state": "queued"}`},
		"repair demo":          {"POST /workspaces/demo/repair", repaired},
		"revoke demo":          {"POST /workspaces/demo/revoke", `{"revoked": 1, "next": "restart it"}`},
		"rotate demo":          {"POST /workspaces/demo/rotate", `{"auth_token": "t", "next": "place it"}`},
		"pause demo":           {"POST /workspaces/demo/pause", back},
		"dismiss demo":         {"POST /workspaces/demo/dismiss", `{"dismissed": "the refused calls"}`},
	} {
		for _, code := range []string{"conflict", "operator_first"} {
			lost := answer{429, strings.ReplaceAll(raced, "conflict", code)}
			for tries, want := range map[int]int{2: 0, mostTries: exitRefused} {
				if want != 0 && args != "repair demo" { // it takes a while
					continue
				}
				answers := append(slices.Repeat([]answer{lost}, tries), answer{200, c.done})
				p := &platform{answers: on(c.route, answers...)}
				got, out, errs := rollcall(t.Context(), t, p, strings.Fields(args)...)
				if got != want || len(p.calls) < min(tries+1, mostTries) {
					t.Errorf("%s, %s for %d: exit %d after %q\n%s%s", args, code, tries, got, p.calls, out, errs)
				}
			}
		}
	}
}

// The mail of one sender is ended page by page, after a question where somebody can be asked.
func TestCancelOfOneSender(t *testing.T) {
	const (
		all    = `cancel {"from":"flooder"}`
		dry    = `cancel {"from":"flooder","dry_run":true}`
		asking = "cancel 2 messages of demo from flooder\ngo on? [y/N] "
	)
	for name, c := range map[string]struct {
		args, person string
		answers      []string
		posted       []string
		code         int
		says         []string
	}{
		"nobody can be asked": {
			args: "cancel demo --from flooder", code: exitUsage, says: []string{"no terminal to ask at", "--yes"},
		},
		"nobody can be asked about all": {
			args: "cancel demo --all", code: exitUsage, says: []string{"no terminal to ask at", "--yes"},
		},
		"agreed beforehand": {
			args: "cancel demo --from flooder --yes", answers: []string{oneOfTwo, oneCancelled}, posted: []string{all, all},
			says: []string{"2 messages cancelled\n", "FROM", "flooder"},
		},
		"agreed": {
			args: "cancel demo --all --from flooder", person: "y\n", answers: []string{wouldTwo, oneOfTwo, oneCancelled},
			posted: []string{dry, all, all}, says: []string{asking, "2 messages cancelled\n"},
		},
		"refused": {
			args: "cancel demo --from flooder", person: "n\n", answers: []string{wouldTwo}, posted: []string{dry},
			code: exitRefused, says: []string{asking, "nothing was done"},
		},
		"not asked": {
			args: "cancel demo --from flooder --yes", person: "n\n", answers: []string{oneCancelled}, posted: []string{all},
			says: []string{"1 message cancelled\n"},
		},
		"dry": {
			args: "cancel demo --from flooder --dry-run", person: "n\n", answers: []string{wouldTwo}, posted: []string{dry},
			says: []string{"2 messages would be cancelled\n", "and 1 more\n"},
		},
		"nothing waits": {
			args: "cancel demo --from flooder", person: "n\n", answers: []string{none}, posted: []string{dry},
			says: []string{"0 messages cancelled\n"},
		},
		"all that waits": {
			args: "cancel demo --all --yes", answers: []string{oneCancelled}, posted: []string{`cancel {"all":true}`},
			says: []string{"1 message cancelled\n"},
		},
		"it fails halfway": {
			args: "cancel demo --from flooder --yes", answers: []string{oneOfTwo, ""}, posted: []string{all, all},
			code: exitUnreachable, says: []string{"1 message cancelled\n", "doesn't answer"},
		},
		"others change it too": {
			args: "cancel demo --from flooder --yes", answers: []string{oneOfTwo, raced, raced, oneCancelled},
			posted: []string{all, all, all, all}, says: []string{"2 messages cancelled\n"},
		},
		"others change it again and again": {
			args: "cancel demo --from flooder --yes", answers: []string{oneOfTwo, raced},
			posted: slices.Repeat([]string{all}, 1+mostTries), code: exitRefused, says: []string{
				"1 message cancelled\n", "rollcall: 1 message cancelled, and 1 left, as the call for these failed: others ",
			},
		},
		"messages and a flag": {args: "cancel demo m1 --from flooder", code: exitUsage, says: []string{"not both"}},
		"messages, dry":       {args: "cancel demo m1 --dry-run", code: exitUsage, says: []string{"not both"}},
		"nobody's":            {args: "cancel demo", code: exitUsage, says: []string{"by their ids, --from or --all"}},
		"of the whole fleet":  {args: "cancel --all", code: exitUsage, says: []string{"give an ID, or --from"}},
		"a reason and an id":  {args: "cancel demo --from x --reason busy", code: exitUsage, says: []string{"not both"}},
	} {
		t.Run(name, func(t *testing.T) {
			var answers []answer
			for _, body := range c.answers {
				answers = append(answers, answer{200, body})
				switch body {
				case "":
					answers[len(answers)-1] = answer{}
				case raced:
					answers[len(answers)-1].status = 429
				}
			}
			p := &platform{answers: on("POST /workspaces/demo/cancel", answers...)}
			server := httptest.NewServer(p)
			defer server.Close()
			var out, errs bytes.Buffer
			args := append(strings.Fields(c.args), "--url", server.URL)
			code := 0
			if c.person == "" {
				code = run(t.Context(), args, nil, &out, &errs)
			} else {
				code = run(t.Context(), args, strings.NewReader(c.person), &out, &errs)
			}
			var posted []string
			for _, call := range p.calls {
				posted = append(posted, strings.TrimPrefix(strings.TrimSpace(call), "POST /workspaces/demo/"))
			}
			if code != c.code || !slices.Equal(posted, c.posted) {
				t.Errorf("exit %d, posted %q", code, posted)
			}
			for _, says := range c.says {
				if !strings.Contains(out.String()+errs.String(), says) {
					t.Errorf("it lacks %q", says)
				}
			}
			if t.Failed() {
				t.Logf("%s%s", &out, &errs)
			}
		})
	}
}

// The mail of one sender is ended in all workspaces that are picked and have mail.
func TestCancelInManyWorkspaces(t *testing.T) {
	const fleet = `{"workspaces": [
		{"id": "a", "status": "degraded", "reason": "inbox_full", "inbox": {"queued": 2}},
		{"id": "b", "status": "degraded", "reason": "inbox_full"},
		{"id": "c", "status": "online", "reason": "healthy", "inbox": {"in_flight": 1}}]}`
	commandTest{
		args: "cancel --from flooder --reason inbox_full --yes",
		answers: map[string][]answer{
			"GET /workspaces": {{200, fleet}}, "POST /workspaces/a/cancel": {{200, oneCancelled}},
		},
		out: "a: 1 message cancelled\n",
	}.run(t)
}

// Who sent a message stands in its line, and can be asked for.
func TestReceiptsNameTheSender(t *testing.T) {
	const mail = `{"messages": [
		{"message_id": "m1", "state": "queued", "source_id": "flooder"},
		{"message_id": "m2", "state": "queued", "sent_by": "ana lee rcp_1", "sent_from": "192.0.2.1"},
		{"message_id": "m3", "state": "queued", "probe": true}, {"message_id": "m4", "state": "queued"},
		{"message_id": "m5", "state": "queued", "source_id": "users"},
		{"message_id": "m6", "state": "queued", "source_id": "ana"},
		{"message_id": "m7", "state": "queued", "sent_by": "operator rco_1", "sent_from": "192.0.2.1"},
		{"message_id": "m8", "state": "queued", "source_id": "root"},
		{"message_id": "m9", "state": "queued", "source_id": "_rollcall"}]}`
	p := &platform{answers: on("GET /workspaces/demo/messages", answer{200, mail})}
	code, out, errs := rollcall(t.Context(), t, p, "receipts", "demo", "--from", "users")
	for message, sender := range map[string]string{
		"m1": "flooder", "m2": "person ana lee", "m3": "probe", "m4": "users", "m5": "workspace:users", "m6": "ana",
		"m7": "root", "m8": "workspace:root", "m9": "_rollcall",
	} {
		i := strings.Index(out, message)
		if i < 0 || !strings.Contains(strings.SplitN(out[i:], "\n", 2)[0], "  "+sender+"  ") {
			t.Errorf("%s is not from %s", message, sender)
		}
	}
	if code != 0 || t.Failed() {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	if query := (receiptFilter{state: "dead", from: "users"}).query().Encode(); query != "from=users&state=dead" {
		t.Errorf("it asks for %s", query)
	}
}

// Senders of two kinds, or two workspaces, are never shown alike, whatever they are called.
func TestNoTwoKindsOfSendersAreShownAlike(t *testing.T) {
	words := []string{"users", "user", "operator", "root", "probe", "person", "ana", "person ana", "Rollcall", "_rollcall"}
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.OneOf(rapid.SampledFrom(words), rapid.String())
		id := rapid.OneOf(rapid.SampledFrom(words), rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9._-]{0,20}`)).
			Filter(func(id string) bool { return id == "_rollcall" || workspace.CheckID(id) == nil })
		senders := []struct {
			kind string
			r    api.Receipt
		}{
			{"users", api.Receipt{}},
			{"probe", api.Receipt{Probe: true}},
			{"root", api.Receipt{SentBy: "operator rco_1"}},
			{"person", api.Receipt{SentBy: people.Person{Name: name.Draw(rt, "person"), ID: "p1"}.Actor()}},
			{"workspace", api.Receipt{SourceID: id.Draw(rt, "id")}},
			{"workspace", api.Receipt{SourceID: id.Draw(rt, "id")}},
		}
		for _, a := range senders {
			for _, b := range senders {
				same := a.kind == b.kind && a.r.SourceID == b.r.SourceID
				if (senderOf(a.r) == senderOf(b.r)) != same {
					rt.Fatalf("a %s and a %s are both shown as %q: %+v, %+v", a.kind, b.kind, senderOf(a.r), a.r, b.r)
				}
			}
			if a.kind == "person" && !strings.HasPrefix(senderOf(a.r), "person ") {
				rt.Fatalf("a person is shown as %q", senderOf(a.r))
			}
		}
	})
}
