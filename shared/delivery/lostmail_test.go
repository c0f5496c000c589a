package delivery_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/workspace"
)

// countedStore counts the reads of messages, and of the log of all.
type countedStore struct {
	delivery.Ledger
	activity.Log
	read, logs int
}

// Messages implements delivery.Ledger.
func (s *countedStore) Messages(ctx context.Context, life workspace.Life, ids ...string) ([]chat.Message, error) {
	s.read += len(ids)
	return s.Ledger.Messages(ctx, life, ids...)
}

// ActivityLog implements activity.Log.
func (s *countedStore) ActivityLog(
	ctx context.Context, life workspace.Life, r activity.Range,
) ([]activity.Item, error) {
	s.logs++
	return s.Log.ActivityLog(ctx, life, r)
}

// mailboxOf is a mailbox with so many delivered and so many lost messages; the last is lost.
func mailboxOf(t *testing.T, delivered, lost int) (*world.World, *countedStore) {
	w := world.New(t, workspace.Poll, "")
	for i := range delivered + lost {
		m := world.Message(fmt.Sprint("m", i))
		if i >= delivered {
			m.ExpiresAt = w.Now.Add(time.Second)
		}
		if _, err := w.Enqueue(t.Context(), m, w.Now); err != nil {
			t.Fatal(err)
		}
		if i < delivered {
			ms, err := w.Ledger.Messages(t.Context(), w.Facts().Life(), m.ID)
			w.NoError(err)
			end := ms[0]
			end.State, end.SettledAt, end.Version = chat.Delivered, w.Now, end.Version+1
			none := time.Time{}
			w.NoError(w.Ledger.WriteMessages(t.Context(), w.Facts().Life(), []chat.Move{{From: ms[0], To: end}},
				delivery.MailboxUpdate{OldestOpen: &none}))
		}
	}
	w.Now = w.Now.Add(time.Minute)
	w.SweepOnce()
	counted := &countedStore{Ledger: w.Ledger, Log: w.Activity}
	w.Ledger, w.Activity = counted, counted
	return w, counted
}

// A redrive reads what is lost, however much was delivered: the whole mailbox's week is not in its way.
func TestARedriveReadsWhatItPutsBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		delivered, lost := rapid.IntRange(0, 120).Draw(rt, "delivered"), rapid.IntRange(0, 5).Draw(rt, "lost")
		for name, act := range map[string]func(w *world.World) (int, error){
			"of all": func(w *world.World) (int, error) {
				ms, _, err := w.RedriveAll(t.Context(), world.ID, world.Asked(new(int)), w.Now)
				return len(ms), err
			},
			"of all, dry": func(w *world.World) (int, error) {
				ms, _, err := w.RedriveAll(t.Context(), world.ID, nil, w.Now)
				return len(ms), err
			},
			"of one": func(w *world.World) (int, error) {
				if lost == 0 {
					return 0, nil
				}
				_, err := w.Redrive(t.Context(), world.ID, fmt.Sprint("m", delivered), w.Now)
				return lost, err
			},
		} {
			w, counted := mailboxOf(t, delivered, lost)
			n, err := act(w)
			if err != nil || n != lost {
				rt.Fatalf("%s: %d of %d messages, %v", name, n, lost, err)
			}
			if counted.logs > 0 || counted.read > 3*lost {
				rt.Fatalf("%s of %d lost messages beside %d delivered ones reads %d messages, and the log %d times",
					name, lost, delivered, counted.read, counted.logs)
			}
		}
	})
}

// One call of a redrive of all has an end: it puts back the oldest, and says how many it leaves to the next call. A dry
// run says the same, and so does the audit trail.
func TestARedriveOfAllHasAnEnd(t *testing.T) {
	w, _ := mailboxOf(t, 0, delivery.MaxRedriven+20)
	var back []string
	for _, want := range []struct{ back, left int }{{delivery.MaxRedriven, 20}, {20, 0}, {0, 0}} {
		dry, dryLeft, err := w.RedriveAll(t.Context(), world.ID, nil, w.Now)
		w.NoError(err)
		asked, askedLeft := 0, 0
		ms, left, err := w.RedriveAll(t.Context(), world.ID, func(_ workspace.Life, n, left int) error {
			asked, askedLeft = n, left
			return nil
		}, w.Now)
		w.NoError(err)
		for _, got := range []struct{ back, left int }{{len(ms), left}, {len(dry), dryLeft}, {asked, askedLeft}} {
			if got != want {
				t.Fatalf("%+v, want %+v", got, want)
			}
		}
		for _, m := range ms {
			back = append(back, m.ID)
		}
	}
	for i, id := range back {
		if id != fmt.Sprint("m", i) {
			t.Fatalf("the order is %v", back)
		}
	}
	slices.Sort(back)
	if len(slices.Compact(back)) != delivery.MaxRedriven+20 || w.Facts().Open != int64(len(back)) {
		t.Fatalf("%d open of %v", w.Facts().Open, back)
	}
}
