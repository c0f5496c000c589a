package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/rollcall/rollcall/shared/client"
)

// received is what one agent took, in its order.
type received struct {
	mu          sync.Mutex
	times       map[string]int       // how often it came, by message id
	last        map[string]time.Time // when it last came, by message id
	texts       map[string]string    // the id with which a text first came
	order       []string             // ids, in the order of their first arrival
	underTwoIDs []string             // texts that came under two ids
}

func newReceived() *received {
	return &received{times: map[string]int{}, last: map[string]time.Time{}, texts: map[string]string{}}
}

func (r *received) take(id, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last[id] = time.Now()
	if r.times[id]++; r.times[id] > 1 {
		return
	}
	r.order = append(r.order, id)
	if was, ok := r.texts[text]; ok && was != id {
		r.underTwoIDs = append(r.underTwoIDs, text)
	}
	r.texts[text] = id
}

// has reports whether a message came with its whole text.
func (r *received) has(m sentMessage) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.times[m.id] > 0 && r.texts[m.text] == m.id
}

// after reports whether a message came later than t.
func (r *received) after(id string, t time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last[id].After(t)
}

// agent is a workspace's agent: pushed to or polling, well or badly behaved.
type agent struct {
	client.Client
	id       string
	name     string
	received *received
	server   *httptest.Server // nil: it can only poll
	slots    int              // max_concurrent_tasks

	mu          sync.Mutex
	random      *rand.Rand
	wellBehaved bool // takes every message at once
	refused     map[string]int
	token       string
	cursor      string
	changesMode bool // now and then
	polls       bool // its delivery mode is poll now
	pollsRarely bool // it polls only in each twelfth turn until it is well behaved
	turns       int
	losesToken  bool // now and then
	operator    string
}

func newAgent(l client.Client, name string, seed uint64, push bool) *agent {
	a := &agent{
		Client: l, slots: 1, id: fmt.Sprintf("chaos-%s-%d", name, seed), name: name, received: newReceived(),
		random: rand.New(rand.NewPCG(seed, uint64(len(name)))), refused: map[string]int{},
		operator: l.OperatorToken, polls: !push,
	}
	if push {
		a.server = httptest.NewServer(http.HandlerFunc(a.serve))
	}
	return a
}

func (a *agent) close() {
	if a.server != nil {
		a.server.Close()
	}
}

// roll is a random number below 1, and whether the agent is well behaved.
func (a *agent) roll() (chance float64, wellBehaved bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.random.Float64(), a.wellBehaved
}

