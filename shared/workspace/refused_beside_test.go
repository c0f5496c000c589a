package workspace_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// An agent whose heartbeats are accepted, and whose polls or acknowledgements are refused, is not said to be at fault
// for not polling or not acknowledging: what its calls come with leads.
func TestRefusedPollsLeadWhatIsToldOfMailThatIsNotFetched(t *testing.T) {
	for _, c := range []struct {
		text   string
		issued workspace.Issued
		says   string
	}{
		{"another's", workspace.IssuedElsewhere, "with a credential that is another workspace's"},
		{"garbage", "", "with an unknown credential"},
		{"", "", "without a credential"},
		{"$TOKEN", "", "the name of a variable"},
	} {
		for _, acks := range []bool{false, true} { // it polls, and only what it acknowledges is refused
			f := live(func(f *workspace.Facts) {
				f.Pushable, f.PolledAt, f.Open, f.OldestOpen = false, at(0), 1, at(10)
			})
			for s := 600; s < 1000; s += 20 {
				f = beat(f, "10.0.0.1", at(s))
				if acks {
					f = workspace.Observe(f, workspace.Signal{Kind: workspace.SignalPoll, From: "10.0.0.1"}, p, at(s+1))
				}
				r := workspace.Presenting(workspace.SignalPoll, "10.0.0.1", c.text)
				if acks {
					r.Kind = workspace.SignalCall
				}
				if r.Issued = c.issued; c.text == "" {
					r.Hash = token.Hash{}
				}
				f, _ = workspace.Refuse(f, r, p, at(s+2))
			}
			e := workspace.Fleet{}.Explain(f, p, at(985))
			first, _, _ := strings.Cut(e.Next, ";")
			if e.Status != workspace.StatusDegraded || !strings.Contains(e.Summary+first, c.says) ||
				e.Command != "rollcall doctor w" || strings.Contains(e.Next, "Rollcall doctor") {
				t.Errorf("%+v, acks %v: %s", c, acks, e.Text())
			}
			v := workspace.Assess(f, p, at(985))
			if _, why := workspace.Expect(f, v, workspace.Poll, p, at(985)); strings.Contains(why+v.ForSenders(), c.says) {
				t.Errorf("%+v, acks %v: a sender is told how the credential comes: %s; %s", c, acks, why, v.ForSenders())
			}
		}
	}
}

// An agent whose polls are accepted and whose acknowledgements are refused: from the moment at which its mail is told,
// the refused calls lead, however it acknowledges, whether it sends heartbeats and says that it is at work, how often
// it tries, and how often it starts. No step spares work that is not there.
func TestRefusedAcknowledgementsLead(t *testing.T) {
	poll := workspace.Signal{Kind: workspace.SignalPoll, From: "10.0.0.1"}
	run := func(t *testing.T, c refusedAcks) {
		f := live(func(f *workspace.Facts) {
			f.Declared, f.Pushable, f.PolledAt, f.Epoch = workspace.Poll, false, at(599), 1
			f.Open, f.InFlight, f.OldestOpen, f.HandedAt, f.FetchedSince = 1, 1, at(600), at(601), at(601)
			if c.byNumber {
				f.AcksEpoch = 1
			}
			if c.starts {
				f.FetchedHosts = p.HostsInVain
			}
		})
		told := false
		for s := 602; s < 1400; s++ {
			now := at(s)
			if c.starts && s%40 == 0 {
				f.RegisteredAt = now
			}
			if s%5 == 0 && !workspace.Noted(f, poll, p, now) {
				f = workspace.Observe(f, poll, p, now)
			}
			if c.beats && s%15 == 3 {
				f = workspace.Observe(f, workspace.Signal{
					Kind: workspace.SignalHeartbeat, From: "10.0.0.1", ActiveTasks: &c.tasks,
				}, p, now)
			}
			if (s-602)%c.every == 1 {
				r := workspace.Presenting(workspace.SignalCall, "10.0.0.1", c.text)
				if r.Issued = c.issued; c.text == "" {
					r.Hash = token.Hash{}
				}
				f, _ = workspace.Refuse(f, r, p, now)
			}
			e := workspace.Fleet{}.Explain(f, p, now)
			if e.Status == workspace.StatusOnline {
				continue
			}
			told = true
			if !strings.HasPrefix(e.Summary, "Some calls from where its agent runs are refused") ||
				!strings.HasPrefix(e.Next, "calls from 10.0.0.1 come with") || e.Command != "rollcall doctor w" ||
				e.Hop != workspace.HopCredential || strings.Contains(e.Next, "destroy") {
				t.Fatalf("%+v, at %d: %s", c, s, e.Text())
			}
		}
		if !told {
			t.Fatalf("%+v: nothing is told", c)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		brought := rapid.SampledFrom([]refusedAcks{
			{text: "another's", issued: workspace.IssuedElsewhere}, {text: "garbage"}, {text: ""}, {text: "$TOKEN"},
		}).Draw(rt, "brought")
		brought.byNumber, brought.beats = rapid.Bool().Draw(rt, "byNumber"), rapid.Bool().Draw(rt, "beats")
		brought.starts, brought.tasks = rapid.Bool().Draw(rt, "starts"), rapid.IntRange(0, 1).Draw(rt, "tasks")
		brought.every = rapid.SampledFrom([]int{5, 15, 60}).Draw(rt, "every")
		run(t, brought)
	})
}

// refusedAcks is how an agent acknowledges its mail in vain.
type refusedAcks struct {
	text                    string // in place of its credential
	issued                  workspace.Issued
	byNumber, beats, starts bool
	every, tasks            int
}
