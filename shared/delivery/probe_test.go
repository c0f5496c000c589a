package delivery_test

import (
	"testing"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/workspace"
)

func TestAPollProvesAProbeAndDoesNotReturnIt(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	out, err := w.Probe(t.Context(), world.ID, w.Now)
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.Poll(t.Context(), delivery.PollRequest{
		Workspace: world.ID, Credential: w.Token, From: world.Home, Limit: 100,
	}, w.Now)
	if err != nil || len(got.Messages) != 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	if m := w.Receipt(out.Message.ID); m.State != chat.Delivered {
		t.Fatalf("%+v", m)
	}
}
