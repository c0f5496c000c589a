package delivery_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/workspace"
)

// The mail of one sender is ended whole, call by call, and nobody else's. A dry run says what the next call ends, and
// ends nothing.
func TestCancelMailEndsOneSendersMail(t *testing.T) {
	senders := map[string]string{"users": "", "red": "red", "blue": "blue"}
	rapid.Check(t, func(rt *rapid.T) {
		w := world.New(t, workspace.Poll, "")
		sent := map[string][]string{}
		anyone := rapid.SampledFrom([]string{"", "red", "blue"})
		for i, by := range rapid.SliceOfN(anyone, 0, 3*delivery.MaxMoves).Draw(rt, "senders") {
			m := world.Message(fmt.Sprint("m", i))
			m.Source = by
			if rapid.IntRange(0, 9).Draw(rt, "expires") == 0 {
				m.ExpiresAt = w.Now.Add(time.Minute)
			}
			if _, err := w.Enqueue(t.Context(), m, w.Now); err != nil {
				rt.Fatal(err)
			}
			sent[by] = append(sent[by], m.ID)
		}
		if rapid.Bool().Draw(rt, "fetched") {
			w.PollAfter("") // some are in flight
		}
		w.Now = w.Now.Add(2 * time.Minute)
		sender := rapid.SampledFrom([]string{"users", "red", "blue", ""}).Draw(rt, "sender")
		want := sent[senders[sender]]
		if sender == "" {
			want = slices.Concat(slices.Collect(maps.Values(sent))...)
		}
		got := cancelAll(rt, w, sender)
		slices.Sort(want)
		if slices.Sort(got); !slices.Equal(got, want) {
			rt.Fatalf("of %q %v were ended, want %v", sender, got, want)
		}
		for _, id := range slices.Concat(slices.Collect(maps.Values(sent))...) {
			if slices.Contains(want, id) == w.Receipt(id).State.Open() {
				rt.Errorf("%s is %s", id, w.Receipt(id).State)
			}
		}
		w.Facts() // the counters are conserved
	})
}

// cancelAll ends a sender's mail, and returns what was ended.
func cancelAll(rt *rapid.T, w *world.World, sender string) (ended []string) {
	for left := -1; left != 0; {
		before := w.Facts()
		dry, dryLeft, err := w.CancelMail(rt.Context(), world.ID, sender, "ana", nil, w.Now)
		if err != nil || w.Facts() != before {
			rt.Fatalf("a dry run changed the mailbox: %v", err)
		}
		no := errors.New("no")
		refuse := func(workspace.Life, int, int) error { return no }
		_, _, err = w.CancelMail(rt.Context(), world.ID, sender, "ana", refuse, w.Now)
		if errors.Is(err, no) == (len(dry) == 0) || w.Facts() != before {
			rt.Fatalf("it was ended though it was refused: %v", err)
		}
		asked := 0
		page, more, err := w.CancelMail(rt.Context(), world.ID, sender, "ana", world.Asked(&asked), w.Now)
		if err != nil || asked != len(page) || len(page) != len(dry) || more != dryLeft || (len(page) == 0 && more > 0) {
			rt.Fatalf("%d of %d, and %d of %d left: %v", len(page), len(dry), more, dryLeft, err)
		}
		for i, m := range page {
			if m.ID != dry[i].ID || dry[i].Due(w.Now) != (m.State == chat.Expired) {
				rt.Fatalf("%s was %s, and is %s", m.ID, dry[i].State, m.State)
			}
			ended = append(ended, m.ID)
		}
		left = more
	}
	return ended
}
