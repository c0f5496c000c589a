package app

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/dynamo"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/workspace"
)

// maxFailingLease is how large the lease item of an agent in trouble may be, in bytes.
const maxFailingLease = 600

// TestBudgetOfALease holds the lease item of an agent that is pushed to to its size: each heartbeat writes it, and each
// sweep reads it.
func TestBudgetOfALease(t *testing.T) {
	w := world.New(t, workspace.Push, "https://agent.example.com/a2a")
	is := func(what string, after time.Duration, most int) {
		t.Helper()
		for end := w.Now.Add(after); w.Now.Before(end); w.Now = w.Now.Add(5 * time.Second) {
			w.Heartbeat(0)
			w.DrainOnce()
			w.SweepOnce()
		}
		f := w.Facts()
		f.ID = uuid.NewString()
		size := dynamo.LeaseSize(f)
		fmt.Printf("lease: %-37s item_bytes=%d\n", what, size)
		if size > most {
			t.Errorf("%s: the lease has %d bytes, more than %d", what, size, most)
		}
	}
	answers := func(r delivery.PushResult) { w.Agent = func(chat.Message) delivery.PushResult { return r } }
	is("no mail", time.Minute, maxLease)
	w.Send("m1", "m2")
	is("two messages were delivered", time.Minute, maxLease)
	answers(delivery.PushResult{
		Handover: delivery.Unreachable, Fault: workspace.FaultTimeout, Why: "the agent did not answer in time",
	})
	w.Send("m3", "m4", "m5")
	is("unreachable for half an hour", 30*time.Minute, maxFailingLease)
	answers(delivery.PushResult{
		Handover: delivery.AgentError, Fault: workspace.FaultRPC, Why: strings.Repeat("the agent's own words ", 20),
	})
	is("pushes fail for half an hour", 30*time.Minute, maxFailingLease)
}
