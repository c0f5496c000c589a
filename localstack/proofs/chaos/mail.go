package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/rollcall/rollcall/shared/client"
)

// The workspaces whose mail isn't all alike.
const (
	priorities = "priorities" // priorities, lifetimes and callbacks; some is cancelled at once
	paused     = "paused"     // paused now and then; meanwhile some mail expires and some is cancelled
	large      = "large"      // large messages wait together for a rare poll
)

// largeBodies has the last one's messages be large; else they are many.
const largeBodies = true

// perAgent bounds the messages to one agent.
func perAgent(a *agent) int {
	if a.name == large {
		return 120
	}
	return 400
}

// sent is a message and what it must come to.
type sent struct {
	workspace, id, text string
	params              map[string]any // beside the message
	priority            int
	callback            bool
	cancel              bool      // its sender takes it back
	end                 string    // delivered, cancelled or expired
	cancelled           time.Time // when that was answered
	flying              bool      // it was being delivered when it was cancelled, and may be taken
}

func newSent(a *agent, name string) *sent {
	return &sent{workspace: a.id, id: a.id + "-" + name, text: "text " + name + " for " + a.id, end: "delivered", params: map[string]any{}}
}

func (m *sent) path() string { return "/workspaces/" + m.workspace + "/messages/" + m.id }

// compose is the i-th message to an agent, by the seed.
func (c *campaign) compose(a *agent, i int, rng *rand.Rand) *sent {
	m := newSent(a, fmt.Sprint(i))
	switch {
	case a.name == large && largeBodies:
		m.text += strings.Repeat(" and so on", 10_000+rng.IntN(10_000)) // to 200 KB
	case a.name == priorities:
		m.priority = []int{100, 50, 10}[rng.IntN(3)]
		m.params["priority"] = m.priority
		if i%3 == 0 {
			m.params["expires_in_seconds"] = 6 * 3600
		}
		if i%4 == 1 {
			c.callBack(m)
		}
		m.cancel = i%7 == 5
	}
	return m
}

func (c *campaign) callBack(m *sent) {
	m.callback, m.params["callback_url"] = true, c.callbacks.server.URL
}

// send goes on with the same id until it is accepted, as a careful sender does.
// What it then cancels is cancelled even if the work ends meanwhile.
func (c *campaign) send(ctx, whole context.Context, a *agent, m *sent) error {
	body := client.Message(m.id, m.text)
	for k, v := range m.params {
		body["params"].(map[string]any)[k] = v
	}
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
	if m.cancel {
		return c.cancel(whole, m)
	}
	return nil
}

// cancel takes a message back, unless it has arrived.
func (c *campaign) cancel(ctx context.Context, m *sent) error {
	return client.Until(ctx, time.Minute, func() error {
		r, err := c.Do(ctx, "POST", m.path()+"/cancel", c.OperatorToken, nil)
		if err == nil && r.Text("code") == "message_already_terminal" { // by a call whose answer was lost, or it arrived
			r, err = c.Do(ctx, "GET", m.path(), c.OperatorToken, nil)
		}
		switch {
		case err != nil:
			return err
		case r.Status != http.StatusOK || r.Text("state") == "":
			return fmt.Errorf("cancel answered %d %s", r.Status, r.Raw)
		case r.Text("state") == "cancelled":
			m.end, m.cancelled, m.flying = "cancelled", time.Now(), strings.Contains(string(r.Raw), "cancelled meanwhile")
		}
		return nil
	})
}

// drainsEnd is how long a drain that began before a pause may still deliver: its
// calls may be late.
const drainsEnd = 9 * time.Second

// pauses pauses a workspace, has some of its mail expire and some cancelled, and
// resumes it, again and again. A round is played to its end, with clocks that go
// evenly: what is to expire would else outlive its time.
func (c *campaign) pauses(ctx, whole context.Context, a *agent) error {
	for n := 0; ; n++ {
		if !pause(ctx, 8*time.Second) || !c.hold(ctx) {
			return nil
		}
		err := c.pauseRound(whole, a, n)
		c.release()
		if err != nil {
			return err
		}
	}
}

func (c *campaign) pauseRound(ctx context.Context, a *agent, n int) error {
	if err := c.operate(ctx, a, "pause"); err != nil {
		return err
	}
	pause(ctx, drainsEnd)
	for i := range 3 {
		m := newSent(a, fmt.Sprintf("%d-%d-short", n, i))
		c.callBack(m)
		if i == 2 {
			m.cancel = true
		} else {
			m.end, m.params["expires_in_seconds"] = "expired", 2
		}
		if err := c.send(ctx, ctx, a, m); err != nil {
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

// priorities are those of an agent's messages, by id.
func (c *campaign) priorities(a *agent) map[string]int {
	out := map[string]int{}
	for _, m := range c.sent {
		if m.workspace == a.id {
			out[m.id] = m.priority
		}
	}
	return out
}

// callbacks hears of ends.
type callbacks struct {
	server *httptest.Server
	mu     sync.Mutex
	heard  map[string]map[string]bool // states, by message id
}

func newCallbacks() *callbacks {
	b := &callbacks{heard: map[string]map[string]bool{}}
	b.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var end struct {
			ID    string `json:"message_id"`
			State string `json:"state"`
		}
		raw, err := io.ReadAll(r.Body)
		if err != nil || json.Unmarshal(raw, &end) != nil {
			http.Error(w, "not an end", http.StatusBadRequest)
			return
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.heard[end.ID] == nil {
			b.heard[end.ID] = map[string]bool{}
		}
		b.heard[end.ID][end.State] = true
	}))
	return b
}

func (b *callbacks) told(id, state string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.heard[id][state]
}

func (b *callbacks) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.heard)
}
