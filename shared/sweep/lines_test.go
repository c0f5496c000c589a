package sweep_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// line is a kind of line that stands in an audit trail, a history, an activity log or on the event bus, and that an
// agent, a stranger or a peer can cause.
type line struct {
	name   string // its action, or what it is
	who    string // can cause it
	most   int    // how many at most in a minute; 0: one for each call, and the call is made to leave it
	attack func(a attack)
}

// attack is one call of somebody who makes one each second; n counts them.
type attack struct {
	*world.World
	n int
}

// whatCallsLeave is how many lines of a kind calls leave in a minute: those at once, and one more. A sweep adds one.
const (
	whatCallsLeave = 6 + 1
	andTheSweep    = 1
)

// lines are all of them.
var lines = []line{
	{"status_changed", "an agent, by its metrics", whatCallsLeave + andTheSweep, attack.flipErrors},
	{"status_changed", "an agent, by its runtime", whatCallsLeave + andTheSweep, attack.flipWedge},
	{"status_changed", "a neighbour behind its address", whatCallsLeave + andTheSweep, attack.refusedBoots},
	{"status_changed", "a peer, whose messages fail", whatCallsLeave + andTheSweep, attack.failingMail},
	{"url_changed", "an agent", whatCallsLeave, attack.anotherURL},
	{"renamed", "an agent, by a register", whatCallsLeave, attack.anotherName},
	{"renamed", "an agent, by its card", whatCallsLeave, attack.anotherCard},
	{"address_changed", "an agent", 2, attack.anotherAddress},
	{"rotate", "an agent", whatCallsLeave, attack.rotate},
	{"credential_used", "an agent", whatCallsLeave, attack.rotateAndUse},
	{"url_ended", "an agent", 1 + whatCallsLeave/2, attack.endItsURL},
	{"credential_issued", "an agent without a credential, where bootstrap is open", whatCallsLeave, attack.newcomer},
	{"credential_kept", "an agent, once in a life, where bootstrap is open", 1, attack.bringsOne},
	{"lines_left_out", "an agent", andTheSweep, attack.anotherURL},
	{"recount", "a peer whose calls are cut off", andTheSweep, attack.cutOff},
	{"credential_refused", "whoever sends what looks like a person's credential", 1, attack.badPerson},
	{"enrolment_refused", "whoever has an enrolment token that has expired", 2, attack.expiredToken},
	{"message_dead", "a peer: an event for each message", 0, nil},
	{"notify", "an agent", 0, nil},
	{"delegate", "an agent", 0, nil},
	{"delegate_result", "an agent", 0, nil},
}

// byPeople are the lines that only a person causes, or the sweep.
var byPeople = []string{
	"adopt", "cancel", "create", "dismiss", "enrolment_issued", "enrolment_withdrawn", "pause", "probe", "purge",
	"redrive", "remove", "repair", "resume", "revoke", "sweep", "token_created", "token_revoked",
	"webhook_created", "webhook_deleted", "webhook_disabled", "webhook_enabled", "webhook_rotated",
}

func (a attack) beat(s workspace.Signal) {
	a.T.Helper()
	s.Kind = workspace.SignalHeartbeat
	if s.From == "" {
		s.From = world.Home
	}
	_, err := a.Registry.Signal(a.T.Context(), world.ID, a.Token, s, a.Now)
	a.NoError(err)
}

func (a attack) flipErrors() {
	rate := float64(a.n % 2)
	a.beat(workspace.Signal{ErrorRate: &rate})
}

func (a attack) flipWedge() { a.beat(workspace.Signal{Wedged: a.n%2 == 0}) }

func (a attack) refusedBoots() {
	if a.n%3 == 0 {
		a.Register(registry.Registration{})
		return
	}
	in := registry.Registration{ID: world.ID, Credential: "a neighbour's", From: world.Home}
	if _, err := a.Registry.Register(a.T.Context(), in, a.Now); err == nil {
		a.T.Fatal("accepted")
	}
}

func (a attack) failingMail() {
	a.World.Agent = func(chat.Message) delivery.PushResult {
		if a.n%9 == 0 {
			return delivery.PushResult{}
		}
		return delivery.PushResult{Handover: delivery.Unreachable, Why: "refused"}
	}
	a.Send(fmt.Sprint("m", a.n))
	a.Register(registry.Registration{URL: "http://agent.example"}) // a new boot is tried at once
	a.DrainOnce()
}

func (a attack) anotherURL() {
	a.Register(registry.Registration{URL: fmt.Sprintf("http://agent%d.example", a.n)})
}

func (a attack) anotherName() {
	a.Register(registry.Registration{URL: "http://agent.example", CardName: fmt.Sprint("n", a.n), Card: []byte(`{}`)})
}

