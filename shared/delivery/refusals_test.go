package delivery_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// mailReads counts the reads of all mail that waits.
type mailReads struct {
	delivery.Ledger
	n int
}

func (l *mailReads) OpenMail(ctx context.Context, life workspace.Life, limit int) ([]delivery.OpenMessage, error) {
	if limit == 0 {
		l.n++
	}
	return l.Ledger.OpenMail(ctx, life, limit)
}

// flooded is a world in which "flooder" has its share of 20 places and was refused, and how often its ledger is looked
// at since.
func flooded(t *testing.T) (w *world.World, send func(source, id string) error, seen *mailReads) {
	t.Helper()
	w = world.New(t, workspace.Poll, "")
	w.Policy.MaxOpen = 20
	seen = &mailReads{Ledger: w.Ledger}
	w.Ledger = seen
	send = func(source, id string) error {
		m := world.Message(id)
		m.Source = source
		_, err := w.Enqueue(t.Context(), m, w.Now)
		return err
	}
	for i := 0; ; i++ {
		if err := send("flooder", fmt.Sprint("m", i)); fault.CodeOf(err) == fault.InboxFull {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	seen.n = 0
	return w, send, seen
}

// Who is refused for want of room is refused again without a look at the mail, for two seconds and with the same words.
func TestARefusalIsRemembered(t *testing.T) {
	w, send, seen := flooded(t)
	was := send("flooder", "more")
	open := w.Facts().Open
	for i := range 20 {
		if err := send("flooder", fmt.Sprint("more", i)); err == nil || err.Error() != was.Error() {
			t.Fatalf("%v, and then %v", was, err)
		}
	}
	if f := w.Facts(); seen.n != 0 || f.Open != open {
		t.Errorf("%d looks, %d are counted", seen.n, f.Open)
	}
	if _, err := w.Probe(t.Context(), world.ID, w.Now); err != nil {
		t.Errorf("a probe: %v", err)
	}
	w.Now = w.Now.Add(2 * time.Second)
	if code := fault.CodeOf(send("flooder", "late")); code != fault.InboxFull || seen.n != 1 {
		t.Errorf("%s after two seconds, and %d looks", code, seen.n)
	}
}

// A refusal that is remembered keeps out nobody else, nothing that was accepted before, no mail for which there is room
// again, and no mail of another life.
func TestARememberedRefusalKeepsNothingElseOut(t *testing.T) {
	t.Run("others", func(t *testing.T) {
		w, send, _ := flooded(t)
		w.NoError(send("", "u"))
		w.NoError(send("another", "a"))
	})
	t.Run("a message that is sent again", func(t *testing.T) {
		w, send, seen := flooded(t)
		w.NoError(send("flooder", "m0"))
		if seen.n != 0 {
			t.Errorf("%d looks", seen.n)
		}
		if code := fault.CodeOf(send("another", "m0")); code != fault.MessageIDTaken {
			t.Errorf("another's under the id: %s", code)
		}
	})
	t.Run("mail that has room again", func(t *testing.T) {
		w, send, _ := flooded(t)
		if _, err := w.Cancel(t.Context(), world.ID, "m0", "a test", w.Now); err != nil {
			t.Fatal(err)
		}
		w.NoError(send("flooder", "more"))
	})
	t.Run("a workspace that left the team", func(t *testing.T) {
		w, _, _ := flooded(t)
		w.Registry.Leases = registry.OneTeam{Leases: w.Registry.Leases}
		m := world.Message("more")
		m.Source = "flooder"
		_, err := w.Enqueue(registry.KeepToTeam(t.Context(), world.ID, "former"), m, w.Now)
		if code := fault.CodeOf(err); code != fault.WorkspaceUnknown {
			t.Errorf("to a workspace of another team: %s", code)
		}
	})
	t.Run("mail of another life", func(t *testing.T) {
		w, send, _ := flooded(t)
		by := activity.Actor{Who: "operator"}
		if _, err := w.Registry.Hold(t.Context(), world.ID, workspace.Removed, by, w.Now); err != nil {
			t.Fatal(err)
		}
		if code := fault.CodeOf(send("flooder", "removed")); code != fault.WorkspaceRemoved {
			t.Errorf("to a removed workspace: %s", code)
		}
		_, err := w.Registry.Create(t.Context(), registry.CreateInput{ID: world.ID, By: by}, w.Now)
		w.NoError(err)
		w.NoError(send("flooder", "again"))
	})
}
