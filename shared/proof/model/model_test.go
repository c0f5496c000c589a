package model_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/proof/model"
)

// rounds is the bound of liveness: from any state, this many sweeps without
// faults empty a live agent's inbox, and so do this many heartbeats. One ends
// what runs, two give a message that failed once its second attempt, and each
// message behind it its turn.
const rounds = 6

// search visits every reachable state, the nearest first, and returns the
// shortest trace to one that breaks a promise; "" if none does.
func search(r model.Rules, starts []start) (states int, trace string) {
	loud := r
	r.Quiet = true
	seen := map[model.Key]bool{}
	var keys []model.Key   // as they were come to, and
	var from []int32       // from which of these
	var next []model.State // those of them that are still to be looked at
	visit := func(s model.State, by int) {
		if k := s.Key(); !seen[k] {
			seen[k] = true
			keys, from, next = append(keys, k), append(from, int32(by)), append(next, s)
		}
	}
	for i, begin := range starts {
		visit(begin.state, i)
	}
	tell := func(at int, what string) string {
		var path []model.Key
		for ; int(from[at]) != at; at = int(from[at]) {
			path = append(path, keys[at])
		}
		s := starts[at].state
		lines := []string{starts[at].name}
		for _, k := range slices.Backward(path) {
			for _, step := range model.Next(s, loud) {
				if step.State.Key() == k {
					s, lines = step.State, append(lines, step.Name)
					break
				}
			}
		}
		return strings.Join(append(lines, "WRONG: "+what), "\n  ")
	}
	var old, now [model.Messages]model.Seen
	for at := 0; len(next) > 0; at++ {
		s := next[0]
		next = next[1:]
		was := s.View(&old)
		if what := model.Broken(was); what != "" {
			return len(keys), tell(at, what)
		}
		for _, way := range []model.Way{model.BySweeps, model.ByBeats} {
			if model.Unsettled(model.Calm(s, r, way, rounds)) {
				return len(keys), tell(at, fmt.Sprintf("after this, without any fault, mail still waits after %d %s", rounds, way))
			}
		}
		for i, step := range model.Next(s, r) {
			if what := model.Turned(was, step.State.View(&now)); what != "" {
				return len(keys), tell(at, what+": "+model.Next(s, loud)[i].Name)
			}
			visit(step.State, at)
		}
	}
	return len(keys), ""
}

type start struct {
	name  string
	state model.State
}

// starts are the workspaces a search begins with; two have been through a death.
func starts() []start {
	back := model.Start(true, true)
	back.C[0], back.Open, back.Ends = model.Cursor{Row: 2, Epoch: 1}, 1, 1
	back.M[0].Seen = model.Seen{Stage: model.Queued, Late: true}
	back.M[1].Seen = model.Seen{Stage: model.Delivered, Took: true}
	died := model.Start(false, false)
	died.Open, died.Ends = 1, 1
	died.M[0].Stage, died.M[1].Stage = model.Dead, model.Queued
	return []start{
		{"it is pushed to", model.Start(false, false)},
		{"it polls", model.Start(true, true)},
		{"its row says poll, and it serves pushes (the incident)", model.Start(true, false)},
		{"m1 died, its agent took m2 by a poll, and m1 was redriven", back},
		{"m1 died, m2 waits to be pushed", died},
	}
}

// searches are the concerns, each searched by itself, so that it can be searched
// whole: what goes wrong between drains at once; time, each timer by itself; and
// hosts that replace each other, where the one before goes on as if nothing were.
var searches = map[string]model.Rules{
	"drains": {Drains: 2, MaxFaults: 2},
	"time":   {Drains: 2, MaxFaults: 1, Timers: true, Expiry: true},
	"hosts":  {Drains: 1, MaxFaults: 1, TwoHosts: true, Copies: true, HandsOff: true},
}

