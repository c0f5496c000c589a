package simulation

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/workspace"
)

// fleet is small, and plays all stories in seconds.
const fleet = 500

// No agent that lives and calls is ever shown offline: not while all is well, not after an outage, and not while others
// are lost.
func TestNoLivingAgentIsShownOffline(t *testing.T) {
	for i, story := range Stories {
		for _, paced := range []bool{false, true} {
			r := Play(Default(fleet, uint64(i+1)), story, paced)
			if err := Check([]*Result{r}); err != nil {
				t.Error(err)
			}
			if r.Judged == 0 || r.Accepted == 0 || r.Delivered == 0 || r.MeanCalls == 0 || r.Bill <= 0 {
				t.Errorf("%s, paced=%t: nothing was played: %+v", story.Name, paced, r)
			}
			if r.Story == "zone" && r.Detected < fleet/4 {
				t.Errorf("a third was lost, and %d of %d were found", r.Detected, fleet)
			}
		}
	}
}

// The check can fail: with a lease that is shorter than the agents' pace, they are shown offline.
func TestAShortLeaseIsFound(t *testing.T) {
	c := Default(fleet, 1)
	c.Policy.LeaseTTL, c.Policy.Grace = 10*time.Second, 5*time.Second
	if Check([]*Result{Play(c, Stories[0], false)}) == nil {
		t.Error("agents beat every 30 s, their leases end after 15 s, and none was found to be shown offline")
	}
}

func TestASeedPlaysTheSameAgain(t *testing.T) {
	for _, story := range Stories {
		one, again := Play(Default(fleet, 7), story, true), Play(Default(fleet, 7), story, true)
		if !reflect.DeepEqual(one, again) {
			t.Errorf("%s: %+v, and again %+v", story.Name, one, again)
		}
	}
	if reflect.DeepEqual(Play(Default(fleet, 7), Stories[0], true), Play(Default(fleet, 8), Stories[0], true)) {
		t.Error("another seed plays the same")
	}
}

// What the simulation keeps of an agent is what workspace.Observe would.
func TestTheFactsAreThoseOfObserve(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Default(1, 1)
		c.Polling = float64(rapid.IntRange(0, 1).Draw(t, "polls"))
		r := &run{Config: c, rand: newRand(1, "test"), result: &Result{Calls: make([]int, 3600)}}
		r.populate()
		r.sweep.reads.SampledAt = epoch.Add(time.Hour)
		kind := workspace.SignalHeartbeat
		if r.agents[0].polls {
			kind = workspace.SignalPoll
		}
		for range rapid.IntRange(1, 5).Draw(t, "calls") {
			r.now += after(time.Duration(rapid.IntRange(1, 300).Draw(t, "seconds")) * time.Second)
			now := r.now.time()
			want := workspace.Observe(r.facts(0), workspace.Signal{Kind: kind, From: "192.0.2.1"}, r.Policy, now)
			r.note(0)
			got := r.facts(0)
			for _, at := range []time.Time{now, now.Add(r.Policy.LeaseTTL), now.Add(time.Hour)} {
				wantStatus, wantWhy := workspace.Fleet{}.Stands(want, r.Policy, at)
				if status, why := (workspace.Fleet{}).Stands(got, r.Policy, at); status != wantStatus || why != wantWhy {
					t.Fatalf("%s (%s), want %s (%s)", status, why, wantStatus, wantWhy)
				}
			}
			if got.LeaseUntil != want.LeaseUntil || got.LastSignal() != want.LastSignal() ||
				got.RecoveredAt != want.RecoveredAt {
				t.Fatalf("%+v, want %+v", got.Liveness, want.Liveness)
			}
		}
	})
}
