package chaos

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/rollcall/rollcall/shared/client"
)

// The agents that are told apart by their name.
const (
	twoSlots   = "pushed-two-slots" // takes two tasks at a time
	priorities = "priorities"       // its mail has priorities, lifetimes and callbacks; some is cancelled at once
	paused     = "paused"           // it is paused now and then; meanwhile some mail expires and some is cancelled
	large      = "large"            // large messages wait together for a rare poll
)

// maxMessages is how many messages an agent is sent at most.
func maxMessages(a *agent) int {
	if a.name == large {
		return 120
	}
	return 400
}

// sentMessage is a message and the final state that it must reach.
type sentMessage struct {
	workspace, id, text string
	params              map[string]any // besides the message
	priority            int
	callback            bool
	toCancel            bool      // its sender cancels it
	end                 string    // its final state: delivered, cancelled or expired
	cancelled           time.Time // when the cancel was answered
	inFlight            bool      // it was being delivered when it was cancelled, and may be taken
}

func newMessage(a *agent, name string) *sentMessage {
	return &sentMessage{
		workspace: a.id, id: a.id + "-" + name, text: "text " + name + " for " + a.id,
		end: "delivered", params: map[string]any{},
	}
}

func (m *sentMessage) path() string { return "/workspaces/" + m.workspace + "/messages/" + m.id }

// compose makes the i-th message to an agent.
func (c *campaign) compose(a *agent, i int, random *rand.Rand) *sentMessage {
	m := newMessage(a, fmt.Sprint(i))
	switch a.name {
	case large:
		m.text += strings.Repeat(" and so on", 10_000+random.IntN(10_000)) // to 200 KB
	case priorities:
		m.priority = []int{100, 50, 10}[random.IntN(3)]
		m.params["priority"] = m.priority
		if i%3 == 0 {
			m.params["expires_in_seconds"] = 6 * 3600
		}
		if i%4 == 1 {
			c.addCallback(m)
		}
		m.toCancel = i%7 == 5
	}
	return m
}

func (c *campaign) addCallback(m *sentMessage) {
	m.callback, m.params["callback_url"] = true, c.callbacks.server.URL
}

// send repeats a message with the same id until it is accepted, as a careful sender does.
// A cancel that follows is finished even if ctx ends meanwhile.
func (c *campaign) send(ctx, campaignCtx context.Context, m *sentMessage) error {
	body := client.Message(m.id, m.text)
	maps.Copy(body["params"].(map[string]any), m.params)
	for {
		r, err := c.Do(ctx, "POST", "/workspaces/"+m.workspace+"/a2a", "", body)
		if err == nil && accepted(r) {
			break
		}
		if !pause(ctx, 300*time.Millisecond) {
			return ctx.Err()
		}
	}
	c.mu.Lock()
	c.sent = append(c.sent, m)
	c.mu.Unlock()
	if m.toCancel {
		return c.cancel(campaignCtx, m)
	}
	return nil
}

// cancel cancels a message, unless it has arrived.
func (c *campaign) cancel(ctx context.Context, m *sentMessage) error {
	return client.Until(ctx, time.Minute, func() error {
		r, err := c.Do(ctx, "POST", m.path()+"/cancel", c.OperatorToken, nil)
		if err == nil && r.Text("code") == "message_already_terminal" { // a lost answer, or it has arrived
			r, err = c.Do(ctx, "GET", m.path(), c.OperatorToken, nil)
		}
		switch {
		case err != nil:
			return err
		case r.Status != http.StatusOK || r.Text("state") == "":
			return fmt.Errorf("cancel answered %d %s", r.Status, r.Raw)
		case r.Text("state") == "cancelled":
			m.end, m.cancelled = "cancelled", time.Now()
			m.inFlight = strings.Contains(string(r.Raw), "cancelled meanwhile")
		}
		return nil
	})
}

// longestDrain is how long a drain that began before a pause may still deliver, because
// its calls may be late.
const longestDrain = 9 * time.Second

// pauseRepeatedly pauses a workspace, lets some of its mail expire, cancels some, and
// resumes it, again and again. A round is always finished and the clocks are locked
// meanwhile: otherwise a clock that jumps back would postpone an expiry.
func (c *campaign) pauseRepeatedly(ctx, campaignCtx context.Context, a *agent) error {
	for n := 0; ; n++ {
		if !pause(ctx, 8*time.Second) || !c.lockClocks(ctx) {
			return nil
		}
		err := c.pauseRound(campaignCtx, a, n)
		c.unlockClocks()
		if err != nil {
			return err
		}
	}
}

func (c *campaign) pauseRound(ctx context.Context, a *agent, n int) error {
	if err := c.operate(ctx, a, "pause"); err != nil {
		return err
	}
	pause(ctx, longestDrain)
	for i := range 3 {
		m := newMessage(a, fmt.Sprintf("%d-%d-short", n, i))
		c.addCallback(m)
		if i == 2 {
			m.toCancel = true
		} else {
			m.end, m.params["expires_in_seconds"] = "expired", 2
		}
		if err := c.send(ctx, ctx, m); err != nil {
			return err
		}
	}
	pause(ctx, 4*time.Second)
	return c.operate(ctx, a, "resume")
}

func (c *campaign) operate(ctx context.Context, a *agent, what string) error {
	return client.Until(ctx, time.Minute, func() error {
		r, err := c.Do(ctx, "POST", "/workspaces/"+a.id+"/"+what, c.OperatorToken, nil)
		if err == nil && r.Status != http.StatusOK {
			err = fmt.Errorf("%s answered %d %s", what, r.Status, r.Raw)
		}
		return err
	})
}

// priorities are the priorities of an agent's messages, by id.
func (c *campaign) priorities(a *agent) map[string]int {
	out := map[string]int{}
	for _, m := range c.sent {
		if m.workspace == a.id {
			out[m.id] = m.priority
		}
	}
	return out
}
