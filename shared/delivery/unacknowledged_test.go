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
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/workspace"
)

// failer is an agent that polls, works off its rows in order, and fails at some messages: it drops the rest of the page
// then, and polls on. It acknowledges each message by its number, each by the cursor of its next poll, or a whole page.
type failer struct {
	*world.World
	how    string // "number", "cursor" or "page"
	limit  int
	cursor string
	done   map[string]time.Time
}

func isBad(id string) bool { return strings.HasPrefix(id, "bad") }

func (c *failer) boot() {
	register(c.World, workspace.Poll, "")
	if c.how == "number" {
		c.NoError(ack(c.World, 0, 0))
	}
}

func (c *failer) poll() (ids []string) {
	c.T.Helper()
	ms, last, err := poll(c.World, delivery.PollRequest{Cursor: c.cursor, Limit: c.limit})
	c.NoError(err)
	for _, m := range ms {
		ids = append(ids, m.ID)
	}
	for _, m := range ms {
		if isBad(m.ID) {
			return ids
		}
		if c.how == "page" {
			continue
		}
		c.done[m.ID] = c.Now
		if c.how == "number" {
			c.NoError(ack(c.World, m.Seq, 0))
		} else {
			c.cursor = delivery.CursorOf(m).ID(world.Life)
		}
	}
	if c.how == "page" && len(ms) > 0 {
		for _, m := range ms {
			c.done[m.ID] = c.Now
		}
		c.cursor = last
	}
	return ids
}

// Whichever messages an agent fails at, and however it acknowledges the others: those arrive, none that it failed at
// counts as delivered, one of these is named with the command that ends it, whether the agent restarts or not, and when
// all of these have ended, so has the verdict.
func TestWhatAPollingAgentFailsAtHoldsUpNothingAndIsNamed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := &failer{
			World: world.New(t, workspace.Poll, ""), done: map[string]time.Time{},
			how:   rapid.SampledFrom([]string{"number", "cursor", "page"}).Draw(rt, "how"),
			limit: rapid.SampledFrom([]int{1, 3, 100}).Draw(rt, "limit"),
		}
		c.boot()
		began := c.Now
		var sent []string
		at, restarted := map[string]time.Time{}, time.Time{}
		send := func() {
			kind := rapid.SampledFrom([]string{"good", "good", "bad"}).Draw(rt, "kind")
			if len(slices.DeleteFunc(slices.Clone(sent), func(id string) bool { return !isBad(id) })) == 3 {
				kind = "good"
			}
			id := fmt.Sprint(kind, len(sent))
			sent, at[id] = append(sent, id), c.Now
			c.Send(id)
		}
		for range rapid.IntRange(1, 8).Draw(rt, "at first") {
			send()
		}
		most := 7 * time.Minute // for a good message behind three bad ones
		if c.limit < 100 {
			most = 11 * time.Minute // each of these may be handed out when the one before was set aside
		}
		pause := time.Duration(rapid.IntRange(4, 20).Draw(rt, "seconds between polls")) * time.Second
		for c.Now.Sub(began) < 20*time.Minute {
			c.poll()
			c.Now = c.Now.Add(pause)
			if c.Now.Sub(began) < 8*time.Minute && rapid.IntRange(0, 19).Draw(rt, "one more") == 0 {
				send()
			}
			again := c.Now.Sub(restarted) > 2*time.Minute // more often is a loop of restarts, which is told first
			if rapid.IntRange(0, 99).Draw(rt, "restarts") == 0 && again {
				c.boot()
				restarted = c.Now
			}
			first := time.Time{}
			for _, id := range sent {
				switch {
				case isBad(id) && (first.IsZero() || at[id].Before(first)):
					first = at[id]
				case !isBad(id) && c.done[id].IsZero() && c.Now.Sub(at[id]) > most:
					rt.Fatalf("%s has waited since %s", id, at[id])
				}
			}
			within := 4*time.Minute + 2*time.Duration(len(sent))*pause
			if first.IsZero() || c.Now.Sub(first) < within {
				continue
			}
			if v := c.Verdict(); v.Status != workspace.StatusDegraded || v.Reason != workspace.ReasonBacklogStalled ||
				!strings.Contains(v.Hint, "rollcall cancel "+world.ID+" bad") {
				rt.Fatalf("at %s, it restarted at %s: %+v", c.Now, restarted, v)
			}
		}
		for _, id := range sent {
			if isBad(id) {
				if m := c.Receipt(id); m.State == chat.Delivered {
					rt.Fatalf("%s is delivered: %+v", id, m)
				}
				_, err := c.Cancel(t.Context(), world.ID, id, "an operator", c.Now)
				c.NoError(err)
			} else if s := c.Receipt(id).State; s != chat.Delivered {
				c.poll() // a cursor acknowledges with the next poll
				if s = c.Receipt(id).State; s != chat.Delivered {
					rt.Fatalf("%s is %s", id, s)
				}
			}
		}
		c.poll()
		c.poll()
		if v := c.Verdict(); v.Status != workspace.StatusOnline {
			rt.Fatalf("all has ended: %+v", v)
		}
	})
}

// With an agent that polls each five seconds, all is told and done soon.
func TestABadMessageAtTheHeadOfAPage(t *testing.T) {
	for _, how := range []string{"number", "cursor", "page"} {
		c := &failer{World: world.New(t, workspace.Poll, ""), how: how, limit: 100, done: map[string]time.Time{}}
		c.boot()
		c.Send("bad", "g1", "g2", "g3")
		began := c.Now
		var named, through time.Duration
		for c.Now.Sub(began) < 30*time.Minute {
			c.poll()
			c.Now = c.Now.Add(5 * time.Second)
			if named == 0 && strings.Contains(c.Verdict().Hint, "rollcall cancel w bad") {
				named = c.Now.Sub(began)
			}
			if through == 0 && len(c.done) == 3 {
				through = c.Now.Sub(began)
			}
		}
		if named == 0 || named > 2*time.Minute || through == 0 || through > 2*time.Minute {
			t.Errorf("%s: it is named after %s, the others are done after %s", how, named, through)
		}
		if n := c.Receipt("bad").Tries(); n > 10 {
			t.Errorf("%s: it was handed out %d times in half an hour", how, n)
		}
	}
}
