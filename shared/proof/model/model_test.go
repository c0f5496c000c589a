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

// rounds is the bound of liveness: from any state, this many sweeps without faults
// empty a live agent's inbox, and so do this many heartbeats. One round ends what runs;
// a message that always fails needs one for each of its attempts, and one more to die
// after another has passed; each message behind it has its turn.
const rounds = 8

// search visits every reachable state, the nearest first.
type search struct {
	rules   model.Rules
	starts  []start
	seen    map[model.Key]bool
	keys    []model.Key   // of the states, in the order they were found
	from    []int32       // the index of the state before; of a start, its own
	pending []model.State // the states that were found and not visited yet
	live    map[model.WakeupSource]*model.Liveness
}

type start struct {
	name  string
	state model.State
}

// run returns how many states were found, and the shortest trace to one that breaks
// a promise; "" if none does.
func run(rules model.Rules, starts []start) (states int, trace string) {
	rules.NoNames = true
	s := &search{rules: rules, starts: starts, seen: map[model.Key]bool{}, live: map[model.WakeupSource]*model.Liveness{
		model.Sweeps:     model.NewLiveness(rules, model.Sweeps, rounds),
		model.Heartbeats: model.NewLiveness(rules, model.Heartbeats, rounds),
	}}
	for i, begin := range starts {
		s.found(begin.state, i)
	}
	for at := 0; len(s.pending) > 0; at++ {
		state := s.pending[0]
		s.pending = s.pending[1:]
		if broken := s.visit(state, at); broken != "" {
			return len(s.keys), s.trace(at, broken)
		}
	}
	return len(s.keys), ""
}

func (s *search) found(state model.State, from int) {
	key := state.Key()
	if s.seen[key] {
		return
	}
	s.seen[key] = true
	s.keys, s.from, s.pending = append(s.keys, key), append(s.from, int32(from)), append(s.pending, state)
}

// visit says which promise the state, or a step from it, breaks; "" for none.
func (s *search) visit(state model.State, at int) string {
	var before, after [model.MessageCount]model.MessageView
	view := state.View(&before)
	if broken := model.StateBreaks(view); broken != "" {
		return broken
	}
	for _, source := range []model.WakeupSource{model.Sweeps, model.Heartbeats} {
		if !s.live[source].Holds(state) {
			return fmt.Sprintf("from here on without a fault, mail still waits, or trouble lasts, after %d %s", rounds, source)
		}
	}
	for i, step := range model.Next(state, s.rules) {
		if broken := model.StepBreaks(view, step.State.View(&after)); broken != "" {
			return broken + ": " + model.Next(state, s.named())[i].Name
		}
		s.found(step.State, at)
	}
	return ""
}

// named are the rules with which steps have names.
func (s *search) named() model.Rules {
	r := s.rules
	r.NoNames = false
	return r
}

// trace is the names of the steps from a start to a state, and which promise that breaks.
func (s *search) trace(at int, broken string) string {
	var path []model.Key
	for ; int(s.from[at]) != at; at = int(s.from[at]) {
		path = append(path, s.keys[at])
	}
	state, lines := s.starts[at].state, []string{s.starts[at].name}
	for _, key := range slices.Backward(path) {
		for _, step := range model.Next(state, s.named()) {
			if step.State.Key() == key {
				state, lines = step.State, append(lines, step.Name)
				break
			}
		}
	}
	return strings.Join(append(lines, "BROKEN: "+broken), "\n  ")
}

// starts are the workspaces that a search begins with. In the last two a message
// has died.
func starts() []start {
	redriven := model.Start(true, true)
	redriven.Cursors[0], redriven.Open, redriven.Ended = model.Cursor{Row: 2, Epoch: 1}, 1, 1
	redriven.Messages[0].MessageView = model.MessageView{Stage: model.Queued, Redriven: true}
	redriven.Messages[1].MessageView = model.MessageView{Stage: model.Delivered, Taken: true}
	died := model.Start(false, false)
	died.Open, died.Ended = 1, 1
	died.Messages[0].Stage, died.Messages[1].Stage = model.Dead, model.Queued
	return []start{
		{"the agent is pushed to", model.Start(false, false)},
		{"the agent polls", model.Start(true, true)},
		{"the stored mode is poll, but the agent only serves pushes (the incident)", model.Start(true, false)},
		{"m1 died, the agent took m2 by a poll, and m1 was redriven", redriven},
		{"m1 died, and m2 waits for a push", died},
	}
}

