package workspace_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// seldomTold is what a verdict says of an agent whose calls are further apart than its lease; "": nothing. A silent one
// has it in its hint, any other in a remark.
func seldomTold(v workspace.Verdict) string {
	if v.Reason == workspace.ReasonLeaseExpired && strings.Contains(v.Hint, "call too seldom") {
		return v.Hint
	}
	for _, r := range v.Remarks {
		if r.Code == workspace.RemarkCallsTooSeldom {
			return r.Text
		}
	}
	return ""
}

// pacer is an agent that calls at any times, and what was true of its calls.
type pacer struct {
	f     workspace.Facts
	now   time.Time
	boot  time.Time
	calls []paced
}

// paced is an accepted call.
type paced struct {
	at time.Time
	// fresh is that it ends what was known of its pace: it is a register, the first call of a new boot after a silence, or
	// it ended trouble while the lease ran.
	fresh bool
	noted time.Time // the last call by then that is in the facts: a poll that says nothing new is not
}

const (
	// kept is the longest pause that no lease ends with, and silence the shortest that each ends with.
	kept, silence = 100, 200
	// atOnce is for how long calls count as one.
	atOnce = 5 * time.Second
)

// call is a call after a pause.
func (a *pacer) call(t *rapid.T, pause int, kind workspace.SignalKind) {
	a.now = a.now.Add(time.Duration(pause) * time.Second)
	if kind == workspace.SignalRegister {
		a.f = register(a.f, workspace.Declaration{From: "10.0.0.1"}, a.now)
		a.calls, a.boot = append(a.calls, paced{a.now, true, a.now}), a.now
		return
	}
	s := workspace.Signal{Kind: kind, From: rapid.SampledFrom([]string{"10.0.0.1", "10.0.0.2"}).Draw(t, "from")}
	fresh := false
	if kind == workspace.SignalHeartbeat && !a.boot.IsZero() {
		if pause >= silence && rapid.IntRange(0, 5).Draw(t, "it was started anew") == 0 {
			a.boot, fresh = a.now, true
		}
		s.Instance = workspace.BootedAt(a.boot)
	}
	if kind == workspace.SignalHeartbeat {
		s.Wedged = rapid.IntRange(0, 9).Draw(t, "it is stuck") == 0
		fresh = fresh || pause < silence && !s.Wedged && !a.f.WedgedSince.IsZero()
	}
	if !workspace.Noted(a.f, s, p, a.now) {
		a.f = workspace.Observe(a.f, s, p, a.now)
	}
	a.calls = append(a.calls, paced{a.now, fresh, a.f.LastSignal()})
}

// silences are the last two silences: of each the pause, and the call that ended it. Nothing fresh has come since the
// first of them, and right after each, the agent was silent again.
func (a *pacer) silences() (pauses []time.Duration) {
	last := a.calls[len(a.calls)-1].noted // of what was heard in one go
	for i := len(a.calls) - 1; i > 0 && len(pauses) < 2; i-- {
		c, before := a.calls[i], a.calls[i-1]
		if c.fresh || last.Sub(c.at) > atOnce {
			return nil
		}
		if pause := c.at.Sub(before.at); pause >= silence*time.Second {
			pauses, last = append(pauses, pause), before.noted
		}
	}
	return pauses
}

var aSilence = regexp.MustCompile(`nothing was heard for (\S+) or more before each of the last (\d+) times`)

// check fails unless the agent's pace is told now just if its last two silences show it, and as they were.
func (a *pacer) check(t *rapid.T, when string, later time.Duration) (told bool) {
	pauses, v := a.silences(), workspace.Assess(a.f, p, a.now.Add(later))
	text := seldomTold(v)
	if want := len(pauses) == 2; (text != "") != want {
		t.Fatalf("%s: told %q after silences of %v: %v", when, text, pauses, a.calls)
	}
	if text == "" {
		return false
	}
	said := aSilence.FindStringSubmatch(text)
	if said == nil {
		t.Fatalf("%s: %q", when, text)
	}
	shortest, err := time.ParseDuration(said[1])
	if err != nil || shortest > min(pauses[0], pauses[1]) || shortest <= p.LeaseTTL {
		t.Fatalf("%s: %q after silences of %v", when, text, pauses)
	}
	return true
}

