package sweep_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// remove removes the workspace; its open mail is left to the sweep.
func remove(w *world.World) {
	w.T.Helper()
	_, err := w.Registry.Hold(w.T.Context(), world.ID, workspace.Removed, activity.Actor{Who: "the test"}, w.Now)
	w.NoError(err)
}

// createAgain creates the removed workspace again, and registers its agent.
func createAgain(w *world.World, mode workspace.Mode, url string) {
	w.T.Helper()
	out, err := w.Registry.Create(w.T.Context(), registry.CreateInput{ID: world.ID, Mode: mode}, w.Now)
	w.NoError(err)
	if out.Adopted {
		w.T.Fatal("it is said to be adopted")
	}
	w.Token = out.AuthToken
	w.Register(registry.Registration{Mode: mode, URL: url})
}

// formerMessage is a message of a former life.
func formerMessage(w *world.World, life int64, id string) chat.Message {
	w.T.Helper()
	ms, err := w.Store.Messages(w.T.Context(), workspace.Life{Workspace: world.ID, Number: life}, id)
	if err != nil || len(ms) != 1 {
		w.T.Fatal(ms, err)
	}
	return ms[0]
}

// mailTaken is the ids of the messages that the agent took, without probes.
func mailTaken(w *world.World) []string {
	return slices.DeleteFunc(slices.Clone(w.Taken), func(id string) bool { return strings.HasPrefix(id, "probe-") })
}

// A workspace that is removed and created again before any sweep has nothing of its
// former life, whose mail ends with its reason, and whose senders are told.
func TestTheMailOfAFormerLifeEndsUnseen(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	told := world.Message("a")
	told.Callback = "http://sender/"
	_, err := w.Enqueue(t.Context(), told, w.Now)
	w.NoError(err)
	w.Send("b")
	remove(w)
	createAgain(w, workspace.Push, "http://agent/new")

	if f := w.Facts(); f.Open != 0 || f.Accepted != 0 || !f.OldestOpen.IsZero() {
		t.Fatalf("%+v", f.Mailbox)
	}
	if v := w.Verdict(); v.Status != workspace.StatusOnline || len(v.Remarks) > 0 {
		t.Fatalf("%+v", v)
	}
	if _, err := w.Delivery.Message(t.Context(), world.ID, "a"); fault.CodeOf(err) != fault.MessageUnknown {
		t.Fatal(err)
	}
	w.DrainOnce()
	w.Want("taken of the former life's mail", mailTaken(w))
	// The ids are free again.
	if out := w.Send("b"); !out.First || out.Message.Seq != 1 || out.Depth != 1 {
		t.Fatalf("%+v", out)
	}
	w.DrainOnce()
	w.Want("taken", mailTaken(w), "b")

	w.SweepOnce()
	w.DrainOnce()
	for _, id := range []string{"a", "b"} {
		m := formerMessage(w, 0, id)
		if m.State != chat.Cancelled || m.Reason != "cancelled by the removal of its workspace" {
			t.Fatalf("%+v", m)
		}
	}
	w.Want("told", w.CallbacksReceived, "http://sender/ a cancelled")
	if m := w.Receipt("b"); m.State != chat.Delivered {
		t.Fatalf("%+v", m)
	}
	// A call that began in the former life may still store its message for a while.
	if f := w.Facts(); f.FinishedLives != 0 {
		t.Fatalf("%+v", f.Identity)
	}
	w.Now = w.Now.Add(delivery.AcceptPatience)
	w.SweepOnce()
	if f := w.Facts(); f.FinishedLives != 1 || f.Open != 0 || f.Delivered != 1 {
		t.Fatalf("%+v", f)
	}
}