func (a attack) anotherCard() {
	_, err := a.Registry.SetCard(a.T.Context(), world.ID, a.Token, world.Home, fmt.Sprint("n", a.n), []byte(`{}`), a.Now)
	a.NoError(err)
}

func (a attack) anotherAddress() { a.beat(workspace.Signal{From: fmt.Sprintf("10.1.0.%d", a.n)}) }

func (a attack) rotate() {
	_, text, err := a.Registry.Rotate(a.T.Context(), registry.RotateInput{
		ID: world.ID, To: workspace.ToAgent, Own: registry.Own{Credential: a.Token}, By: activity.Actor{Who: "agent"},
	}, a.Now)
	a.NoError(err)
	if text == "" {
		a.T.Fatal("no credential")
	}
}

func (a attack) rotateAndUse() {
	_, text, err := a.Registry.Rotate(a.T.Context(), registry.RotateInput{
		ID: world.ID, To: workspace.ToAgent, Own: registry.Own{Credential: a.Token}, By: activity.Actor{Who: "agent"},
	}, a.Now)
	a.NoError(err)
	a.Token = text
	a.beat(workspace.Signal{})
}

func (a attack) endItsURL() {
	a.rotateAndUse()
	a.Register(registry.Registration{URL: "http://agent.example"})
}

func (a attack) newcomer() {
	if a.n == 0 {
		_, err := a.Registry.Repair(a.T.Context(), registry.RepairInput{ID: world.ID, Force: true}, a.Now)
		a.NoError(err)
	}
	_, err := a.Registry.Register(a.T.Context(), registry.Registration{ID: world.ID, From: world.Home}, a.Now)
	a.NoError(err)
}

func (a attack) bringsOne() {
	in := registry.Registration{ID: "unused", Credential: "its own credential", From: world.Home}
	_, err := a.Registry.Register(a.T.Context(), in, a.Now)
	a.NoError(err)
}

func (a attack) cutOff() {
	if a.n%60 < 20 { // a sweep leaves what was counted a moment ago
		_, _, err := a.Store.Count(a.T.Context(), world.ID, a.Now, false, 1000)
		a.NoError(err)
	}
}

func (a attack) badPerson() {
	p := &people.People{Store: a.Store, Audit: a.Store} // each a function of its own
	a.NoError(p.NoteRefused(a.T.Context(), "rcp_x_y", "10.9.9.9", a.Now))
}

func (a attack) expiredToken() {
	a.Registry.Policy.Bootstrap = workspace.Enrolled
	by := activity.Actor{Who: "operator"}
	text, _, err := a.Registry.Enrol(a.T.Context(), "unused", 1, time.Second, by, a.Now.Add(-2*time.Second))
	a.NoError(err)
	in := registry.Registration{ID: "unused", Enrolment: text, From: world.Home}
	if _, err := a.Registry.Register(a.T.Context(), in, a.Now); fault.CodeOf(err) != fault.EnrolmentUnknown {
		a.T.Fatal(err)
	}
}

// trailOf is the audit trail of a workspace or of the platform.
func trailOf(w *world.World, id string) []activity.Row {
	rows, err := w.Store.AuditTrail(w.T.Context(), workspace.Life{Workspace: id}, "", 10_000)
	w.NoError(err)
	return rows
}

// Whoever makes a call each second leaves a bounded number of lines in each minute; the sweep after it leaves none out
// without a word.
func TestTheLinesThatCallsLeaveAreBounded(t *testing.T) {
	for _, l := range lines {
		if l.attack == nil {
			continue
		}
		t.Run(l.name+" by "+l.who, func(t *testing.T) {
			w := world.New(t, "", "http://agent.example")
			w.Register(registry.Registration{URL: "http://agent.example", CardName: "first", Card: []byte(`{}`)})
			began := w.Now.Add(time.Hour)
			for n := range 240 {
				w.Now = began.Add(time.Duration(n) * time.Second)
				l.attack(attack{w, n})
				if n%60 == 50 {
					w.SweepOnce()
				}
			}
			w.Now = w.Now.Add(time.Minute)
			w.SweepOnce()
			var at []time.Time
			for _, id := range []string{world.ID, "unused", activity.PlatformID} {
				for _, row := range trailOf(w, id) {
					if row.Method == l.name && !row.At.Before(began.Truncate(time.Minute)) {
						at = append(at, row.At)
					}
				}
			}
			slices.SortFunc(at, time.Time.Compare)
			if len(at) == 0 {
				t.Fatal("it left no line")
			}
			for i, from := range at {
				n := 0
				for _, t := range at[i:] {
					if t.Sub(from) < time.Minute {
						n++
					}
				}
				if n > l.most {
					t.Fatalf("%d lines in the minute from %s, at most %d are allowed", n, from, l.most)
				}
			}
			if f := w.Facts(); f.LeftOut() {
				t.Errorf("the sweep has not told what was left out: %+v", f.Traces)
			}
		})
	}
}

