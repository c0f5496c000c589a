package push_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/push"
	"github.com/rollcall/rollcall/shared/workspace"
)

// An agent that refuses the platform's signature because its clock is wrong is told as that, and only then.
func TestAnAgentWithAWrongClockIsToldAsThat(t *testing.T) {
	const tolerance = 5 * time.Minute
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		status int
		off    time.Duration
		body   string
		fault  workspace.PushFault
		says   string
	}{
		"behind, 401": {
			401, -tolerance - 10*time.Second, `{"error":"bad signature"}`, workspace.FaultClock, "its clock is 5m9s behind",
		},
		"ahead, 403":          {403, tolerance + 10*time.Second, "no", workspace.FaultClock, "its clock is 5m"},
		"an hour behind, 400": {400, -time.Hour, "no", workspace.FaultClock, "its clock is 59m59s behind"},
		"just off, 401":       {401, -3 * time.Minute, "no", workspace.FaultUnauthorized, "HTTP 401"},
		"right, 400":          {400, 0, "no", workspace.FaultHTTP, "HTTP 400"},
		"behind, 500":         {500, -time.Hour, "no", workspace.FaultHTTP, "HTTP 500"},
		"behind, and it takes its mail": {
			200, -time.Hour, `{"jsonrpc":"2.0","id":1,"result":{"kind":"message"}}`, workspace.FaultNone, "",
		},
		"behind, and it refuses the message": {
			400, -time.Hour, `{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"no text"}}`,
			workspace.FaultNone, "-32602",
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Date", at.Add(c.off).Format(http.TimeFormat))
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}))
			defer server.Close()
			pusher := push.New(push.Private, push.Patience{Answer: time.Minute, Stream: time.Minute})
			r := pusher.Push(t.Context(), delivery.Target{URL: server.URL, At: at}, chat.Message{ID: "m", Body: []byte(`{}`)})
			if r.Fault != c.fault || !strings.Contains(r.Why, c.says) {
				t.Errorf("%+v", r)
			}
		})
	}
}