// A message that was counted in one life and is stored in the next one is the former
// life's: it was sent to that.
func TestAMessageThatComesLateIsTheFormerLifes(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	f, counted, err := w.Store.Count(t.Context(), world.ID, w.Now, false, 10)
	if err != nil || !counted {
		t.Fatal(counted, err)
	}
	remove(w)
	createAgain(w, workspace.Poll, "")
	w.SweepOnce()
	late := world.Message("late")
	late.Life, late.Seq, late.State, late.AcceptedAt, late.Version = f.Lives, f.Accepted, chat.Queued, w.Now, 1
	late.ExpiresAt = w.Now.Add(time.Hour)
	_, err = w.Store.Put(t.Context(), late)
	w.NoError(err)
	w.Want("handed out", w.PollAfter(""))
	w.Now = w.Now.Add(delivery.AcceptPatience)
	w.SweepOnce()
	if m := formerMessage(w, 0, "late"); m.State != chat.Cancelled {
		t.Fatalf("%+v", m)
	}
	if f := w.Facts(); f.FinishedLives != 1 || f.Open != 0 {
		t.Fatalf("%+v", f)
	}
}

// A push that began in a former life says nothing of the present one.
func TestAPushThatOutlivesItsLife(t *testing.T) {
	for _, handover := range []delivery.Handover{delivery.Taken, delivery.Unreachable, delivery.Refused} {
		w := world.New(t, workspace.Push, "http://agent/")
		w.Send("a")
		w.Agent = func(m chat.Message) delivery.PushResult {
			if m.Probe {
				return delivery.PushResult{} // of the present life, whose URL is new
			}
			if w.Facts().Lives == 0 {
				remove(w)
				createAgain(w, workspace.Push, "http://agent/")
			}
			return delivery.PushResult{Handover: handover, Why: "for the test"}
		}
		w.DrainOnce()
		f := w.Facts()
		if f.Counters != (workspace.Counters{}) || f.PushFailures != 0 || !f.DeliveredAt.IsZero() {
			t.Fatalf("%s: %+v", handover, f)
		}
		w.SweepOnce()
		if m := formerMessage(w, 0, "a"); m.State != chat.Cancelled {
			t.Fatalf("%s: %+v", handover, m)
		}
	}
}

// A former life's credential is nobody's, its enrolment token opens nothing, and its
// cursor is gone.
func TestWhatAFormerLifeGaveOutIsWorthless(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	w.Send("a", "b")
	out, err := w.Poll(t.Context(), delivery.PollRequest{
		Workspace: world.ID, Credential: w.Token, From: world.Home, Limit: 1,
	}, w.Now)
	w.NoError(err)
	cursor := delivery.CursorOf(out.Messages[0]).ID(world.Life)
	enrolment, _, err := w.Registry.Enrol(t.Context(), world.ID, 5, time.Hour, activity.Actor{}, w.Now)
	w.NoError(err)
	former := w.Token
	remove(w)
	fresh, _, err := w.Registry.Enrol(t.Context(), world.ID, 5, time.Hour, activity.Actor{}, w.Now)
	w.NoError(err)
	createAgain(w, workspace.Poll, "")
	w.Send("c")

	_, err = w.Poll(t.Context(), delivery.PollRequest{
		Workspace: world.ID, Credential: w.Token, From: world.Home, Limit: 9, Cursor: cursor,
	}, w.Now)
	if fault.CodeOf(err) != fault.CursorGone {
		t.Fatal(err)
	}
	for _, in := range []registry.Registration{
		{ID: world.ID, Credential: former, From: "10.0.0.9"}, {ID: world.ID, Enrolment: enrolment, From: "10.0.0.9"},
	} {
		if _, err := w.Registry.Register(t.Context(), in, w.Now); err == nil {
			t.Fatalf("%+v is let in", in)
		}
	}
	if f := w.Facts(); f.RegisterRefused != 0 {
		t.Fatalf("the former agent is taken for this one: %+v", f.Refusals)
	}
	in := registry.Registration{ID: world.ID, Enrolment: fresh, From: "10.0.0.9"}
	if _, err := w.Registry.Register(t.Context(), in, w.Now); err != nil {
		t.Fatal(err)
	}
}
