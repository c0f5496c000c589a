package delivery_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/workspace"
)

func ack(w *world.World, seq, epoch int64) error {
	_, err := w.Ack(w.T.Context(), delivery.AckRequest{
		Workspace: world.ID, Credential: w.Token, From: world.Home, Seq: seq, Epoch: epoch,
	}, w.Now)
	return err
}

// worker is a client that acknowledges each message by its number when it is done with
// it. Its cursor is on a disk that survives it.
type worker struct {
	*world.World
	cursor string
	inHand []chat.Message
	shown  map[string]bool // to this process
	done   map[string]bool
	sent   int
}

func (c *worker) boot() {
	register(c.World, workspace.Poll, "")
	c.inHand, c.shown = nil, map[string]bool{}
	c.NoError(ack(c.World, 0, 0)) // it says how it acknowledges
}

// fetch polls; arrives is whether the reply does.
func (c *worker) fetch(arrives bool) error {
	ms, cursor, err := poll(c.World, delivery.PollRequest{Cursor: c.cursor})
	if err != nil || !arrives {
		return err
	}
	c.cursor = cursor
	for _, m := range ms {
		if c.shown[m.ID] {
			return fmt.Errorf("%s is shown to one process twice", m.ID)
		}
		c.shown[m.ID], c.inHand = true, append(c.inHand, m)
	}
	return nil
}

func (c *worker) finish() {
	if len(c.inHand) > 0 {
		m := c.inHand[0]
		c.inHand, c.done[m.ID] = c.inHand[1:], true
		c.NoError(ack(c.World, m.Seq, 0))
	}
}

// check reports whether exactly what the worker has done counts as delivered.
func (c *worker) check() error {
	c.Facts() // the counters are conserved
	for i := range c.sent {
		id := fmt.Sprint("m", i)
		if delivered := c.Receipt(id).State == chat.Delivered; delivered != c.done[id] {
			return fmt.Errorf("%s is delivered: %t, done: %t", id, delivered, c.done[id])
		}
	}
	return nil
}

// Whatever is lost, and whenever the client dies and starts again: what it had not done
// is handed out to it again, and what it is at work on is not.
func TestWhatIsAcknowledgedByNumberIsDone(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := &worker{World: world.New(t, workspace.Poll, ""), done: map[string]bool{}}
		c.boot()
		step := func(err error) {
			if err == nil {
				err = c.check()
			}
			if err != nil {
				rt.Fatal(err)
			}
		}
		steps := rapid.SampledFrom([]string{"send", "poll", "poll", "lost", "done", "done", "dies", "waits"})
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			switch steps.Draw(rt, "step") {
			case "send":
				c.Send(fmt.Sprint("m", c.sent))
				c.sent++
			case "poll":
				step(c.fetch(true))
			case "lost":
				step(c.fetch(false))
			case "done":
				c.finish()
			case "dies":
				c.boot()
			case "waits":
				c.Now = c.Now.Add(time.Duration(rapid.IntRange(1, 80).Draw(rt, "seconds")) * time.Second)
			}
			step(nil)
		}
		for i := 0; i < 50*(c.sent+1) && c.Facts().Open > 0; i++ { // one that hosts died of is set aside, and comes alone
			step(c.fetch(true))
			for len(c.inHand) > 0 {
				c.finish()
			}
			c.Now = c.Now.Add(20 * time.Second)
		}
		if f := c.Facts(); f.Open != 0 {
			rt.Fatalf("%d are never handed out", f.Open)
		}
	})
}

// A client that does not acknowledge by number gets its mail as before, also in the place
// of one that did.
func TestACursorCountsAgainForAClientThatUsesNoNumbers(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	w.NoError(ack(w, 0, 0))
	w.Send("m1")
	w.Want("the first", w.PollAfter(""), "m1")
	w.Want("its cursor says that it has it", w.PollAfter("m1"))
	if s := w.Receipt("m1").State; s != chat.InFlight {
		t.Fatalf("it is not acknowledged by its number, and is %s", s)
	}
	w.Now = w.Now.Add(17 * time.Minute)
	w.Want("after a quarter of an hour the cursor counts", w.PollAfter("m1"))
	if s := w.Receipt("m1").State; s != chat.Delivered {
		t.Fatalf("m1 is %s", s)
	}
	w.Send("m2")
	w.Want("the next", w.PollAfter("m1"), "m2")
	w.Want("no number is waited for any more", w.PollAfter("m2"))
	if s := w.Receipt("m2").State; s != chat.Delivered {
		t.Fatalf("m2 is %s", s)
	}
	w.NoError(ack(w, 2, 0))
	for range 2 { // one register is by a client that may use numbers, the next one shows that it doesn't
		register(w, workspace.Poll, "")
	}
	w.Send("m3")
	w.Want("another client", w.PollAfter("m2"), "m3")
	w.Want("its cursor acknowledges", w.PollAfter("m3"))
	if s := w.Receipt("m3").State; s != chat.Delivered {
		t.Fatalf("m3 is %s", s)
	}
}

