package scenario

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
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
	last    http.Header
	body    []byte
}

func (s *signedCalls) receive(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range s.secrets {
		hook, err := webhooks.NewWebhook(secret)
		if err == nil {
			err = hook.Verify(body, r.Header)
		}
		if err != nil {
			s.problem = fmt.Errorf("call %d: %w", s.calls+1, err)
		}
	}
	s.calls, s.last, s.body = s.calls+1, r.Header, body
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"result":{"parts":[{"kind":"text","text":"done"}]}}`)
}

// delivered sends the agent a message and waits until it is delivered. Each call up to then, also the try of a new URL,
// was signed with every secret.
func (s *signedCalls) delivered(ctx context.Context) error {
	id, _, err := s.a.send(ctx)
	if err != nil {
		return err
	}
	if err := s.a.awaitMessage(ctx, id, "delivered"); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.problem
}

// refuses reports whether the last call was not signed with a secret.
func (s *signedCalls) refuses(secret string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	hook := mustGet(webhooks.NewWebhook(secret))
	return hook.Verify(s.body, s.last) != nil
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
	register := func(former string) (secret string) {
		r, err := a.register(ctx, "", url)
		must(wantStatus(r, err, 200))
		if secret = r.Text("webhook_secret"); secret == former {
			must(fmt.Errorf("a new credential came with the old secret"))
		}
		return secret
	}
	first := register("")
	s.know(first)
	a.startHeartbeats(ctx)
	must(s.delivered(ctx))
	a.stopCalls()
	r, err := a.call(ctx, "POST", "/workspaces/"+a.id+"/rotate", nil)
	must(wantStatus(r, err, 200))
	a.token = r.Text("auth_token")
	second := register(first)
	s.know(second, first) // whoever has not heard of the new one verifies with the old
	must(s.delivered(ctx))
	mustGet(a.operate(ctx, 200, "repair", map[string]any{"force": true}))
	a.token = ""
	s.know(register(second))
	must(s.delivered(ctx))
	if !s.refuses(second) {
		must(errors.New("a secret signs on whose credential an operator ended"))
	}
}
