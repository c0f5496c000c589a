package chaos

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
)

// callbacks is a sender's server, which is told of final states.
type callbacks struct {
	server *httptest.Server
	mu     sync.Mutex
	states map[string]map[string]bool // by message id
}

func newCallbacks() *callbacks {
	b := &callbacks{states: map[string]map[string]bool{}}
	b.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var end struct {
			ID    string `json:"message_id"`
			State string `json:"state"`
		}
		raw, err := io.ReadAll(r.Body)
		if err != nil || json.Unmarshal(raw, &end) != nil {
			http.Error(w, "not a final state", http.StatusBadRequest)
			return
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.states[end.ID] == nil {
			b.states[end.ID] = map[string]bool{}
		}
		b.states[end.ID][end.State] = true
	}))
	return b
}

func (b *callbacks) received(id, state string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.states[id][state]
}

func (b *callbacks) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.states)
}