// lineName finds the actions of lines where they are written.
var lineName = regexp.MustCompile(
	`(?:\btypeNotify = |\bAction: +|\bAction = |\bAction, e\.Summary = |\bMethod: +|byAgent\(|` +
		`entry\(c, |messages\.change\(|` +
		`ms\.change\()"([a-z_]+)"`)

// The table has every line that the code writes.
func TestTheTableHasEveryLine(t *testing.T) {
	known := slices.Clone(byPeople)
	for _, l := range lines {
		known = append(known, l.name)
	}
	found := map[string]bool{"message_dead": true} // an event, and no row
	for _, folder := range []string{"../*", "../../functions/*"} {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			writes := strings.Contains(string(text), "activity.") || strings.Contains(string(text), "entry(c, ")
			if strings.HasSuffix(file, "_test.go") || !writes {
				continue
			}
			for _, match := range lineName.FindAllSubmatch(text, -1) {
				found[string(match[1])] = true
				if !slices.Contains(known, string(match[1])) {
					t.Errorf("%s writes the line %q, which is not in the table", file, match[1])
				}
			}
		}
	}
	for _, name := range known {
		if !found[name] {
			t.Errorf("no code writes the line %q", name)
		}
	}
	if len(found) < 30 {
		t.Errorf("only %v", slices.Sorted(maps.Keys(found)))
	}
}

// Whatever an agent's calls do, the status that is read is true at once; of its changes each is in the log or counted
// as left out; and after a sweep the log ends with what stands.
func TestChangesThatAreLeftOutAreCounted(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := world.New(t, "", "http://agent.example")
		a := attack{World: w}
		code := func(f workspace.Facts) string {
			v := workspace.Assess(f, w.Registry.Policy, w.Now)
			return fmt.Sprintf("%s/%s", v.Status, v.Reason)
		}
		was, changes := code(w.Facts()), int64(0)
		for range rapid.IntRange(1, 60).Draw(rt, "calls") {
			w.Now = w.Now.Add(time.Duration(rapid.IntRange(1, 20).Draw(rt, "seconds")) * time.Second)
			rate := rapid.SampledFrom([]float64{0, 0.05, 0.9}).Draw(rt, "rate")
			wedged := rapid.Bool().Draw(rt, "wedged")
			a.beat(workspace.Signal{ErrorRate: &rate, Wedged: wedged})
			is := code(w.Facts())
			if wedged != (is == "degraded/runtime_wedged") {
				rt.Fatalf("read as %s", is)
			}
			if workspace.IsChange(was, is) {
				was, changes = is, changes+1
			}
			if rapid.IntRange(0, 5).Draw(rt, "sweep") == 0 {
				w.SweepOnce()
			}
		}
		recorded := int64(0)
		list, err := w.Store.Changes(t.Context(), 0, 1000)
		w.NoError(err)
		for _, c := range list[1:] { // the first is the register's
			recorded += 1 + c.LeftOut
		}
		if pending := w.Facts().StandsChanges; recorded+pending != changes {
			rt.Fatalf("%d changes, %d recorded or counted, %d to be counted", changes, recorded, pending)
		}
		w.SweepOnce()
		last := w.Facts().AnnouncedAs
		if is := code(w.Facts()); workspace.IsChange(last, is) {
			rt.Fatalf("the log ends with %s, and it is %s", last, is)
		}
	})
}

// A change of another kind is not left out for those of one kind: what became of a credential stands in the trail,
// however often the agent names itself anew.
func TestNoLineOfACredentialIsLeftOutForOthers(t *testing.T) {
	w := world.New(t, "", "http://agent.example")
	for n := range 100 {
		attack{w, n}.anotherURL()
	}
	w.Now = w.Now.Add(time.Second)
	attack{w, 0}.rotateAndUse()
	var last []string
	for _, row := range trailOf(w, world.ID) {
		if row.At.Equal(w.Now) {
			last = append(last, row.Method)
		}
	}
	slices.Sort(last)
	w.Want("the lines of its credentials", last, "credential_used", "rotate", "url_ended")
	attack{w, 99}.anotherURL()
	w.Now = w.Now.Add(time.Second)
	w.SweepOnce()
	told := trailOf(w, world.ID)[0]
	if told.Method != "lines_left_out" || !strings.Contains(told.Summary, "94 lines") ||
		!strings.Contains(told.Summary, "http://agent99.example") {
		t.Errorf("%+v", told)
	}
	w.Now = w.Now.Add(time.Minute)
	w.SweepOnce()
	if again := trailOf(w, world.ID)[0]; again.ID != told.ID {
		t.Errorf("told twice: %+v", again)
	}
}