// serve takes a pushed message at once or slowly, fails, or answers that it is busy. It
// fails the same message at most twice, so that only the injected faults can use up the
// attempts.
func (a *agent) serve(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("X-Rollcall-Message-Id")
	var rpc struct {
		Params struct {
			Message struct{ Parts []struct{ Text string } }
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&rpc); err != nil || len(rpc.Params.Message.Parts) == 0 {
		http.Error(w, "not A2A", http.StatusBadRequest)
		return
	}
	chance, well := a.roll()
	a.mu.Lock()
	fails := !well && chance < 0.15 && a.refused[id] < 2
	if fails {
		a.refused[id]++
	}
	a.mu.Unlock()
	switch {
	case fails && chance < 0.06:
		w.Header().Set("Retry-After", "1")
		http.Error(w, "busy", http.StatusServiceUnavailable)
		return
	case fails && chance < 0.10:
		http.Error(w, "broken", http.StatusInternalServerError)
		return
	case fails:
		a.received.take(id, rpc.Params.Message.Parts[0].Text)
		panic(http.ErrAbortHandler) // taken, but the platform gets no answer
	case !well && chance > 0.95:
		time.Sleep(time.Second)
	}
	a.received.take(id, rpc.Params.Message.Parts[0].Text)
	fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%q,"result":{"parts":[{"kind":"text","text":"ok"}]}}`, id)
}

// register registers until it is accepted. When its credential is refused, the operator
// repairs the workspace.
func (a *agent) register(ctx context.Context) error {
	body := map[string]any{"id": a.id, "agent_card": map[string]any{"name": a.name}}
	a.mu.Lock()
	if a.polls {
		body["delivery_mode"] = "poll"
	} else {
		body["delivery_mode"], body["url"] = "push", a.server.URL
	}
	token := a.token
	a.mu.Unlock()
	return client.Until(ctx, time.Minute, func() error {
		r, err := a.Do(ctx, "POST", "/registry/register", token, body)
		switch {
		case err != nil:
			return err
		case r.Status == http.StatusUnauthorized:
			force := map[string]any{"force": true}
			if _, err := a.Do(ctx, "POST", "/workspaces/"+a.id+"/repair", a.operator, force); err != nil {
				return err
			}
			token = ""
			return fmt.Errorf("refused: %s", r.Raw)
		case r.Status != http.StatusOK:
			return fmt.Errorf("register answered %d %s", r.Status, r.Raw)
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.token = token
		if t := r.Text("auth_token"); t != "" {
			a.token = t
		}
		return nil
	})
}

// heartbeatEvery is how many turns pass between two heartbeats: about three seconds, where
// the lease has twenty.
const heartbeatEvery = 4

// turn is one round of the agent's loop. The next turn repeats what failed.
func (a *agent) turn(ctx context.Context) error {
	a.mu.Lock()
	a.turns++
	token, polls := a.token, a.polls && (a.wellBehaved || !a.pollsRarely || a.turns%12 == 0)
	chance := a.random.Float64()
	heartbeat := a.turns%heartbeatEvery == 0
	misbehave := !a.wellBehaved && chance < 0.1
	changeMode, loseToken := a.changesMode && misbehave, a.losesToken && misbehave
	a.mu.Unlock()
	if loseToken {
		a.mu.Lock()
		a.token = ""
		a.mu.Unlock()
		return a.register(ctx)
	}
	if changeMode {
		a.mu.Lock()
		a.polls = !a.polls && a.server != nil || a.server == nil
		a.mu.Unlock()
		return a.register(ctx)
	}
	if heartbeat {
		r, err := a.Do(ctx, "POST", "/registry/heartbeat", token, map[string]any{"workspace_id": a.id, "active_tasks": 0})
		if err != nil {
			return err
		}
		if r.Status == http.StatusUnauthorized || r.Status == http.StatusNotFound {
			return a.register(ctx)
		}
	}
	if polls {
		return a.poll(ctx, token)
	}
	return nil
}

// poll reads mail as the clients do. Now and then its reply is lost.
func (a *agent) poll(ctx context.Context, token string) error {
	query := "type=a2a_receive&limit=100"
	if a.cursor != "" {
		query += "&since_id=" + a.cursor
	}
	r, err := a.Do(ctx, "GET", "/workspaces/"+a.id+"/activity?"+query, token, nil)
	if err != nil {
		return err
	}
	if r.Status == http.StatusGone {
		a.cursor = ""
		return nil
	}
	if r.Status != http.StatusOK {
		return fmt.Errorf("poll answered %d %s", r.Status, r.Raw)
	}
	if chance, well := a.roll(); !well && chance < 0.1 {
		return nil // the reply was lost
	}
	var rows []struct {
		ID        string
		MessageID string `json:"message_id"`
		Data      struct{ Text string }
	}
	if err := json.Unmarshal(r.Raw, &rows); err != nil {
		return err
	}
	for _, row := range rows {
		a.received.take(row.MessageID, row.Data.Text)
		a.cursor = row.ID
	}
	return nil
}

// accepted reports whether a sender got a receipt.
func accepted(r client.Reply) bool {
	return (r.Status == http.StatusOK || r.Status == http.StatusAccepted) &&
		strings.HasPrefix(r.Text("receipt"), "/workspaces/")
}
