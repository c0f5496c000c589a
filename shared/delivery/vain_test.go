package delivery_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/workspace"
)

// inVain are the words for an agent that starts again and again, and acknowledges nothing.
const inVain = "was handed its mail, and none acknowledged any of it"

// byTurns is a client that works off its rows in order and acknowledges each when it is done with it, by its number or
// by the cursor of its next poll. One of the messages may end it.
type byTurns struct {
	*world.World
	numbers bool
	cursor  string
	fatal   string
}

// boot registers, and says that it acknowledges by numbers if it does.
func (c *byTurns) boot() {
	register(c.World, workspace.Poll, "")
	c.cursor = ""
	if c.numbers {
		c.NoError(ack(c.World, 0, 0))
	}
}

// turn polls, and works off at most n rows; it reports whether the agent survives that.
func (c *byTurns) turn(n int) bool {
	c.T.Helper()
	ms, _, err := poll(c.World, delivery.PollRequest{Cursor: c.cursor})
	c.NoError(err)
	for _, m := range ms[:min(n, len(ms))] {
		if m.ID == c.fatal {
			return false
		}
		c.cursor = delivery.CursorOf(m).ID(world.Life)
		if c.numbers {
			c.NoError(ack(c.World, m.Seq, 0))
		}
	}
	return true
}

// A message that ends a polling agent at each of its starts shows in its status from two minutes on, without a break,
// and the status says how to end it. The others arrive meanwhile. With the message, the verdict ends.
func TestAMessageThatEndsAPollingAgentAtEachStartIsTold(t *testing.T) {
	for _, numbers := range []bool{false, true} {
		rapid.Check(t, func(rt *rapid.T) {
			c := &byTurns{World: world.New(t, workspace.Poll, ""), numbers: numbers, fatal: "killer"}
			c.boot()
			c.Send("killer", "m1", "m2")
			sent, since := c.Now, time.Time{}
			for c.Now.Sub(sent) < 5*time.Minute {
				c.turn(3)
				c.Now = c.Now.Add(time.Duration(rapid.IntRange(1500, 9000).Draw(rt, "ms")) * time.Millisecond)
				c.boot()
				if c.Now.Sub(sent) < 2*workspace.DefaultPolicy().DeliveryObjective {
					continue
				}
				v := c.Verdict()
				if v.Reason != workspace.ReasonBacklogStalled || v.Action != "inspect" ||
					!strings.Contains(v.Hint, "rollcall cancel "+world.ID) {
					rt.Fatalf("after %s: %+v", c.Now.Sub(sent), v)
				}
				if !since.IsZero() && !v.Since.Equal(since) {
					rt.Fatalf("since %s, and then since %s", since, v.Since)
				}
				since = v.Since
			}
			if v := c.Verdict(); numbers && v.NextCommand != "rollcall cancel "+world.ID+" killer" {
				rt.Fatalf("the verdict leads to %s: %s", v.NextCommand, v.Hint)
			}
			for _, other := range []string{"m1", "m2"} {
				if m := c.Receipt(other); numbers && m.State != chat.Delivered { // its cursor dies with it
					rt.Fatalf("%s is %s: %s", other, m.State, m.Reason)
				}
			}
			if told := c.Receipt("killer").Attempts[1].Words(); !strings.HasPrefix(told, "handed out to a poll, and not") {
				rt.Fatal(told)
			}
			_, err := c.Cancel(t.Context(), world.ID, "killer", "an operator", c.Now)
			c.NoError(err)
			if v := c.Verdict(); numbers && v.Reason != workspace.ReasonRestartLoop {
				rt.Fatalf("it acknowledges again: %+v", v)
			}
			for range 20 { // where its cursor died with it, it has the others to do
				c.turn(3)
				alive(c.World, 20*time.Second, 10*time.Second)
			}
			alive(c.World, 31*time.Second, time.Second)
			if v := c.Verdict(); v.Status != workspace.StatusOnline {
				rt.Fatalf("it has run for a while: %+v", v)
			}
		})
	}
}

// An agent that acknowledges something between its starts, however slowly, or starts anew once or twice without that,
// is never called one that starts in vain.
func TestAnAgentThatGetsOnDoesNotStartInVain(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := &byTurns{World: world.New(t, workspace.Poll, ""), numbers: rapid.Bool().Draw(rt, "numbers")}
		c.boot()
		restarts, sent := 0, 0
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"send", "look", "works", "dies", "waits"}).Draw(rt, "step") {
			case "send":
				sent++
				c.Send(fmt.Sprint("m", sent))
			case "look":
				c.turn(0)
			case "works":
				before := c.Facts().Delivered
				c.turn(1)
				c.turn(0)
				if c.Facts().Delivered > before {
					restarts = 0
				}
			case "dies":
				if restarts < 2 {
					restarts++
					c.boot()
				}
			case "waits":
				c.Now = c.Now.Add(time.Duration(rapid.IntRange(1, 80).Draw(rt, "seconds")) * time.Second)
			}
			if v := c.Verdict(); strings.Contains(v.Hint, inVain) {
				rt.Fatalf("%d starts without an acknowledgement: %+v", restarts, v)
			}
		}
	})
}

// A host that runs on and says that it is at work is believed, and so is a backlog that is over.
func TestTheStartsInVainAreOver(t *testing.T) {
	stalled := func(t *testing.T) *byTurns {
		c := &byTurns{World: world.New(t, workspace.Poll, ""), numbers: true, fatal: "killer"}
		c.Send("killer")
		for range 15 {
			c.boot()
			c.turn(1)
			c.Now = c.Now.Add(10 * time.Second)
		}
		if v := c.Verdict(); !strings.Contains(v.Hint, inVain) {
			t.Fatalf("%+v", v)
		}
		return c
	}
	t.Run("it runs, and is at work", func(t *testing.T) {
		c := stalled(t)
		c.boot()
		c.turn(0)
		for range 5 {
			c.Now = c.Now.Add(15 * time.Second)
			c.Heartbeat(1)
		}
		if v := c.Verdict(); v.Status != workspace.StatusOnline {
			t.Fatalf("%+v", v)
		}
	})
	t.Run("no mail is left", func(t *testing.T) {
		c := stalled(t)
		_, err := c.Cancel(t.Context(), world.ID, "killer", "an operator", c.Now)
		c.NoError(err)
		if f, v := c.Facts(), c.Verdict(); f.FetchedHosts != 0 || v.Reason != workspace.ReasonRestartLoop {
			t.Fatalf("%d hosts: %+v", f.FetchedHosts, v)
		}
	})
}