// An agent whose calls are further apart than its lease is told that, exactly when its last two calls or more show it:
// when it is heard, and in the silence after that. One that starts, that goes on to call, or that stays away is not.
func TestAPaceSlowerThanTheLeaseIsTold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := &pacer{now: t0}
		a.f = workspace.Create("w", token.Digest("secret"), workspace.Poll, 1, t0)
		kinds := rapid.SampledFrom([]workspace.SignalKind{
			workspace.SignalHeartbeat, workspace.SignalHeartbeat, workspace.SignalPoll, workspace.SignalCall,
		})
		pauses := rapid.SampledFrom([]int{1, 2, 15, 30, kept, silence, silence, silence + 37, 3 * silence, 100 * silence})
		if rapid.Bool().Draw(t, "it says since when it runs") {
			a.boot = t0
		}
		a.call(t, 1, workspace.SignalRegister)
		for range rapid.IntRange(0, 12).Draw(t, "calls") {
			kind := kinds.Draw(t, "kind")
			if rapid.IntRange(0, 9).Draw(t, "it registers") == 0 {
				kind = workspace.SignalRegister
			}
			a.call(t, pauses.Draw(t, "pause"), kind)
			a.check(t, "at its call", 0)
		}
		a.boot, a.f.WedgedSince = time.Time{}, time.Time{}
		for range 2 { // each draw has one that is told
			a.call(t, silence+rapid.IntRange(0, 40).Draw(t, "too late by"), workspace.SignalPoll)
			for range rapid.IntRange(0, 4).Draw(t, "polls with it") {
				a.call(t, 1, workspace.SignalPoll)
			}
		}
		if !a.check(t, "after two late calls", 0) || !a.check(t, "in the silence after them", silence*time.Second) {
			t.Fatal("it is not told")
		}
		if v := workspace.Assess(a.f, p, a.now.Add(100*silence*time.Second)); seldomTold(v) != "" || v.Action != "restart" {
			t.Fatalf("it stays away, and %q (%s)", v.Hint, v.Action)
		}
		paused := workspace.SetHold(a.f, workspace.Paused, p, a.now)
		if told := seldomTold(workspace.Assess(paused, p, a.now)); told != "" {
			t.Fatalf("an operator paused it, and %q", told)
		}
	})
}

// Where the platform may have heard nobody, no silence shows the pace of an agent. That only the sweeper was down says
// nothing of that.
func TestAnOutageShowsNoPace(t *testing.T) {
	f := beat(beat(silentSince(0), "10.0.0.1", at(300)), "10.0.0.1", at(600))
	for name, c := range map[string]struct {
		fleet workspace.Fleet
		told  bool
	}{
		"nothing is known":               {workspace.Fleet{}, true},
		"an outage before":               {workspace.Fleet{OutageStart: at(-500), OutageEnd: at(-10)}, true},
		"an outage in its first silence": {workspace.Fleet{OutageStart: at(10), OutageEnd: at(290)}, false},
		"an outage in its last silence":  {workspace.Fleet{OutageStart: at(310), OutageEnd: at(590)}, false},
		"the sweeper alone was down": {
			workspace.Fleet{OutageStart: at(310), OutageEnd: at(590), SweeperOnly: true}, true,
		},
		"an outage after it was heard": {workspace.Fleet{OutageStart: at(601), OutageEnd: at(900)}, true},
	} {
		if told := seldomTold(c.fleet.Assess(f, p, at(601))); (told != "") != c.told {
			t.Errorf("%s: %q", name, told)
		}
	}
}

// What is told of such an agent names its pace, its lease and what to do, and says of neither status what is not so.
func TestTheWordsAboutASlowPace(t *testing.T) {
	f := beat(beat(silentSince(0), "10.0.0.1", at(200)), "10.0.0.1", at(400))
	for when, want := range map[int][]string{
		401: {
			"w is online (healthy)", "also: nothing was heard for 3m20s or more before each of the last 2 times that a call " +
				"came, and its lease is for 1m30s: it counts as offline in between, though it may run",
			"next_heartbeat_seconds", "rollcall doctor w",
		},
		590: {
			"w is offline (lease_expired)", "calls less often than each lease", "nothing was heard for 3m20s or more",
			fmt.Sprintf("If none comes by %s, it has most likely stopped", at(1000).Format(time.RFC3339)),
			"the last of 2 calls that each ended a silence of 3m20s or more",
		},
	} {
		text := workspace.Fleet{}.Explain(f, p, at(when)).Text()
		for _, words := range want {
			if !strings.Contains(text, words) {
				t.Errorf("at %d, %q is not told in %s", when, words, text)
			}
		}
		if strings.Contains(text, "restart") {
			t.Errorf("at %d, a restart is asked for: %s", when, text)
		}
	}
}
