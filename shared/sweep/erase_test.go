package sweep_test

import (
	"slices"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// purge removes the workspace, and has what is kept of it erased.
func purge(w *world.World) {
	w.T.Helper()
	remove(w)
	_, err := w.Registry.Purge(w.T.Context(), world.ID, activity.Actor{Who: "the test"}, w.Now)
	w.NoError(err)
}

// kept is how many messages are kept of a life, and the profile's card.
func kept(w *world.World, life int64) (messages int, card string) {
	w.T.Helper()
	ms, err := w.Store.Messages(w.T.Context(), workspace.Life{Workspace: world.ID, Number: life}, "a", "b")
	w.NoError(err)
	p, err := w.Store.Profile(w.T.Context(), world.ID)
	w.NoError(err)
	return len(ms), string(p.Card)
}

func TestAPurgedWorkspaceIsErased(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	card := []byte(`{"name":"secret"}`)
	w.Register(registry.Registration{Mode: workspace.Poll, Card: card})
	w.Send("a", "b")
	purge(w)
	w.SweepOnce()
	if n, card := kept(w, 0); n != 2 || card != "" {
		t.Fatal("before calls that are under way have ended:", n, card)
	}
	w.Now = w.Now.Add(time.Minute)
	w.SweepOnce()
	if n, _ := kept(w, 0); n != 0 {
		t.Fatal("after the sweep:", n)
	}
	f := w.Facts()
	if f.Hold != workspace.Removed || f.Accepted != 0 || f.SeenFrom != "" || f.Homes != "" || f.LostMessages != 0 {
		t.Fatalf("%+v", f)
	}
	trail, err := w.Store.AuditTrail(t.Context(), f.Life(), "", 10)
	if err != nil || !slices.ContainsFunc(trail, func(r activity.Row) bool { return r.Method == "purge" }) {
		t.Fatal(trail, err)
	}
	for range 3 { // it costs nothing more
		w.Now = w.Now.Add(time.Minute)
		version := w.Facts().Version
		w.SweepOnce()
		if w.Facts().Version != version {
			t.Fatal("it is erased again")
		}
	}
}

// A workspace that is created again before it was erased keeps what it has in its new life.
func TestOnlyThePurgedLifeIsErased(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	w.Send("a", "b")
	purge(w)
	createAgain(w, workspace.Poll, "")
	w.Send("a")
	for range 3 {
		w.Now = w.Now.Add(time.Minute)
		w.Heartbeat(0)
		w.SweepOnce()
	}
	if n, _ := kept(w, 0); n != 0 {
		t.Fatal("of the former life is kept:", n)
	}
	if n, _ := kept(w, 1); n != 1 {
		t.Fatal("of the present life is kept:", n)
	}
}