// searches are the concerns. Each is searched by itself, so that a search can visit
// every state: drains that run at once; time, with each timer by itself, for two drains
// without a fault and for one with some; hosts that
// replace each other while the one before goes on; and trouble, which is an agent that
// hangs, can't be reached or fails all mail for a while, and messages that always fail.
var searches = map[string]model.Rules{
	"drains":          {MaxAttempts: 1, MaxDrains: 2, MaxFaults: 2},
	"time":            {MaxAttempts: 1, MaxDrains: 2, SeparateTimers: true, Expiry: true},
	"time and faults": {MaxAttempts: 1, MaxDrains: 1, MaxFaults: 2, SeparateTimers: true, Expiry: true},
	"trouble":         {MaxAttempts: 2, MaxDrains: 1, MaxFaults: 2, Trouble: true, NoOperator: true},
	"hosts": {
		MaxAttempts: 1, MaxDrains: 1, MaxFaults: 1, TwoHosts: true, ReplacedHostPolls: true, NoOperator: true,
	},
	"hosts that are pushed to": {MaxAttempts: 1, MaxDrains: 2, TwoHosts: true, PushOnly: true, NoOperator: true},
}

// moreFaults is how many faults each search has beside its own. With
// ROLLCALL_MODEL_FAULTS=2 it is one, and the searches take some minutes. With -short
// it is one fewer.
func moreFaults(t *testing.T) int {
	text := os.Getenv("ROLLCALL_MODEL_FAULTS")
	switch {
	case text == "" && testing.Short():
		t.Log("-short: each search has one fault fewer, and that of time one drain")
		return -1
	case text == "":
		return 0
	}
	faults, err := strconv.ParseUint(text, 10, 8)
	if err != nil || faults < 1 {
		t.Fatalf("ROLLCALL_MODEL_FAULTS=%s: %v", text, err)
	}
	return int(faults) - 1
}

func TestEveryReachableStateKeepsThePromises(t *testing.T) {
	more := moreFaults(t)
	for _, concern := range slices.Sorted(maps.Keys(searches)) {
		t.Run(concern, func(t *testing.T) {
			t.Parallel()
			rules := searches[concern]
			rules.MaxFaults = uint8(max(0, int(rules.MaxFaults)+more))
			if testing.Short() && concern == "time" {
				rules.MaxDrains = 1
			}
			from := starts()
			if rules.NoOperator {
				from = from[:3] // the others need a redrive
			}
			if rules.PushOnly {
				from = from[:1]
			}
			states, trace := run(rules, from)
			if trace != "" {
				t.Fatalf("after %d states:\n  %s", states, trace)
			}
			t.Logf("%d states (messages: %d, drains at once: at most %d, faults: at most %d). "+
				"Each keeps every promise. From each, %d sweeps alone, or heartbeats alone, empty a live agent's inbox.",
				states, model.MessageCount, rules.MaxDrains, rules.MaxFaults, rounds)
		})
	}
}

