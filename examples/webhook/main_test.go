package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/push"
	"github.com/rollcall/rollcall/shared/token"
)

// The receiver takes what the platform's own sender signs, also while the secret is rotated, prints a change once, and
// refuses what others send.
func TestWhatThePlatformSendsIsTakenOnce(t *testing.T) {
	secret, other := token.SigningSecret(), token.SigningSecret()
	var out strings.Builder
	r, err := newReceiver(secret, &out)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(r)
	defer server.Close()
	sender := push.New(push.Private, push.Patience{})
	now := time.Now()
	for _, c := range []struct {
		secrets []string
		at      time.Time
		seq     int
		want    int
	}{
		{[]string{secret}, now, 7, http.StatusNoContent},
		{[]string{other, secret}, now, 7, http.StatusNoContent},
		{[]string{secret}, now, 6, http.StatusNoContent},
		{[]string{other}, now, 8, http.StatusUnauthorized},
		{[]string{secret}, now.Add(-time.Hour), 8, http.StatusUnauthorized},
		{nil, now, 8, http.StatusUnauthorized},
	} {
		body := fmt.Appendf(nil, `{"type": "workspace.status_changed", "data": {"seq": %d, "workspace_id": "demo",
			"to": {"status": "offline", "reason": "lease_expired"}, "hint": "restart it"}}`, c.seq)
		if status, _, err := sender.SendEvent(t.Context(), server.URL, "id", c.at, c.secrets, body); status != c.want {
			t.Errorf("%+v: %d, %v", c, status, err)
		}
	}
	if want := "demo is offline (lease_expired): restart it\n"; out.String() != want {
		t.Errorf("printed %q", out.String())
	}
}
