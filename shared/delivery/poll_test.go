package delivery_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// A message that is redriven behind the cursor was not handed out: the cursor must not
// acknowledge it.
func TestACursorAcknowledgesOnlyWhatWasHandedOut(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	w.Agent = func(m chat.Message) delivery.PushResult {
		if m.ID == "m1" {
			return delivery.PushResult{Handover: delivery.AgentError, Why: "refused"}
		}
		return delivery.PushResult{}
	}
	w.Send("m1", "m2")
	for range 9 {
		w.Heartbeat(0)
		w.DrainOnce()
		w.Now = w.Now.Add(20 * time.Second)
	}
	if s := w.Receipt("m1").State; s != chat.Dead {
		t.Fatalf("m1 is %s", s)
	}
	w.Register(registry.Registration{Mode: workspace.Poll})
	if _, err := w.Redrive(t.Context(), world.ID, "m1", w.Now); err != nil {
		t.Fatal(err)
	}
	w.Want("behind the cursor", w.PollAfter("m2"), "m1")
	if s := w.Receipt("m1").State; s != chat.InFlight {
		t.Fatalf("m1 is %s", s)
	}
	w.Want("the reply was lost, and the agent polls again", w.PollAfter("m2"), "m1")
	w.Send("m3")
	w.Want("once more, with the new message", w.PollAfter("m2"), "m1", "m3")
	w.Want("the row of the later one acknowledges both", w.PollAfter("m3"))
	for _, m := range []string{"m1", "m3"} {
		if s := w.Receipt(m).State; s != chat.Delivered {
			t.Fatalf("%s is %s", m, s)
		}
	}
}

func TestARowAcknowledgesItself(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	w.Send("m1", "m2")
	w.Want("all", w.PollAfter(""), "m1", "m2")
	w.Want("after the first", w.PollAfter("m1"), "m2")
	w.Want("without a cursor, all that is open", w.PollAfter(""), "m2")
	w.Want("after the second", w.PollAfter("m2"))
}

// A page of acknowledged messages must not hide the messages behind it.
func TestABacklogLargerThanOneTransaction(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	var sent, got []string
	for i := range 130 {
		sent = append(sent, fmt.Sprintf("m%03d", i))
	}
	w.Send(sent...)
	for last := ""; ; {
		page := w.PollAfter(last)
		if len(page) == 0 {
			break
		}
		got, last = append(got, page...), page[len(page)-1]
	}
	w.Want("page by page", got, sent...)
	if f := w.Facts(); f.Open != 0 || f.Delivered != 130 {
		t.Fatalf("%+v", f)
	}
}

// Whatever bytes are in the bodies, a poll hands something out, in a transaction whose
// request is below 4 MB even in ASCII.
func TestAPollHandsOutBodiesOfAnyBytes(t *testing.T) {
	texts := []string{"\u007f", "a", "\"", "ä", "漢", "🙂", "\u2028"}
	for shift := range texts {
		w := world.New(t, workspace.Poll, "")
		w.Ledger = ledger{w.Ledger, func(ms []chat.Move) error {
			size := 0
			for _, m := range ms {
				for _, unit := range utf16.Encode([]rune(string(m.To.Body))) {
					if size++; unit < ' ' || unit > '~' {
						size += 5
					}
				}
			}
			if size > 4_000_000 {
				return fmt.Errorf("a request of %d bytes", size)
			}
			return nil
		}}
		const n = 12
		for i := range n {
			m := world.Message(fmt.Sprintf("m%02d", i))
			piece := texts[shift]
			if shift > 3 && i%2 == 1 {
				piece = texts[0] // mixed
			}
			m.Body, _ = chat.Marshal(strings.Repeat(piece, 250_000/len(piece)/2))
			if _, err := w.Enqueue(t.Context(), m, w.Now); err != nil {
				t.Fatal(err)
			}
		}
		for cursor, got := "", 0; got < n; {
			ms, next, err := poll(w, delivery.PollRequest{Cursor: cursor})
			if err != nil || len(ms) == 0 {
				t.Fatalf("after %d: %d, %v", got, len(ms), err)
			}
			got, cursor = got+len(ms), next
		}
	}
}