// The search is worth something only if it finds mistakes: those of the system this
// one replaces, and others that are easy to make.
func TestTheSearchFindsKnownMistakes(t *testing.T) {
	type mistakes = model.Mistakes
	oneFault := model.Rules{MaxFaults: 1}
	twoHosts := model.Rules{TwoHosts: true}
	expiry := model.Rules{Expiry: true}
	trouble := model.Rules{Trouble: true, MaxFaults: 1, NoOperator: true}
	troubles := model.Rules{Trouble: true, MaxFaults: 2, NoOperator: true}
	const alone = "did not fail alone"
	const replaced = "a newer one has replaced"
	for name, c := range map[string]struct {
		rules   model.Rules
		mistake mistakes
		want    string
	}{
		"the second busy answer marks a message delivered": {
			mistake: mistakes{SecondBusyDelivers: true}, want: "no agent took it",
		},
		"a claim has no visibility timeout": {oneFault, mistakes{ClaimNeverEnds: true}, "mail still waits"},
		"the stored mode wins":              {mistake: mistakes{StoredModeWins: true}, want: "mail still waits"},
		"a cursor acknowledges what was never handed out": {
			mistake: mistakes{CursorAcksAllBefore: true}, want: "no agent took it",
		},
		"a cursor acknowledges a reply that was lost":  {oneFault, mistakes{SameCursorAcks: true}, "no agent took it"},
		"a replaced host acknowledges":                 {twoHosts, mistakes{ReplacedHostAcks: true}, replaced},
		"a claim keeps its old epoch":                  {twoHosts, mistakes{OldClaimKept: true}, replaced},
		"a push to a replaced host counts":             {twoHosts, mistakes{ReplacedHostPushCounts: true}, replaced},
		"a poll takes what a push has claimed":         {mistake: mistakes{PollTakesFromPush: true}, want: "another claim"},
		"an outcome is written after the claim ended":  {oneFault, mistakes{OutcomeUnchecked: true}, "had ended"},
		"drains do not lock the task slot":             {oneFault, mistakes{NoSlotLock: true}, "2 pushes run at once"},
		"the sweep sends no wake-up":                   {mistake: mistakes{SweepNeverWakes: true}, want: "8 sweeps"},
		"the heartbeat sends no wake-up":               {mistake: mistakes{HeartbeatNeverWakes: true}, want: "8 heartbeats"},
		"a register undoes a removal":                  {oneFault, mistakes{RegisterUndoesRemoval: true}, "is back"},
		"a paused workspace hands out its mail":        {oneFault, mistakes{PausedHandsOut: true}, "by a paused"},
		"an id that is sent again is accepted again":   {oneFault, mistakes{RepeatIsAccepted: true}, "accepted before"},
		"a message expires while its claim is active":  {expiry, mistakes{ExpiresWhileClaimed: true}, "expired while"},
		"a poll ends a message before it acknowledges": {expiry, mistakes{ExpiresBeforeAck: true}, "was acknowledged"},

		"a push that reaches nobody uses up an attempt": {trouble, mistakes{UnreachableCounts: true}, "no answer came back"},
		"an outage kills mail":                          {trouble, mistakes{DiesWithoutPass: true}, alone},
		"a register does not end the rest":              {trouble, mistakes{RestOutlivesRegister: true}, "an earlier boot"},
		"a register leaves mail set aside": {
			troubles, mistakes{AsideOutlivesRegister: true}, "an earlier boot",
		},
		"a message that the agent dies of goes first at each new host": {
			trouble, mistakes{KillerGoesFirst: true}, "mail still waits",
		},
		"a push to a former URL holds its message": {
			twoHosts, mistakes{ClaimOutlivesRegister: true}, "an earlier boot",
		},
		"a push to a former URL holds the task slot": {
			twoHosts, mistakes{LockOutlivesRegister: true}, "an earlier boot",
		},
		"what has used up its attempts is not set aside": {trouble, mistakes{NoAside: true}, "mail still waits"},
		"what is set aside holds the lane":               {trouble, mistakes{AsideHoldsLane: true}, "mail still waits"},
		"poison is never dead":                           {trouble, mistakes{PoisonNeverDies: true}, "mail still waits"},
		"poison that kills its drain is never set aside": {trouble, mistakes{LostNeverAside: true}, "mail still waits"},
		"poison that hangs the agent uses up no attempt": {trouble, mistakes{HangNeverCounts: true}, "mail still waits"},
		"poison that breaks its connection uses up no attempt": {
			trouble, mistakes{BreakNeverCounts: true}, "mail still waits",
		},
		"no probe asks whether it is the message that breaks": {
			trouble, mistakes{BreakNeverProbed: true}, "mail still waits",
		},
		"a probe that passes kills mail in an outage":   {troubles, mistakes{ProbeIsAMessage: true}, alone},
		"in trouble, a claim that ended holds the lane": {troubles, mistakes{EndedClaimHoldsLane: true}, "mail still waits"},
		"a new URL is not tried until mail comes":       {mistake: mistakes{NewURLNeverTried: true}, want: "trouble lasts"},
		"trouble without mail does not heal":            {trouble, mistakes{NoProbeWithoutMail: true}, "mail still waits"},
		"a limit: two outages, and others pass in between": {
			model.Rules{Trouble: true, TwoOutages: true, MaxFaults: 2, NoOperator: true}, mistakes{}, alone,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.rules.Mistakes, c.rules.MaxAttempts, c.rules.MaxDrains = c.mistake, 2, model.DrainCount
			if c.rules.Trouble {
				c.rules.MaxDrains = 1
			}
			states, trace := run(c.rules, starts())
			if !strings.Contains(trace, c.want) {
				t.Fatalf("not found in %d states: %q", states, trace)
			}
			t.Logf("found after %d states:\n  %s", states, trace)
		})
	}
}
