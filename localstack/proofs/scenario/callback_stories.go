package scenario

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/client"
)

// callbackStories are about the URLs that senders have told of the ends of their messages.
var callbackStories = []story{
	{"a sender whose server hangs delays no other sender's callbacks, and no mail", hungCallbacks},
}

// callbackServer is the server of a sender. It notes which messages it was told of.
type callbackServer struct {
	*httptest.Server
	mu   sync.Mutex
	told map[string]int
}

// newCallbackServer starts a server that answers 200, or that never answers.
func newCallbackServer(hangs bool) *callbackServer {
	s := &callbackServer{told: map[string]int{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.told[r.Header.Get("X-Rollcall-Message-Id")]++
		s.mu.Unlock()
		_, _ = io.Copy(io.Discard, r.Body) // otherwise the server does not notice that the caller hung up
		if hangs {
			<-r.Context().Done()
		}
	}))
	return s
}

func (s *callbackServer) calls() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.told)
}

// sendWithCallback sends a message to an agent in a sender's name, whose server is to be told of its end.
func (a *agent) sendWithCallback(ctx context.Context, sender *agent, to *callbackServer) (id string) {
	id = uuid.NewString()
	m := client.Message(id, "hello")
	m["params"].(map[string]any)["callback_url"] = to.URL
	r, err := sender.call(ctx, "POST", "/workspaces/"+a.id+"/a2a", m)
	if err == nil && r.Status != http.StatusOK && r.Status != http.StatusAccepted {
		err = fmt.Errorf("answered %d: %s", r.Status, r.Raw)
	}
	must(err)
	return id
}

func hungCallbacks(ctx context.Context, p Platform) {
	const hanging, others = 30, 3
	a, well := healthyAgent(ctx, p, pushed), healthyAgent(ctx, p, pushed)
	defer a.leave()
	defer well.leave()
	hangs, answers := newCallbackServer(true), newCallbackServer(false)
	defer answers.Close()
	defer hangs.Close()
	defer hangs.CloseClientConnections()
	bad, good := healthyAgent(ctx, p, withoutMail), healthyAgent(ctx, p, withoutMail)
	defer bad.leave()
	defer good.leave()
	for range hanging {
		a.sendWithCallback(ctx, bad, hangs)
	}
	var ids []string
	for range others {
		ids = append(ids, a.sendWithCallback(ctx, good, answers))
		id, _, err := well.send(ctx)
		must(err)
		must(within(ctx, deliveryObjective/2, func(ctx context.Context) error {
			r, err := well.receipt(ctx, id)
			if err == nil && r.Text("state") != "delivered" {
				err = fmt.Errorf("another agent's message: %s", r.Raw)
			}
			return err
		}))
	}
	for _, id := range ids {
		must(client.Until(ctx, patience, func() error {
			if answers.calls()[id] == 0 {
				return fmt.Errorf("the sender is not told of %s, after %d calls that hang", id, len(hangs.calls()))
			}
			return nil
		}))
	}
	if n := len(hangs.calls()); n == 0 || n > hanging/2 {
		must(fmt.Errorf("%d of %d messages have a call that hangs", n, hanging))
	}
}
