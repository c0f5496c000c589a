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

// received is what one agent took, in order.
type received struct {
	mu    sync.Mutex
	times map[string]int       // by message id
	last  map[string]time.Time // its last coming, by message id
	texts map[string]string    // text -> the id it first came with
	order []string             // ids, at their first coming
	twice []string             // texts that came under two ids
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
		r.twice = append(r.twice, text)
	}
	r.texts[text] = id
}

// has tells whether a message came, whole.
func (r *received) has(m sent) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.times[m.id] > 0 && r.texts[m.text] == m.id
}

func (r *received) after(id string, t time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last[id].After(t)
}

// agent is one workspace's, pushed to or polling, well or badly behaved.
type agent struct {
	client.Local
	id     string
	name   string
	got    *received
	server *httptest.Server // nil: it polls
	slots  int              // max_concurrent_tasks

	mu       sync.Mutex
	rng      *rand.Rand
	well     bool // answers everything at once
	refused  map[string]int
	token    string
	cursor   string
	flips    bool // changes its delivery mode now and then
	polls    bool // now
	rarely   bool // while not well it beats every turn, and polls each twelfth
	turns    int
	forgets  bool // loses its credential now and then
	operator string
}

func newAgent(l client.Local, name string, seed uint64, push bool) *agent {
	a := &agent{Local: l, slots: 1, id: fmt.Sprintf("chaos-%s-%d", name, seed), name: name, got: newReceived(), rng: rand.New(rand.NewPCG(seed, uint64(len(name)))), refused: map[string]int{},
		operator: l.OperatorToken, polls: !push}
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

func (a *agent) roll() (float64, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.rng.Float64(), a.well
}

// serve takes a push: well, slowly, not at all, or says that it is busy. It
// fails the same message at most twice, so that only the platform's own faults
// can use up the attempts.
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
	luck, well := a.roll()
	a.mu.Lock()
	fails := !well && luck < 0.15 && a.refused[id] < 2
	if fails {
		a.refused[id]++
	}
	a.mu.Unlock()
	switch {
	case fails && luck < 0.06:
		w.Header().Set("Retry-After", "1")
		http.Error(w, "busy", http.StatusServiceUnavailable)
		return
	case fails && luck < 0.10:
		http.Error(w, "broken", http.StatusInternalServerError)
		return
	case fails:
		a.got.take(id, rpc.Params.Message.Parts[0].Text)
		panic(http.ErrAbortHandler) // taken, and the platform can't know
	case !well && luck > 0.95:
		time.Sleep(time.Second)
	}
	a.got.take(id, rpc.Params.Message.Parts[0].Text)
	fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%q,"result":{"parts":[{"kind":"text","text":"ok"}]}}`, id)
}

// register goes on until it is accepted; a refusal it can't mend is mended by
// the operator, as a person would.
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
			if _, err := a.Do(ctx, "POST", "/workspaces/"+a.id+"/repair", a.operator, nil); err != nil {
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

// beatEvery is how many turns make a beat: some seconds, of a lease of 20.
const beatEvery = 4

// turn is one round of its loop. Whatever goes wrong it tries again in the next.
func (a *agent) turn(ctx context.Context) error {
	a.mu.Lock()
	a.turns++
	token, polls := a.token, a.polls && (a.well || !a.rarely || a.turns%12 == 0)
	luck := a.rng.Float64()
	beats := a.turns%beatEvery == 0
	flip, forget := a.flips && !a.well && luck < 0.1, a.forgets && !a.well && luck < 0.1
	a.mu.Unlock()
	if forget {
		a.mu.Lock()
		a.token = ""
		a.mu.Unlock()
		return a.register(ctx)
	}
	if flip {
		a.mu.Lock()
		a.polls = !a.polls && a.server != nil || a.server == nil
		a.mu.Unlock()
		return a.register(ctx)
	}
	if beats {
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

// poll reads mail as the clients do; now and then its reply is lost on the way.
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
	if luck, well := a.roll(); !well && luck < 0.1 {
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
		a.got.take(row.MessageID, row.Data.Text)
		a.cursor = row.ID
	}
	return nil
}

// accepted reads a receipt that a sender got.
func accepted(r client.Reply) bool {
	return (r.Status == http.StatusOK || r.Status == http.StatusAccepted) && strings.HasPrefix(r.Text("receipt"), "/workspaces/")
}
