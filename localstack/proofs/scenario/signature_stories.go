package scenario

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/rollcall/rollcall/shared/client"
)

// signatureStories are about calls that an agent must be able to tell from a stranger's.
var signatureStories = []story{
	{"a push is signed with the secret that register gave, also while that is replaced", pushesAreSigned},
}

// signedCalls checks the calls that an agent is pushed against the secrets that it may know.
type signedCalls struct {
	mu      sync.Mutex
	a       *agent
	secrets []string
	calls   int
	problem error
}

func (s *signedCalls) receive(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range s.secrets {
		hook, err := webhooks.NewWebhook(secret)
		if err == nil {
			err = hook.Verify([]byte(s.a.lastBody()), r.Header)
		}
		if err != nil {
			s.problem = fmt.Errorf("call %d: %w", s.calls+1, err)
		}
	}
	s.calls++
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"result":{"parts":[{"kind":"text","text":"done"}]}}`)
}

// arrived waits until as many calls have arrived, each signed with every secret.
func (s *signedCalls) arrived(ctx context.Context, calls int) error {
	return client.Until(ctx, patience, func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.problem == nil && s.calls < calls {
			return fmt.Errorf("%d of %d calls have arrived", s.calls, calls)
		}
		return s.problem
	})
}

func (s *signedCalls) know(secrets ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets = secrets
}

func pushesAreSigned(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	s := &signedCalls{a: a}
	url := a.serve(s.receive)
	r, err := a.register(ctx, "", url)
	must(wantStatus(r, err, 200))
	first := r.Text("webhook_secret")
	s.know(first)
	a.startHeartbeats(ctx)
	_, _, err = a.send(ctx)
	must(err)
	must(s.arrived(ctx, 1))
	a.stopCalls()
	mustGet(a.operate(ctx, 200, "repair", map[string]any{"force": true}))
	a.token = ""
	r, err = a.register(ctx, "", url)
	must(wantStatus(r, err, 200))
	if r.Text("webhook_secret") == first {
		must(fmt.Errorf("a new credential came with the old secret"))
	}
	s.know(r.Text("webhook_secret"), first) // whoever has not heard of the new one verifies with the old
	a.startHeartbeats(ctx)
	_, _, err = a.send(ctx)
	must(err)
	must(s.arrived(ctx, 2))
}
