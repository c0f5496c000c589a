package push_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/push"
	"github.com/rollcall/rollcall/shared/workspace"
)

const (
	working   = `{"jsonrpc":"2.0","result":{"kind":"task","id":"t","status":{"state":"working"}}}`
	piece     = `{"jsonrpc":"2.0","result":{"kind":"artifact-update","artifact":{"parts":[{"text":"42"}]}}}`
	completed = `{"jsonrpc":"2.0","result":{"kind":"status-update","final":true,"status":{"state":"completed"}}}`
)

// stream is an agent that streams its answer.
func stream(t *testing.T, answer func(send func(string), w http.ResponseWriter, r *http.Request)) string {
	t.Helper()
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		answer(func(text string) {
			_, _ = io.WriteString(w, text)
			_ = http.NewResponseController(w).Flush()
		}, w, r)
	}))
	t.Cleanup(agent.Close)
	return agent.URL
}

func pushTo(t *testing.T, url string, patience push.Patience) delivery.PushResult {
	t.Helper()
	m := chat.Message{ID: "m", Body: []byte(`{}`)}
	return push.New(push.Private, patience).Push(t.Context(), delivery.Target{URL: url}, m)
}

// What an agent streams, and what it means.
func TestStreams(t *testing.T) {
	event := func(data string) string { return "data: " + data + "\n\n" }
	for name, c := range map[string]struct {
		sends  string
		want   delivery.Handover
		fault  workspace.PushFault
		text   string // of the answer
		says   string // in Why or TaskError
		cut    string
		breaks bool
	}{
		"a whole task": {
			sends: event(working) + ": ping\n\n" + event(piece) + event(completed), want: delivery.Taken, text: "42",
		},
		"lines that end as on Windows": {
			sends: "event: message\r\ndata:" + working + "\r\n\r\n" + event(piece) + event(completed), want: delivery.Taken,
			text: "42",
		},
		"data of several lines": {
			sends: "data: {\"jsonrpc\":\"2.0\",\ndata: \"result\":{\"parts\":[{\"text\":\"hi\"}]}}\n\n", want: delivery.Taken,
			text: "hi",
		},
		"a byte order mark":            {sends: "\ufeff" + event(piece) + event(completed), want: delivery.Taken, text: "42"},
		"no line after the last event": {sends: "data: " + completed, want: delivery.Taken},
		"a task that it goes on with": {
			sends: event(working) + event(piece), want: delivery.Taken, text: "42", cut: "ended before the task did",
		},
		"a stream that breaks off": {
			sends: event(working) + event(piece), breaks: true, want: delivery.Taken, text: "42",
			cut: "not read to its end",
		},
		"a task that fails": {
			sends: event(working) + event(strings.ReplaceAll(completed, "completed", "rejected")), want: delivery.Taken,
			says: "its task is rejected",
		},
		"an error after the first event": {
			sends: event(working) + event(`{"error":{"code":-32603,"message":"no quota"}}`), want: delivery.Taken,
			says: "no quota",
		},
		"an error first": {
			sends: event(`{"error":{"code":-32603,"message":"no quota"}}`), want: delivery.AgentError,
			fault: workspace.FaultRPC, says: "no quota",
		},
		"a refusal": {
			sends: event(`{"error":{"code":-32602,"message":"role missing"}}`), want: delivery.Refused, says: "role missing",
		},
		"a stream of another protocol": {
			sends: event("hello"), want: delivery.Unreachable, fault: workspace.FaultPage,
			says: `text/event-stream: “hello”`,
		},
		"no event": {sends: ": ping\n\n", want: delivery.Unreachable, fault: workspace.FaultPage, says: "an empty answer"},
		"a break before the first event": {
			sends: ": ping\n\n", breaks: true, want: delivery.Unreachable, fault: workspace.FaultBroken, says: "broke off",
		},
	} {
		url := stream(t, func(send func(string), _ http.ResponseWriter, _ *http.Request) {
			send(c.sends)
			if c.breaks {
				panic(http.ErrAbortHandler)
			}
		})
		r := pushTo(t, url, push.Patience{Answer: 5 * time.Second, Stream: 5 * time.Second})
		if r.Handover != c.want || r.Fault != c.fault || chat.Text(r.Answer) != c.text {
			t.Errorf("%s: %+v %s", name, r, r.Answer)
		}
		if !strings.Contains(r.Why+r.TaskError, c.says) || !strings.Contains(r.Cut, c.cut) || (c.cut == "") != (r.Cut == "") {
			t.Errorf("%s: %q %q, cut: %q", name, r.Why, r.TaskError, r.Cut)
		}
	}
}