func TestOnlyWhatWasHandedOutIsAcknowledgedByNumber(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	w.Send("m1", "m2", "m3")
	for _, c := range []struct {
		seq, epoch int64
		want       fault.Code
	}{
		{4, 0, fault.InvalidRequest}, {3, 0, ""}, {0, 0, ""}, {1, w.Facts().Epoch, ""},
	} {
		if err := ack(w, c.seq, c.epoch); fault.CodeOf(err) != c.want {
			t.Errorf("%+v: %v", c, err)
		}
	}
	if f := w.Facts(); f.Delivered != 0 || f.AcksEpoch != f.Epoch {
		t.Fatalf("nothing was handed out: %+v", f.Mailbox)
	}
	ms, _, err := poll(w, delivery.PollRequest{Limit: 2})
	if err != nil || len(ms) != 2 {
		t.Fatal(ms, err)
	}
	w.NoError(ack(w, 3, 0))
	got := []chat.State{w.Receipt("m1").State, w.Receipt("m2").State, w.Receipt("m3").State}
	if !slices.Equal(got, []chat.State{chat.Delivered, chat.Delivered, chat.Queued}) {
		t.Fatalf("%v", got)
	}
	old := w.Facts().Epoch
	register(w, workspace.Poll, "")
	if err := ack(w, 3, old); fault.CodeOf(err) != fault.EpochSuperseded {
		t.Fatalf("a former host acknowledges: %v", err)
	}
}

// A host that works for long on what it fetched, and does not say that it works, is not
// told that its polls lack a cursor.
func TestAHostThatAcknowledgesNothingAsDoneIsToldSo(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	w.NoError(ack(w, 0, 0))
	w.Send("m1")
	w.Want("the first", w.PollAfter(""), "m1")
	for range 20 {
		w.Now = w.Now.Add(15 * time.Second)
		w.Want("it has it", w.PollAfter("m1"))
	}
	v := w.Verdict()
	if v.Reason != workspace.ReasonBacklogStalled || !strings.Contains(v.Hint, "acknowledged none of it") {
		t.Fatalf("%+v", v)
	}
	w.Heartbeat(1)
	if v := w.Verdict(); v.Status != workspace.StatusOnline {
		t.Fatalf("it says that it is at work: %+v", v)
	}
	w.NoError(ack(w, 1, 0))
	w.Heartbeat(0)
	if v := w.Verdict(); v.Status != workspace.StatusOnline {
		t.Fatalf("it is done: %+v", v)
	}
}

// More mail than one transaction takes is acknowledged by one call.
func TestABacklogIsAcknowledgedByOneNumber(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	var cursor string
	for i := range 3 * delivery.MaxMoves {
		w.Send(fmt.Sprint("m", i))
	}
	for handedOut := 0; handedOut < 3*delivery.MaxMoves; {
		ms, next, err := poll(w, delivery.PollRequest{Cursor: cursor, Limit: 500})
		if err != nil || len(ms) == 0 {
			t.Fatalf("%d handed out, %v", handedOut, err)
		}
		handedOut, cursor = handedOut+len(ms), next
		w.NoError(ack(w, ms[len(ms)-1].Seq, 0))
	}
	if f := w.Facts(); f.Open != 0 || f.Delivered != 3*delivery.MaxMoves {
		t.Fatalf("%+v", f.Counters)
	}
}

// An acknowledgement is answered with the number up to which no mail is left to acknowledge: an old one with what was
// acknowledged before, one that goes too far with what was handed out.
func TestAnAcknowledgementIsAnsweredWithHowFarItIs(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := world.New(t, workspace.Poll, "")
		sent := 0
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			switch rapid.IntRange(0, 2).Draw(rt, "what") {
			case 0:
				sent++
				w.Send(fmt.Sprint("m", sent))
			case 1:
				w.PollAfter("")
			default:
				seq := rapid.Int64Range(0, int64(sent)).Draw(rt, "seq")
				mark, err := w.Ack(t.Context(), delivery.AckRequest{
					Workspace: world.ID, Credential: w.Token, From: world.Home, Seq: seq,
				}, w.Now)
				w.NoError(err)
				if mark > int64(sent) {
					rt.Fatalf("%d of %d is answered with %d", seq, sent, mark)
				}
				for n := range mark {
					if m := w.Receipt(fmt.Sprint("m", n+1)); m.State.Open() {
						rt.Fatalf("it is answered with %d, and %d is %s", mark, m.Seq, m.State)
					}
				}
				if n := mark + 1; n <= int64(sent) && w.Receipt(fmt.Sprint("m", n)).State == chat.Delivered {
					rt.Fatalf("it is answered with %d, and %d is done too", mark, n)
				}
			}
		}
	})
}
