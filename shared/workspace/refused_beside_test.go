package workspace_test

import (
	"strings"
	"testing"

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