// After its first event a stream may take longer than an answer may, and whatever ends it, it is a hand-over.
func TestAStreamOutlivesThePatienceForAnAnswer(t *testing.T) {
	begun, slow := make(chan struct{}), push.Patience{Answer: 100 * time.Millisecond, Stream: time.Minute}
	url := stream(t, func(send func(string), _ http.ResponseWriter, r *http.Request) {
		send("data: " + working + "\n\n")
		close(begun)
		select {
		case <-r.Context().Done():
		case <-time.After(3 * slow.Answer):
			send("data: " + piece + "\n\ndata: " + completed + "\n\n")
		}
	})
	if r := pushTo(t, url, slow); r.Handover != delivery.Taken || chat.Text(r.Answer) != "42" || r.Cut != "" {
		t.Errorf("%+v %s", r, r.Answer)
	}
	<-begun
	endless := stream(t, func(send func(string), _ http.ResponseWriter, r *http.Request) {
		send("data: " + working + "\n\n")
		<-r.Context().Done()
	})
	r := pushTo(t, endless, push.Patience{Answer: 100 * time.Millisecond, Stream: 300 * time.Millisecond})
	if r.Handover != delivery.Taken || chat.StateOf(r.Answer) != chat.TaskWorking || r.Cut == "" {
		t.Errorf("%+v %s", r, r.Answer)
	}
	silent := stream(t, func(send func(string), _ http.ResponseWriter, r *http.Request) {
		send(": ping\n\n")
		<-r.Context().Done()
	})
	if r := pushTo(t, silent, slow); r.Handover != delivery.Unreachable || r.Fault != workspace.FaultTimeout {
		t.Errorf("%+v", r)
	}
}

// oneAnswer is an agent that answers its first call and keeps the connection open, and goes away when it has read the
// second. calls is how many it has read, once it has gone.
func oneAnswer(t *testing.T) (url string, calls func() int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	var read atomic.Int64
	serve := func(conn net.Conn) {
		defer conn.Close()
		r := bufio.NewReader(conn)
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, req.Body)
			if read.Add(1) > 1 {
				_ = l.Close()
				return
			}
			_, _ = fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"result\":{}}")
		}
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
	return "http://" + l.Addr().String(), func() int { return int(read.Load()) }
}

// An attempt is one request, and its cause is what became of that one: a call that kills the agent is not sent again to
// a port at which nothing listens any more.
func TestAnAttemptIsOneRequest(t *testing.T) {
	url, calls := oneAnswer(t)
	p, to := push.New(push.Private, push.Patience{Answer: 5 * time.Second}), delivery.Target{URL: url}
	m := chat.Message{ID: "m", Body: []byte(`{}`)}
	if r := p.Push(t.Context(), to, m); r.Handover != delivery.Taken {
		t.Fatalf("%+v", r)
	}
	if r := p.Push(t.Context(), to, m); r.Handover != delivery.Unreachable || r.Fault != workspace.FaultBroken {
		t.Errorf("%+v", r)
	}
	if n := calls(); n != 2 {
		t.Errorf("two attempts were %d requests", n)
	}
	url, calls = oneAnswer(t)
	told := chat.Message{ID: "m", State: chat.Delivered}
	for i, want := range []bool{true, false} {
		if err := p.Tell(t.Context(), delivery.Target{URL: url}, told); (err == nil) != want {
			t.Errorf("callback %d: %v", i, err)
		}
	}
	if n := calls(); n != 2 {
		t.Errorf("two callbacks were %d requests", n)
	}
}

// A method of A2A 1.0 comes with its version, or an agent would take it for one of 0.3.
func TestTheVersionOfTheProtocol(t *testing.T) {
	for method, want := range map[string]string{"message/send": "", "SendMessage": "1.0", "SendStreamingMessage": "1.0"} {
		got := "none"
		url := stream(t, func(send func(string), _ http.ResponseWriter, r *http.Request) {
			got = r.Header.Get("A2a-Version")
			send("data: " + completed + "\n\n")
		})
		m := chat.Message{ID: "m", Method: method, Body: []byte(`{}`)}
		push.New(push.Private, push.Patience{Answer: time.Second}).Push(t.Context(), delivery.Target{URL: url}, m)
		if got != want {
			t.Errorf("%s: %q", method, got)
		}
	}
}
