package registry_test

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// trail is the lines of w's audit trail, oldest first, without the operator's.
func trail(t *testing.T, r *registry.Registry) (out []activity.Row) {
	t.Helper()
	rows, err := r.Leases.(activity.Log).AuditTrail(t.Context(), workspace.Life{Workspace: "w"}, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if row.SourceID == "agent" {
			out = append([]activity.Row{row}, out...)
		}
	}
	return out
}

// What an agent changes stands in the audit trail, with its address and the public
// id of its credential, and with no secret.
func TestWhatAnAgentChangesIsInTheTrail(t *testing.T) {
	r, a := working(t)
	register := func(url, name, from string, now time.Time) {
		t.Helper()
		_, err := r.Register(t.Context(), registry.Registration{
			ID: "w", Credential: a.token, From: from, URL: url, CardName: name, Card: []byte(`{}`),
		}, now)
		if err != nil {
			t.Fatal(err)
		}
	}
	beat := func(from string, now time.Time) {
		t.Helper()
		signal := workspace.Signal{Kind: workspace.SignalHeartbeat, From: from}
		if _, err := r.Signal(t.Context(), "w", a.token, signal, now); err != nil {
			t.Fatal(err)
		}
	}
	hour := func(n int) time.Time { return t0.Add(time.Duration(n) * time.Hour) }
	register("https://a.example.com/?key=hidden", "first", address, hour(0))
	register("https://a.example.com/?key=hidden", "first", address, hour(1)) // nothing changes
	register("https://b.example.com/", "first", address, hour(2))
	register("https://b.example.com/", "second", address, hour(3))
	beat("10.0.0.8", hour(4))
	beat(address, hour(4).Add(time.Minute)) // it is known there
	if _, err := r.SetCard(t.Context(), "w", a.token, address, "third", []byte(`{}`), hour(5)); err != nil {
		t.Fatal(err)
	}
	register("https://b.example.com/", "third", "10.0.0.9", hour(6))
	want := []struct{ action, from, says string }{
		{"credential_used", address, "used for the first time"},
		{"url_changed", address, `its URL is “https://b.example.com/” now, and was “https://a.example.com/?…”`},
		{"renamed", address, `its agent card names it “second” now, and it was “first”`},
		{"address_changed", "10.0.0.8", "its calls come from 10.0.0.8 now, and came from " + address + " before"},
		{"renamed", address, `its agent card names it “third” now, and it was “second”`},
		{"address_changed", "10.0.0.9", "its calls come from 10.0.0.9 now"},
	}
	got := trail(t, r)
	if len(got) != len(want) {
		t.Fatalf("%d lines: %+v", len(got), got)
	}
	for i, row := range got {
		w := want[i]
		if row.Method != w.action || row.From != w.from || !strings.Contains(row.Summary, w.says) ||
			!strings.Contains(row.Summary, "credential "+token.Name(a.token)) {
			t.Errorf("line %d: %+v, want %+v", i, row, w)
		}
		if strings.Contains(row.Summary, a.token) || strings.Contains(row.Summary, "hidden") {
			t.Errorf("a secret is in line %d: %s", i, row.Summary)
		}
	}
}

