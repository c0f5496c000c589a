package protocoltest_test

import (
	"flag"
	"strconv"
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
	"github.com/rollcall/rollcall/shared/webhook"
	"github.com/rollcall/rollcall/shared/workspace"
)

// fakes are the use cases on the fakes. Messages die after two attempts, so that they
// do within a short history.
func fakes(clk memory.Clock) (*delivery.Delivery, *sweep.Sweeper) {
	p, messages := workspace.DefaultPolicy(), chat.DefaultPolicy()
	p.Bootstrap, messages.MaxAttempts = workspace.Open, 2
	store := memory.NewStore(p)
	announcer := &memory.Announcer{}
	log := &statuslog.Log{Store: store, Announcer: announcer, Policy: p, Clock: clk}
	reg := &registry.Registry{
		Leases: store, Profiles: store, Owners: store, Enrolments: store, Fleets: store, Wakeups: &memory.Wakeups{},
		Guard: push.New(push.Private, push.Patience{Answer: time.Second}), Policy: p, Clock: clk, StatusLog: log,
	}
	d := &delivery.Delivery{
		Registry: reg, Ledger: store, Activity: store, Queues: memory.NewQueues(clk.Now), DeadAnnouncer: announcer,
		Policy: messages, Clock: clk,
	}
	return d, &sweep.Sweeper{
		Registry: reg, Delivery: d, Activity: store, Clock: clk,
		StatusLog: log, Webhooks: &webhook.Service{Store: store, Log: store, Bell: &memory.Wakeups{}, Clock: clk},
	}
}

// How many histories are run, and how many steps each has on average. Some mistakes
// show in one history of a thousand.
const (
	histories      = 4000
	shortHistories = 1500 // with -short
	steps          = 30
)

// setDefault sets a flag of rapid, unless the command line does.
func setDefault(t *testing.T, name string, value int) {
	f := flag.Lookup(name)
	if f.Value.String() != f.DefValue {
		return
	}
	if err := f.Value.Set(strconv.Itoa(value)); err != nil {
		t.Fatal(err)
	}
}

func TestMachineOnTheFakes(t *testing.T) {
	if testing.Short() { // rapid then runs a fifth of the histories, with half the steps
		t.Logf("-short: %d histories instead of %d", shortHistories, histories)
		setDefault(t, "rapid.checks", 5*shortHistories)
		setDefault(t, "rapid.steps", 2*steps)
	} else {
		setDefault(t, "rapid.checks", histories)
		setDefault(t, "rapid.steps", steps)
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
