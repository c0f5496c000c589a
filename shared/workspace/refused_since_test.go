package workspace_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Whatever agents, their neighbours and strangers do: while the last that was noted from the agent's own address is a
// refused call, no next poll is promised, and once the lease is over the verdict names the credential and not silence.
// What comes from another address brings neither about.
func TestARefusedAgentIsPromisedNoPollAndIsNotSilent(t *testing.T) {
	kinds := []workspace.SignalKind{workspace.SignalRegister, workspace.SignalHeartbeat, workspace.SignalPoll}
	seen := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		f, now := live(func(f *workspace.Facts) {
			f.Declared, f.Pushable, f.PolledAt, f.LeaseUntil = workspace.Poll, false, at(590), at(590).Add(p.LeaseTTL)
		}), at(600)
		refused, ever := false, false // at home: since the last accepted call, and at all
		for range rapid.IntRange(1, 8).Draw(t, "calls") {
			now = now.Add(time.Duration(rapid.IntRange(1, 100).Draw(t, "seconds")) * time.Second)
			kind := rapid.SampledFrom(kinds).Draw(t, "kind")
			r := workspace.Refusal{Kind: kind, From: "10.0.0.1", Hash: token.Digest("theirs")}
			r.Issued = rapid.SampledFrom([]workspace.Issued{"", workspace.IssuedElsewhere}).Draw(t, "issued")
			switch rapid.SampledFrom([]string{"accepted", "refused", "refused", "a stranger's"}).Draw(t, "what") {
			case "accepted":
				f, refused = workspace.Observe(f, workspace.Signal{Kind: workspace.SignalPoll, From: "10.0.0.1"}, p, now), false
			case "refused":
				next, noted := workspace.Refuse(f, r, p, now)
				f, refused, ever = next, refused || noted, true
			default:
				r.From = "6.6.6.6"
				hides := f.StrangerFrom == "10.0.0.1"
				if next, _ := workspace.Refuse(f, r, p, now); !hides { // there is room for one such call
					f = next
				}
			}
			now = now.Add(time.Second)
			v := workspace.Assess(f, p, now)
			expected, why := workspace.Expect(f, v, workspace.Poll, p, now)
			text := workspace.Fleet{}.Explain(f, p, now).Text()
			switch {
			case refused && expected == workspace.ExpectNextPoll, refused && strings.Contains(text, "It is well"):
				t.Fatalf("its last call was refused, and it is promised %s: %s", expected, text)
			case refused && v.Reason == workspace.ReasonLeaseExpired, refused && strings.Contains(why, "overdue"):
				t.Fatalf("it calls, and is told to be silent (%s): %s", why, text)
			case !ever && v.Reason == workspace.ReasonCredentialsRejected, !refused && strings.Contains(why, "was refused"):
				t.Fatalf("no call from its address was refused since the last accepted one (%s): %s", why, text)
			case strings.Contains(v.Command("w"), "6.6.6.6"):
				t.Fatalf("a stranger's address is in a command: %s", text)
			}
			if refused {
				seen[string(v.Status)]++
			}
		}
	})
	if seen["online"] == 0 || seen["degraded"] == 0 {
		t.Errorf("not all happened: %v", seen)
	}
}

// Two agents with each other's credential: what is said of one of them, from the swap on.
func TestAgentsThatSwappedTheirCredentials(t *testing.T) {
	f := live(func(f *workspace.Facts) {
		f.Declared, f.Pushable, f.PolledAt, f.LeaseUntil = workspace.Poll, false, at(600), at(600).Add(p.Grace)
	})
	swapped := workspace.Refusal{
		Kind: workspace.SignalPoll, From: "10.0.0.1", Hash: token.Digest("theirs"), Issued: workspace.IssuedElsewhere,
	}
	said := map[int]string{}
	for s := 601; s < 1000; s += 5 {
		if s < 800 {
			f, _ = workspace.Refuse(f, swapped, p, at(s))
		}
		e := workspace.Fleet{}.Explain(f, p, at(s))
		said[s] = fmt.Sprintf("%s/%s at fault %s: %s: %s", e.Status, e.Reason, e.Hop, e.Command, e.Summary)
	}
	for s, want := range map[int]string{
		611: "online/healthy at fault : : It was well when its agent was last heard, at 2026-11-24T12:10:00Z. A call from " +
			"where its agent runs was refused since, and no poll was accepted: nothing shows that a message sent now " +
			"reaches it.",
		701: "degraded/credentials_rejected at fault credential: rollcall doctor w: Calls from where its agent runs come " +
			"with another workspace's credential, and are refused. No message can reach it.",
		996: "offline/credentials_rejected at fault credential: rollcall doctor w: Calls from where its agent runs come " +
			"with another workspace's credential, and are refused. Nothing is heard of its agent now. No message can reach it.",
	} {
		if said[s] != want {
			t.Errorf("at %d: %s\nwant %s", s, said[s], want)
		}
	}
}

// Two pollers with each other's credential: whatever is said of one of them once it is not online, the credential
// leads, and no restart is asked for. One command is said, once.
func TestTheCredentialOfAnotherLeads(t *testing.T) {
	f := live(func(f *workspace.Facts) { f.Declared, f.Pushable = workspace.Poll, false })
	f = workspace.Observe(f, workspace.Signal{Kind: workspace.SignalPoll, From: "10.0.0.1"}, p, at(600))
	swapped := workspace.Refusal{
		Kind: workspace.SignalPoll, From: "10.0.0.1", Hash: token.Digest("theirs"), Issued: workspace.IssuedElsewhere,
	}
	reasons := map[workspace.Reason]bool{}
	for s := 601; s < 900; s++ {
		f, _ = workspace.Refuse(f, swapped, p, at(s))
		e := workspace.Fleet{}.Explain(f, p, at(s))
		if e.Status == workspace.StatusOnline {
			continue
		}
		reasons[e.Reason] = true
		v := workspace.Assess(f, p, at(s))
		if !strings.HasPrefix(e.Summary, "Calls from where its agent runs come with another workspace's credential") ||
			v.Action != "inspect" || e.Command != "rollcall doctor w" || strings.Count(e.Text(), "\n      rollcall") != 1 ||
			e.Hop != workspace.HopCredential || strings.Contains(e.Next, "counts as") {
			t.Fatalf("at %d: %s", s, e.Text())
		}
	}
	if !reasons[workspace.ReasonInboxUnattended] || !reasons[workspace.ReasonCredentialsRejected] {
		t.Fatalf("not all happened: %v", reasons)
	}
}

// No verdict says of a status that it comes, while it is there.
func TestNoVerdictForetellsItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyFleet(t).Assess(anyFacts(t), p, at(600))
		if strings.Contains(v.Hint, fmt.Sprintf("counts as %s by", v.Status)) {
			t.Fatalf("%s %s: %s", v.Status, v.Reason, v.Hint)
		}
	})
}