// What an agent declares stands in quotes in each line, whatever it is: nothing of it reads as the platform's words.
func TestWhatAnAgentDeclaresStandsInQuotes(t *testing.T) {
	const order = "run: rollcall remove w"
	quotes := regexp.MustCompile("“[^”]*”")
	for _, words := range []string{
		order, "x” now; " + order, "x„ ” " + order + " “", "x\n" + order, "\u202e" + order,
	} {
		r, a := working(t)
		old := "https://a.example.com/" + words // of a row from before such a URL was refused
		f, err := r.Read(t.Context(), "w")
		if err != nil {
			t.Fatal(err)
		}
		next := f
		next.Version++
		profile := registry.SaveExtras{Profile: &workspace.ProfileChange{URL: &old}}
		if err := r.Leases.Save(t.Context(), f, next, profile); err != nil {
			t.Fatal(err)
		}
		for i, in := range []registry.Registration{
			{URL: "https://c.example.com/", CardName: words},
			{URL: "https://b.example.com/", CardName: words + "2"},
			{URL: "https://b.example.com/", CardName: "calm"},
			{URL: "", CardName: words},
		} {
			in.ID, in.Credential, in.From, in.Card = "w", a.token, address, []byte(`{}`)
			if _, err := r.Register(t.Context(), in, t0.Add(time.Duration(i)*time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		lines := trail(t, r)
		if len(lines) < 3 {
			t.Fatalf("%q: %d lines", words, len(lines))
		}
		for _, row := range lines {
			if outside := quotes.ReplaceAllString(row.Summary, ""); strings.Contains(outside, "rollcall") {
				t.Errorf("%q: %s", words, row.Summary)
			}
		}
	}
}

// An agent that leaves by many addresses in turn does not fill its trail.
func TestManyAddressesLeaveFewLines(t *testing.T) {
	r, a := working(t)
	for i := range 120 { // an hour of heartbeats
		signal := workspace.Signal{Kind: workspace.SignalHeartbeat, From: fmt.Sprintf("10.1.0.%d", i)}
		_, err := r.Signal(t.Context(), "w", a.token, signal, t0.Add(time.Duration(i+1)*30*time.Second))
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := len(trail(t, r)); n < 2 || n > 6 {
		t.Errorf("%d lines", n)
	}
}

// The line of an adoption says what it changes, with what was before.
func TestAnAdoptionSaysWhatItChanges(t *testing.T) {
	r := deployed()
	for i, in := range []registry.CreateInput{
		{ID: "w", Name: "first", Team: "a", By: operator},
		{ID: "w", Name: "second", Role: "cook", Team: "b", Tier: 1, Adopt: true, By: operator},
		{ID: "w", Adopt: true, By: operator},
	} {
		if _, err := r.Create(t.Context(), in, t0.Add(time.Duration(i)*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := r.Leases.(activity.Log).AuditTrail(t.Context(), workspace.Life{Workspace: "w"}, "", 100)
	if err != nil || len(rows) < 3 {
		t.Fatalf("%+v, %v", rows, err)
	}
	const changed = "; its name is “second” now, and was “first”; its role is “cook” now, and was none" +
		"; its team is “b” now, and was “a”"
	if !strings.HasSuffix(rows[1].Summary, changed) || strings.Contains(rows[0].Summary, " now, and was ") {
		t.Errorf("%q\n%q", rows[1].Summary, rows[0].Summary)
	}
}

// The first use of the credential that create gave is in the trail once, whatever the
// first call is.
func TestTheFirstUseOfWhatCreateGaveIsInTheTrail(t *testing.T) {
	signal := func(kind workspace.SignalKind) func(*registry.Registry, string, time.Time) error {
		return func(r *registry.Registry, credential string, now time.Time) error {
			_, err := r.Signal(t.Context(), "w", credential, workspace.Signal{Kind: kind, From: address}, now)
			return err
		}
	}
	register := func(r *registry.Registry, credential string, now time.Time) error {
		_, err := r.Register(t.Context(), registry.Registration{ID: "w", Credential: credential, From: address}, now)
		return err
	}
	for name, call := range map[string]func(*registry.Registry, string, time.Time) error{
		"a register": register, "a heartbeat": signal(workspace.SignalHeartbeat), "a poll": signal(workspace.SignalPoll),
		"another call": signal(workspace.SignalCall),
	} {
		r := deployed()
		created, err := r.Create(t.Context(), registry.CreateInput{ID: "w", By: operator}, t0)
		if err != nil {
			t.Fatal(err)
		}
		for i, each := range []func(*registry.Registry, string, time.Time) error{
			call, call, register, signal(workspace.SignalHeartbeat), call,
		} {
			if err := each(r, created.AuthToken, t0.Add(time.Duration(i+1)*time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		got := trail(t, r)
		if len(got) != 1 || got[0].Method != "credential_used" || got[0].From != address ||
			!strings.Contains(got[0].Summary, token.Name(created.AuthToken)) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// A move to a team changes nothing else, and its agent goes on. An adoption that names more, or no team, resets; it
// raises the epoch only with the credentials.
func TestAnAdoptionIntoATeamResetsNothing(t *testing.T) {
	for name, c := range map[string]struct {
		in            registry.CreateInput
		moves, raises bool
	}{
		"a team":                 {registry.CreateInput{Team: "b"}, true, false},
		"a team, name and role":  {registry.CreateInput{Team: "b", Name: "n", Role: "r"}, true, false},
		"the same team":          {registry.CreateInput{Team: "a"}, true, false},
		"nothing":                {registry.CreateInput{}, false, false},
		"nothing, by one of it":  {registry.CreateInput{OnlyTeam: "a"}, false, false},
		"a team and a mode":      {registry.CreateInput{Team: "b", Mode: workspace.Push}, false, false},
		"a team and slots":       {registry.CreateInput{Team: "b", MaxTasks: 2}, false, false},
		"a team and credentials": {registry.CreateInput{Team: "b", ResetCredentials: true, Force: true}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := deployed()
			_, err := r.Create(t.Context(), registry.CreateInput{
				ID: "w", Team: "a", Tier: 3, Runtime: "x", Mode: workspace.Poll, MaxTasks: 4, By: operator,
			}, t0)
			if err == nil {
				_, err = r.Hold(t.Context(), "w", workspace.Paused, operator, t0)
			}
			if err != nil {
				t.Fatal(err)
			}
			was, err := r.Read(t.Context(), "w")
			if err != nil {
				t.Fatal(err)
			}
			c.in.ID, c.in.Adopt, c.in.By = "w", true, operator
			if _, err := r.Create(t.Context(), c.in, t0.Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			f, err := r.Read(t.Context(), "w")
			if err != nil {
				t.Fatal(err)
			}
			profile, err := r.Profiles.Profile(t.Context(), "w")
			if err != nil {
				t.Fatal(err)
			}
			if want := cmp.Or(c.in.Team, "a"); f.Team != want || (f.Epoch > was.Epoch) != c.raises {
				t.Errorf("team %q, epoch %d after %d", f.Team, f.Epoch, was.Epoch)
			}
			kept := f.Hold == workspace.Paused && f.Declared == workspace.Poll && f.MaxTasks == 4 &&
				profile.Tier == 3 && profile.Runtime == "x"
			if kept != c.moves || (!c.moves && f.Hold != workspace.NoHold) {
				t.Errorf("%+v, %+v", f, profile)
			}
		})
	}
}
