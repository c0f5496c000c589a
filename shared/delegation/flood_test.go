package delegation_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delegation"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// read counts the bytes of bodies that are read.
type read struct {
	delivery.Ledger
	bytes int
}

func (r *read) Texts(ctx context.Context, which chat.Texts, ms []chat.Message) ([]chat.Message, error) {
	out, err := r.Ledger.Texts(ctx, which, ms)
	for _, m := range out {
		r.bytes += len(m.Body)
	}
	return out, err
}

// A peer that answers nothing, and sends its asker as much as an inbox takes, has no more of it read than its share.
// What is small and new is still found.
func TestAFloodOfAPeerIsNotReadWhole(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	w.Register(registry.Registration{ID: "peer", Mode: workspace.Poll, From: "10.0.0.2"})
	given, err := w.Delegations.Delegate(t.Context(), peer, world.ID, "do it", "", w.Now)
	w.NoError(err)
	w.PollAfter("")
	send := func(beside string, size int) {
		w.Now = w.Now.Add(time.Second)
		_, err := w.Enqueue(t.Context(), chat.Message{
			Workspace: "peer", Source: world.ID, Priority: chat.Task,
			Body: fmt.Appendf(nil, `{"params":{"message":{%s"parts":[{"kind":"text","text":"42"},{"":%q}]}}}`,
				beside, strings.Repeat("x", size)),
		}, w.Now)
		w.NoError(err)
	}
	for range 20 {
		send("", 250_000)
	}
	counted := &read{Ledger: w.Delegations.Delivery.Ledger}
	w.Delegations.Delivery.Ledger = counted
	list := func() delegation.Progress {
		counted.bytes = 0
		all, err := w.Delegations.List(t.Context(), peer, 50)
		if err != nil || len(all) != 1 {
			t.Fatalf("%+v, %v", all, err)
		}
		return all[0]
	}
	if p := list(); p.State != delegation.Dispatched || counted.bytes > 4<<20 {
		t.Errorf("%s, and %d bytes are read", p.State, counted.bytes)
	}
	send(fmt.Sprintf(`"metadata":{"delegation_id":%q},`, given.Delegation.ID), 0)
	if p := list(); p.State != delegation.Completed || p.Answer != "42" || counted.bytes > 4<<20 {
		t.Errorf("%s, and %d bytes are read", p.State, counted.bytes)
	}
}
