package delivery_test

import (
	"context"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// counts is a ledger before each count of which something happens.
type counts struct {
	delivery.Ledger
	before func(id string)
}

func (c counts) Count(
	ctx context.Context, id string, at time.Time, probe bool, most int64,
) (workspace.Facts, bool, error) {
	c.before(id)
	return c.Ledger.Count(ctx, id, at, probe, most)
}

// An answer, and a notice, are for the life that asked: one that is created again when they are about to be sent gets
// neither.
func TestAnAnswerIsForTheLifeThatAsked(t *testing.T) {
	for name, answers := range map[string]delivery.PushResult{
		"an answer": {Answer: []byte(`{"result":{"parts":[{"text":"42"}]}}`)},
		"a notice":  {Handover: delivery.Refused},
	} {
		t.Run(name, func(t *testing.T) {
			w := world.New(t, workspace.Push, "http://agent/")
			w.Register(registry.Registration{ID: "asker", Mode: workspace.Poll, From: "10.0.0.2"})
			w.Agent = func(chat.Message) delivery.PushResult { return answers }
			_, err := w.Enqueue(t.Context(), chat.Message{
				Workspace: world.ID, Source: "asker", Priority: chat.Task, Body: chat.TextBody("x", "6 * 7"),
			}, w.Now)
			w.NoError(err)
			came := false
			w.Delivery.Ledger = counts{w.Store, func(id string) {
				if came || id != "asker" {
					return
				}
				came = true
				_, _ = w.Registry.Hold(t.Context(), "asker", workspace.Removed, activity.Actor{}, w.Now)
				_, _ = w.Registry.Create(t.Context(), registry.CreateInput{ID: "asker"}, w.Now)
			}}
			for range 3 {
				w.DrainOnce()
				w.Now = w.Now.Add(time.Minute)
				w.SweepOnce()
			}
			if f, err := w.Registry.Read(t.Context(), "asker"); err != nil || !came || f.Lives == 0 || f.Open > 0 {
				t.Errorf("%t: %+v, %v", came, f, err)
			}
		})
	}
}
