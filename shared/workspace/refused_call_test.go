package workspace_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// callRemark is the remark that a call of the agent was refused; "": there is none.
func callRemark(v workspace.Verdict) string {
	for _, r := range v.Remarks {
		if r.Code == workspace.RemarkCallRefused {
			return r.Text + "\n" + r.Command
		}
	}
	return ""
}

// One refused call of a live agent is told at once, whatever its kind and its credential: when, from where, with which
// code, and what comes next. What a stranger does at another address is not.
func TestOneRefusedCallIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		kind    workspace.SignalKind
		brought string
		issued  workspace.Issued
		from    string
		want    string
	}{
		"a heartbeat without a credential": {
			workspace.SignalHeartbeat, "", "", "10.0.0.1",
			"a heartbeat from 10.0.0.1 was refused at 2026-11-24T12:10:00Z, and none was accepted since: it came without a " +
				"credential (credential_missing)",
		},
		"a poll with a wrong one": {
			workspace.SignalPoll, "guess", "", "10.0.0.1",
			"a poll or another call from 10.0.0.1 was refused at 2026-11-24T12:10:00Z, and none was accepted since: it came " +
				"with an unknown credential (credential_unknown)",
		},
		"a call with an old one": {
			workspace.SignalCall, "old", workspace.IssuedHere, "10.0.0.1",
			"it came with a credential that was this agent's once (credential_unknown)",
		},
		"a poll with another workspace's": {
			workspace.SignalPoll, "theirs", workspace.IssuedElsewhere, "10.0.0.1",
			"a call from 10.0.0.1, from where this agent calls, was refused at 2026-11-24T12:10:00Z: it came with a " +
				"credential that is another workspace's (credential_of_another)",
		},
		"a stranger's heartbeat":      {workspace.SignalHeartbeat, "", "", "6.6.6.6", ""},
		"a stranger's with another's": {workspace.SignalPoll, "theirs", workspace.IssuedElsewhere, "6.6.6.6", ""},
		"a stranger's with an old":    {workspace.SignalCall, "old", workspace.IssuedHere, "6.6.6.6", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := workspace.Refusal{Kind: c.kind, From: c.from, Hash: token.Digest(c.brought), Issued: c.issued}
			f, _ := refuse(live(nil), workspace.SignalPoll, "6.6.6.6", "guess", at(599)) // it hides nothing
			f, _ = workspace.Refuse(f, r, p, at(600))
			v := workspace.Assess(f, p, at(601))
			got := callRemark(v)
			if v.Status != workspace.StatusOnline || (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Fatalf("%s: %q", v.Status, got)
			}
			if got != "" && !strings.HasSuffix(got, "\nrollcall doctor w") {
				t.Errorf("what comes next is not told: %q", got)
			}
			if late := callRemark(workspace.Assess(beat(f, "10.0.0.1", at(600+1800)), p, at(600+1800))); late != "" {
				t.Errorf("half an hour later: %q", late)
			}
		})
	}
}

// Whatever an agent and a stranger do: while the last call of a kind is one that was refused and noted, the verdict or
// a remark says so; and while there is none, and none alternate, no remark says it. A stranger at another address
// brings none about.
func TestEachRefusedCallIsToldUntilOneIsAccepted(t *testing.T) {
	kinds := []workspace.SignalKind{
		workspace.SignalRegister, workspace.SignalHeartbeat, workspace.SignalPoll, workspace.SignalCall,
	}
	group := func(k workspace.SignalKind) workspace.SignalKind { // the facts count calls of other kinds with the polls
		if k == workspace.SignalCall {
			return workspace.SignalPoll
		}
		return k
	}
	rapid.Check(t, func(t *rapid.T) {
		f, now := live(func(f *workspace.Facts) { f.PolledAt = at(590) }), at(600)
		refused := map[workspace.SignalKind]bool{}
		for range rapid.IntRange(1, 12).Draw(t, "calls") {
			now = now.Add(time.Duration(rapid.IntRange(1, 40).Draw(t, "seconds")) * time.Second)
			kind := rapid.SampledFrom(kinds).Draw(t, "kind")
			switch rapid.SampledFrom([]string{"accepted", "refused", "a stranger's"}).Draw(t, "what") {
			case "accepted":
				if kind == workspace.SignalRegister {
					f = register(f, workspace.Declaration{From: "10.0.0.1"}, now)
					clear(refused)
				} else {
					f = workspace.Observe(f, workspace.Signal{Kind: kind, From: "10.0.0.1"}, p, now)
					delete(refused, group(kind))
				}
			case "refused":
				next, noted := refuse(f, kind, "10.0.0.1", rapid.SampledFrom([]string{"", "guess"}).Draw(t, "brought"), now)
				if f = next; noted {
					refused[group(kind)] = true
				} else if told(workspace.Assess(f, p, now)) == "" {
					t.Fatalf("a refused %s is neither noted nor told", kind)
				}
			default:
				f, _ = refuse(f, kind, "6.6.6.6", "guess", now)
			}
			v := workspace.Assess(f, p, now)
			switch {
			case len(refused) > 0 && told(v) == "":
				t.Fatalf("of the refused %v nothing is told: %+v", slices.Collect(maps.Keys(refused)), v)
			case len(refused) == 0 && f.AlternatingRefusals < 2 && callRemark(v) != "":
				t.Fatalf("told of calls that are accepted: %s", callRemark(v))
			case strings.Contains(callRemark(v), "6.6.6.6"):
				t.Fatalf("told of a stranger's: %s", callRemark(v))
			}
		}
	})
}

// told is what a verdict says of refused calls; "": nothing.
func told(v workspace.Verdict) string {
	if v.Reason == workspace.ReasonCredentialsRejected || v.Action == "repair" {
		return v.Hint
	}
	for _, r := range v.Remarks {
		if r.Code == workspace.RemarkCallRefused || r.Code == workspace.RemarkRegisterRefused {
			return r.Text
		}
	}
	return ""
}

// Two agents at one address, of which one has an old credential: that calls are refused and accepted in turn is told at
// each moment, though each accepted call ends what was refused before it.
func TestCallsThatTakeTurnsAreTold(t *testing.T) {
	f := live(nil)
	for s := 600; s < 900; s += 10 {
		f = beat(f, "10.0.0.1", at(s))
		v := workspace.Assess(f, p, at(s))
		if got := callRemark(v); s >= 650 && !strings.Contains(got, "some are refused and some accepted") {
			t.Fatalf("at %d: %q of %+v", s, got, v)
		}
		f, _ = refuse(f, workspace.SignalHeartbeat, "10.0.0.1", "old", at(s+5))
		if told(workspace.Assess(f, p, at(s+5))) == "" {
			t.Fatalf("at %d nothing is told", s+5)
		}
	}
}
