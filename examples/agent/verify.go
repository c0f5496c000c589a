package main

import (
	"io"
	"net/http"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// maxPush is how many bytes of a push are read. The platform sends less.
const maxPush = 1 << 20

// verified reads the body of a call and checks that the platform signed it, with
// the secret that registering returned. The platform may call as soon as it knows
// the URL, which is before this agent has read that answer: such a call waits.
func (a *agent) verified(r *http.Request) ([]byte, error) {
	select {
	case <-a.registered:
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxPush))
	if err != nil {
		return nil, err
	}
	hook, err := webhooks.NewWebhook(a.signedWith())
	if err != nil {
		return nil, err
	}
	return body, hook.Verify(body, r.Header)
}

// knows notes the secret that the platform signs its calls with from now on.
func (a *agent) knows(secret string) {
	a.signing.Lock()
	a.secret = secret
	a.signing.Unlock()
	a.first.Do(func() { close(a.registered) })
}

// signedWith is the secret that the platform signs its calls with.
func (a *agent) signedWith() string {
	a.signing.Lock()
	defer a.signing.Unlock()
	return a.secret
}
