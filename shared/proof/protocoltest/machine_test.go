package protocoltest_test

import (
	"flag"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/proof/protocoltest"
	"github.com/rollcall/rollcall/shared/push"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/sweep"
	"github.com/rollcall/rollcall/shared/workspace"
)

// fakes is the delivery on the fakes; messages die after two attempts, so that
// they do within a short history.
func fakes(clk memory.Clock) (*delivery.Delivery, *sweep.Sweeper) {
	p, few := workspace.DefaultPolicy(), chat.DefaultPolicy()
	p.Bootstrap, few.MaxAttempts = workspace.Open, 2
	store := memory.NewStore(p)
	reg := &registry.Registry{
		Leases: store, Profiles: store, Owners: store, Enrolments: store, Fleets: store, Wakeups: &memory.Wakeups{},
		Guard: push.New(push.Private, time.Second), Policy: p, Clock: clk,
	}
	announcer := &memory.Announcer{}
	d := &delivery.Delivery{
		Registry: reg, Ledger: store, Activity: store, Queues: memory.NewQueues(clk.Now), DeadAnnouncer: announcer,
		Policy: few, Clock: clk,
	}
	return d, &sweep.Sweeper{
		Registry: reg, Delivery: d, Activity: store, Clock: clk,
		StatusLog: &statuslog.Log{Store: store, Announcer: announcer, Policy: p, Clock: clk},
	}
}

// Some mistakes show in one history of a thousand.
func TestMachineOnTheFakes(t *testing.T) {
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		if err := checks.Value.Set("4000"); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
		clock := func() time.Time { now = now.Add(time.Millisecond); return now }
		d, s := fakes(memory.Clock{Time: clock})
		wakeups := d.Registry.Wakeups.(*memory.Wakeups)
		protocoltest.Machine(t, protocoltest.World{
			Delivery: d, Sweeper: s, Now: clock, Advance: func(by time.Duration) { now = now.Add(by) },
			Woken: func() bool { return len(wakeups.Take()) > 0 },
		}, "w")
	})
}

func TestLinearizableOnTheFakes(t *testing.T) {
	for range 20 {
		d, _ := fakes(memory.Clock{Time: time.Now})
		protocoltest.Linearizable(t, d)
	}
}
