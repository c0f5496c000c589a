package model_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/model"
)

// sweeps is the bound of liveness: from any state, this many sweeps without
// faults empty a live agent's inbox. One ends what runs, two give a message that
// failed once its second attempt, and each message behind it its turn.
const sweeps = 6

// search visits every reachable state, the nearest first, and returns the
// shortest trace to one that breaks a promise; "" if none does.
func search(r model.Rules, start ...model.State) (states int, trace string) {
	loud := r
	r.Quiet = true
	seen := map[model.State]model.State{} // and the state it was first come to from
	queue := append([]model.State(nil), start...)
	for _, s := range start {
		seen[s] = s
	}
	tell := func(s model.State, what string) string {
		lines := []string{what}
		for seen[s] != s {
			for _, step := range model.Next(seen[s], loud) {
				if step.State == s {
					lines = append(lines, step.Name)
					break
				}
			}
			s = seen[s]
		}
		lines = append(lines, fmt.Sprintf("start: %+v", s))
		for i, j := 0, len(lines)-1; i < j; i, j = i+1, j-1 {
			lines[i], lines[j] = lines[j], lines[i]
		}
		return strings.Join(lines, "\n  ")
	}
	for len(queue) > 0 {
		s := queue[0]
		queue = queue[1:]
		if what := model.Wrong(s); what != "" {
			return len(seen), tell(s, "WRONG: "+what)
		}
		if end := model.Calm(s, r, sweeps); model.Wrong(end) != "" || model.Unsettled(end) {
			return len(seen), tell(s, "WRONG: after this, without any fault, mail still waits after several sweeps "+model.Wrong(end))
		}
		for _, step := range model.Next(s, r) {
			if s.Removed && !step.State.Removed {
				return len(seen), tell(s, "WRONG: a removed workspace is there again: "+step.Name)
			}
			if _, ok := seen[step.State]; !ok {
				seen[step.State] = s
				queue = append(queue, step.State)
			}
		}
	}
	return len(seen), ""
}

// starts are the workspaces a search begins with: one that is pushed to, one that
// polls, and one whose row says poll though its agent serves pushes (the
// incident's).
func starts() []model.State {
	return []model.State{{}, {RowPoll: true, Polls: true}, {RowPoll: true}}
}

// ROLLCALL_MODEL_FAULTS=2 goes through 13 million states in some minutes; one
// fault, with every crash point of every write, is what each test run goes
// through.
func TestEveryReachableStateKeepsThePromises(t *testing.T) {
	faults := uint64(1)
	if text := os.Getenv("ROLLCALL_MODEL_FAULTS"); text != "" {
		var err error
		if faults, err = strconv.ParseUint(text, 10, 8); err != nil {
			t.Fatal(err)
		}
	}
	states, trace := search(model.Rules{MaxFaults: uint8(faults)}, starts()...)
	if trace != "" {
		t.Fatalf("after %d states:\n  %s", states, trace)
	}
	t.Logf("%d states of %d messages, %d drains at once and %d faults: every promise is kept in each, and from each %d sweeps empty a live agent's inbox", states, model.Messages, model.Workers, faults, sweeps)
}

// The search has teeth: it finds the mistakes of the system this one replaces,
// and those that invite.
func TestTheSearchFindsKnownMistakes(t *testing.T) {
	// m1 died while it was pushed; then the agent began to poll, and took m2.
	behind := model.State{RowPoll: true, Polls: true, Cursor: 2, Ends: 2}
	behind.M[0] = model.Message{Stage: model.Dead}
	behind.M[1] = model.Message{Stage: model.Delivered, Got: 1}
	for name, c := range map[string]struct {
		rules model.Rules
		want  string
		start []model.State
	}{
		"the second busy eats a message":          {model.Rules{BusyEats: true}, "nobody took it", starts()},
		"a claim without a visibility timeout":    {model.Rules{NoVisibility: true, MaxFaults: 1}, "mail still waits", starts()},
		"the row's mode is sticky":                {model.Rules{StickyMode: true}, "mail still waits", starts()},
		"a cursor eats what was never handed out": {model.Rules{CursorEats: true, MaxFaults: 1}, "nobody took it", []model.State{behind}},
		"a late deliverer writes all the same":    {model.Rules{BlindSettle: true, MaxFaults: 1}, "counters", starts()},
	} {
		t.Run(name, func(t *testing.T) {
			states, trace := search(c.rules, c.start...)
			if !strings.Contains(trace, c.want) {
				t.Fatalf("not found in %d states: %q", states, trace)
			}
			t.Logf("found after %d states:\n  %s", states, trace)
		})
	}
}