// ROLLCALL_MODEL_FAULTS=2 searches further, with one fault more in each, in some
// minutes.
func TestEveryReachableStateKeepsThePromises(t *testing.T) {
	faults := uint64(1)
	if text := os.Getenv("ROLLCALL_MODEL_FAULTS"); text != "" {
		var err error
		if faults, err = strconv.ParseUint(text, 10, 8); err != nil || faults < 1 {
			t.Fatalf("ROLLCALL_MODEL_FAULTS=%s: %v", text, err)
		}
	}
	for _, concern := range slices.Sorted(maps.Keys(searches)) {
		t.Run(concern, func(t *testing.T) {
			r := searches[concern]
			r.MaxFaults += uint8(faults - 1)
			from := starts()
			if r.HandsOff {
				from = from[:3] // the others come of a redrive
			}
			states, trace := search(r, from)
			if trace != "" {
				t.Fatalf("after %d states:\n  %s", states, trace)
			}
			t.Logf("%d states of %d messages, %d drains at once and %d faults: every promise is kept in each, and from each %d sweeps alone, or heartbeats alone, empty a live agent's inbox", states, model.Messages, r.Drains, r.MaxFaults, rounds)
		})
	}
}

// The search has teeth: it finds the mistakes of the system this one replaces,
// and those that invite.
func TestTheSearchFindsKnownMistakes(t *testing.T) {
	for name, c := range map[string]struct {
		rules model.Rules
		want  string
	}{
		"the second busy eats a message":          {model.Rules{BusyEats: true}, "nobody took it"},
		"a claim without a visibility timeout":    {model.Rules{NoVisibility: true, MaxFaults: 1}, "mail still waits"},
		"the row's mode is sticky":                {model.Rules{StickyMode: true}, "mail still waits"},
		"a cursor eats what was never handed out": {model.Rules{CursorEats: true}, "nobody took it"},
		"a cursor proves a reply that was lost":   {model.Rules{AfterIgnored: true, MaxFaults: 1}, "nobody took it"},
		"a late host acknowledges":                {model.Rules{LateHostAcks: true, TwoHosts: true}, "a newer one has replaced"},
		"a claim keeps its old epoch":             {model.Rules{OldClaimStays: true, TwoHosts: true}, "a newer one has replaced"},
		"a push to a late host counts":            {model.Rules{LatePushCounts: true, TwoHosts: true}, "a newer one has replaced"},
		"a poll takes what a push still has":      {model.Rules{PollRobs: true}, "taken from one that still had it"},
		"a late deliverer writes all the same":    {model.Rules{BlindSettle: true, MaxFaults: 1}, "come to its end"},
		"drains don't lock the task slot":         {model.Rules{NoSlotLock: true, MaxFaults: 1}, "2 pushes run at once"},
		"the sweep never rings":                   {model.Rules{SweepRingsNot: true}, "6 sweeps"},
		"the heartbeat never rings":               {model.Rules{BeatRingsNot: true}, "6 heartbeats"},
		"a register undoes a removal":             {model.Rules{RemovedComesBack: true, MaxFaults: 1}, "there again"},
		"a paused workspace hands out its mail":   {model.Rules{PausedHandsOut: true, MaxFaults: 1}, "handed out by a paused"},
		"a message that is sent again is another": {model.Rules{AcceptTwice: true, MaxFaults: 1}, "accepted before"},
		"a message expires under its deliverer":   {model.Rules{ExpiresHeld: true, Expiry: true}, "expired in the hands"},
		"a poll ends what it acknowledges":        {model.Rules{ExpiresAcked: true, Expiry: true}, "acknowledged, and is expired"},
	} {
		t.Run(name, func(t *testing.T) {
			c.rules.Drains = model.Workers
			states, trace := search(c.rules, starts())
			if !strings.Contains(trace, c.want) {
				t.Fatalf("not found in %d states: %q", states, trace)
			}
			t.Logf("found after %d states:\n  %s", states, trace)
		})
	}
}
