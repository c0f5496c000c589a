package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// varied are the facts of a situation with more that goes on: another mode, another age of the lease, mail that waits,
// pushes and boots that failed.
func varied(t *rapid.T, f workspace.Facts, now time.Time) workspace.Facts {
	yes := func(what string) bool { return rapid.IntRange(0, 3).Draw(t, what) == 0 }
	ago := func(what string) time.Time {
		return now.Add(-time.Duration(rapid.SampledFrom([]int{2, 40, 80, 100, 115, 300}).Draw(t, what)) * time.Second)
	}
	p := workspace.DefaultPolicy()
	if yes("poll") {
		f.Declared, f.PolledAt = workspace.Poll, ago("polled")
	}
	if !f.HeartbeatAt.IsZero() && yes("another heartbeat") {
		f.HeartbeatAt = ago("heartbeat")
		f.LeaseUntil = f.HeartbeatAt.Add(p.LeaseTTL)
	}
	if !f.LastSignal().IsZero() && yes("never registered") {
		f.RegisteredAt = time.Time{}
	}
	if yes("mail") {
		f.Open, f.OldestOpen = 1, ago("mail since")
	}
	if yes("pushes fail") {
		f.PushFailures, f.PushFailingSince = rapid.IntRange(1, 4).Draw(t, "pushes"), ago("pushes fail since")
		f.PushFailedAt, f.PushFault = f.PushFailingSince, workspace.FaultRefused
	}
	for range rapid.IntRange(0, 2).Draw(t, "refused") {
		f, _ = workspace.Refuse(f, workspace.Refusal{
			Kind: rapid.SampledFrom([]workspace.SignalKind{
				workspace.SignalRegister, workspace.SignalHeartbeat, workspace.SignalPoll,
			}).Draw(t, "kind"),
			From: rapid.SampledFrom([]string{"10.0.0.1", "10.0.0.9"}).Draw(t, "refused from"),
		}, p, ago("refused"))
	}
	return f
}

// denials are the links that are not well, as an explanation has it in words and in what it expects.
func denials(e workspace.Explanation, expected workspace.Expectation) (links []string) {
	says := func(words ...string) bool {
		return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(e.Summary, word) })
	}
	if says("o message can reach it", "o message reaches it", "gets no messages", "doesn't fetch", "messages wait") ||
		expected == workspace.ExpectNobody {
		links = append(links, "mail", "probe")
	}
	if says("is tried until it arrives", "pushed to its URL fail", "fails each", "mail is refused",
		"doesn't deliver its mail", "one of them") || expected == workspace.ExpectRetrying {
		links = append(links, "mail")
	}
	if says("pushed to its URL fail") {
		links = append(links, "url")
	}
	if says("nothing is heard", "has fallen silent", "removed it") {
		links = append(links, "heartbeat")
	}
	if says("removed it") {
		links = append(links, "register")
	}
	if says("isn't accepted", "come without its credential", "refuses the agent's credential") {
		links = append(links, "credential", "register")
	}
	for _, r := range e.Remarks {
		if r.Code == workspace.RemarkRegisterRefused {
			links = append(links, "register")
		}
		if r.Code == workspace.RemarkCallRefused {
			links = append(links, "credential")
		}
		if r.Code == workspace.RemarkCallsTooSeldom {
			links = append(links, "heartbeat")
		}
	}
	if strings.Contains(e.Next, "its next register is refused too") {
		links = append(links, "register")
	}
	if e.Status != workspace.StatusOnline {
		links = append(links, "status")
	}
	return links
}

// Whatever the verdict, no line of doctor is ok that the verdict denies. And while the verdict is that all is well, no
// line is broken.
func TestNoLineOfDoctorDeniesTheVerdict(t *testing.T) {
	credential, _ := token.Mint(token.Workspace)
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(credential), 0o600); err != nil {
		t.Fatal(err)
	}
	p, denied := workspace.DefaultPolicy(), map[string]int{}
	now := time.Now().Truncate(time.Second)
	check := func(rt failer, f workspace.Facts) {
		view := httpapi.ViewerOf(t.Context(), &registry.Registry{Policy: p}, now).
			Workspace(f, workspace.Profile{URL: "http://127.0.0.1:1/a2a"})
		e := workspace.Fleet{}.Explain(f, p, now)
		state := "in_use"
		w := &walker{t: t, f: f, read: true, view: view, held: func() (int, any) {
			return http.StatusOK, api.Inspected{WorkspaceID: "w", Credential: state, From: "10.0.0.1", At: now, Workspace: view}
		}}
		v, _ := examined(t, w, "w", "--credential-file", file)
		for _, link := range denials(e, view.Expected) {
			if denied[link]++; v.is(link) == healthy {
				rt.Fatalf("%s is ok: %s, and its verdict says: %s", link, asFound(v), e.Text())
			}
		}
		if well := e.Status == workspace.StatusOnline && len(e.Remarks) == 0 && arrives(view.Expected); well &&
			v.Broken != "" {
			rt.Fatalf("%s is broken: %s, and its verdict says: %s", v.Broken, asFound(v), e.Text())
		}
	}
	inAllSituations(t, now, check)
	for _, link := range []string{"credential", "register", "heartbeat", "mail", "url", "status"} {
		if denied[link] == 0 {
			t.Errorf("no verdict denied %s", link)
		}
	}
}

// Whatever the verdict, no line of doctor says that pushes fail unless the platform's facts have one that did: neither
// of an agent whose credential is refused, nor of one that is busy, silent or late.
func TestNoLineSaysThatPushesFailUnlessOneDid(t *testing.T) {
	said, silent := 0, 0
	now := time.Now().Truncate(time.Second)
	check := func(rt failer, f workspace.Facts) {
		view := httpapi.ViewerOf(t.Context(), &registry.Registry{Policy: workspace.DefaultPolicy()}, now).
			Workspace(f, workspace.Profile{URL: "http://127.0.0.1:1/a2a"})
		failed := f.PushFailures > 0 || f.BusyAnswers > 0 || !f.UndeliveredAt.IsZero()
		d := &doctor{ws: &view, now: now}
		for _, link := range []string{"credential", "register", "heartbeat", "mail", "url", "probe"} {
			why, _ := d.denied(link)
			says := strings.Contains(why, "pushes fail") || strings.Contains(why, "pushes to the agent fail")
			if says && !failed {
				rt.Fatalf("%s: %q, of %s (%s), expected %s: %s", link, why, view.Status, view.Reason, view.Expected, view.Hint)
			}
			if link == "url" && says {
				said++
			}
			if link == "url" && !says && view.Expected == workspace.ExpectRetrying {
				silent++
			}
		}
	}
	inAllSituations(t, now, check)
	if said == 0 || silent == 0 {
		t.Errorf("it was said %d times, and not %d times", said, silent)
	}
}

// failer fails a test or a draw of one.
type failer interface{ Fatalf(string, ...any) }

// inAllSituations checks the facts of each situation, and variations of them.
func inAllSituations(t *testing.T, now time.Time, check func(failer, workspace.Facts)) {
	t.Helper()
	found := situations(now)
	for _, all := range found {
		for _, f := range all {
			check(t, f)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		all := found[rapid.SampledFrom(slices.Sorted(maps.Keys(found))).Draw(rt, "reason")]
		check(rt, varied(rt, rapid.SampledFrom(all).Draw(rt, "situation"), now))
	})
}

// asFound is what was found.
func asFound(v diagnosis) string {
	raw, err := json.MarshalIndent(v.Findings, "", "  ")
	return fmt.Sprint(string(raw), err)
}
