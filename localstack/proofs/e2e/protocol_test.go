package e2e

import (
	"flag"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/proof/protocoltest"
)

// The same machine as on the fakes, in true time and with fewer steps.
func TestMachineOnTheEmulator(t *testing.T) {
	on(t)
	for name, value := range map[string]string{"rapid.checks": "3", "rapid.steps": "16"} {
		old := flag.Lookup(name).Value.String()
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = flag.Set(name, old) }() // what was just read
	}
	rapid.Check(t, func(rt *rapid.T) {
		env := wired(t)
		d := env.Delivery
		d.Policy.VisibilityTimeout, d.Policy.MaxAttempts = time.Second, 2
		d.Policy.RestBase, d.Policy.RestMax, d.Policy.AsideFor = 100*time.Millisecond, time.Second, time.Second
		d.Policy.BusyRetry, d.Policy.BusyMax = time.Second, time.Second
		d.Registry.Policy.DeliveryObjective, d.Registry.Policy.ProbePatience = time.Second, time.Second
		// Wake-ups go to nobody: the deployed dispatch would drain too, and push to an agent that is only here.
		d.Registry.Wakeups = &memory.Wakeups{}
		env.AnnounceTo(&memory.Announcer{})
		protocoltest.Machine(rt, protocoltest.World{
			Delivery: d, Sweeper: env.Sweeper, Now: time.Now, Advance: time.Sleep,
		}, uuid.NewString())
	})
}

func TestLinearizableOnTheEmulator(t *testing.T) {
	protocoltest.Linearizable(t, wired(t).Delivery)
}
