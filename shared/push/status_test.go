package push_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/push"
)

// answersWith answers with any status, as no server of Go would, and then says nothing until its caller closes the
// connection. An answer that is not final (1xx) has no other after it.
func answersWith(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		head := fmt.Sprintf("HTTP/1.1 %d x\r\nContent-Type: %s\r\nContent-Length: %d\r\n", status, contentType, len(body))
		if status == http.StatusSwitchingProtocols {
			head += "Connection: Upgrade\r\nUpgrade: x\r\n" // so that what follows counts as its body
		}
		_, _ = io.WriteString(conn, head+"\r\n"+body)
		if status < 200 && status != http.StatusSwitchingProtocols {
			return // or its caller waits for the final one
		}
		_, _ = io.Copy(io.Discard, conn)
	}
}

// Only an answer with 2xx takes a message, a callback or an event, whatever its body is, and no other is waited for.
func TestOnlyASuccessIsADelivery(t *testing.T) {
	const event = "data: " + result + "\n\n"
	p := push.New(push.Private, push.Patience{Answer: 20 * time.Second, Stream: 20 * time.Second})
	var handler http.HandlerFunc
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler(w, r) }))
	defer server.Close()
	to := delivery.Target{URL: server.URL, At: time.Now()}
	m := chat.Message{ID: "m", Body: []byte(`{}`)}
	statuses := []int{204}
	for status := 100; status < 700; status++ {
		if status != 204 && status != 304 { // these have no body
			statuses = append(statuses, status)
		}
	}
	began := time.Now()
	for _, status := range statuses {
		success := status >= 200 && status < 300
		for kind, body := range map[string]string{"application/json": result, "text/event-stream": event} {
			if status == 204 {
				body = ""
			}
			handler = answersWith(status, kind, body)
			if r := p.Push(t.Context(), to, m); (r.Handover == delivery.Taken) != success {
				t.Errorf("a message, HTTP %d, %s: %s, %s", status, kind, r.Handover, r.Why)
			}
		}
		handler = answersWith(status, "application/json", "")
		if err := p.Tell(t.Context(), to, m); (err == nil) != success {
			t.Errorf("a callback, HTTP %d: %v", status, err)
		}
		_, media, err := p.SendEvent(t.Context(), server.URL, "e", time.Now(), nil, []byte(`{}`))
		if (err == nil) != success || success && media != "application/json" {
			t.Errorf("an event, HTTP %d: %s, %v", status, media, err)
		}
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it waits for more after an answer: %s", took)
	}
}

// An answer to a probe that is not final, or a redirect, shows no agent, whatever its body is.
func TestNoProbeIsAnsweredByWhatIsNotFinal(t *testing.T) {
	p := push.New(push.Private, push.Patience{Answer: 20 * time.Second, Stream: 20 * time.Second})
	for _, status := range []int{101, 300, 307} {
		server := httptest.NewServer(answersWith(status, "application/json", result))
		r := p.Push(t.Context(), delivery.Target{URL: server.URL, At: time.Now()}, chat.Message{ID: "m", Probe: true})
		server.Close()
		if r.Handover != delivery.Unreachable {
			t.Errorf("HTTP %d: %+v", status, r)
		}
	}
}
