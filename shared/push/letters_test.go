package push

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/workspace"
)

// The title of a page is found whatever letters stand before it: some take more or fewer bytes in the other case.
func TestATitleIsFoundBehindEveryLetter(t *testing.T) {
	resp := &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"text/html"}},
		Request: httptest.NewRequest(http.MethodPost, "https://agent.example.com/a2a", nil),
	}
	tried := 0
	for r := rune(0); r <= unicode.MaxRune; r++ {
		letter := string(r)
		if len(strings.ToLower(letter)) == len(letter) && len(strings.ToUpper(letter)) == len(letter) && r > 0x80 {
			continue
		}
		tried++
		if letter == "<" {
			continue
		}
		body := strings.Repeat(letter, 200) + "<TITLE>hello</Title> world"
		if got := resultOf(false, resp, []byte(body)); !strings.HasSuffix(got.Why, "“hello”") {
			t.Fatalf("behind %q: %s", r, got.Why)
		}
	}
	if tried < 150 {
		t.Fatalf("%d letters were tried", tried)
	}
}

// Of the header of an answer, a bounded part is read, whoever answers: an agent, a callback or a webhook.
func TestALongHeaderIsNotRead(t *testing.T) {
	long := false
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := range maxHeader / 10 {
			if long || i < 100 {
				w.Header().Set(fmt.Sprintf("X-%05d", i), "")
			}
		}
		_, _ = w.Write([]byte(rpcResult))
	}))
	defer agent.Close()
	p, ctx := New(Private, Patience{Answer: time.Minute}), t.Context()
	calls := func() (agents delivery.PushResult, callback, webhook error) {
		to := delivery.Target{URL: agent.URL}
		agents = p.Push(ctx, to, chat.Message{ID: "m", Body: chat.TextBody("m", "hello")})
		callback = p.Tell(ctx, to, chat.Message{ID: "m", State: chat.Delivered})
		_, _, webhook = p.SendEvent(ctx, agent.URL, "e", time.Now(), nil, []byte("{}"))
		return agents, callback, webhook
	}
	if r, callback, webhook := calls(); r.Handover != delivery.Taken || callback != nil || webhook != nil {
		t.Fatalf("%+v, %v, %v", r, callback, webhook)
	}
	long = true
	r, callback, webhook := calls()
	if r.Handover != delivery.Unreachable || r.Fault != workspace.FaultPage || !strings.Contains(r.Why, "32768 bytes") {
		t.Errorf("%+v", r)
	}
	for who, err := range map[string]error{"callback": callback, "webhook": webhook} {
		if err == nil || !strings.Contains(err.Error(), "header of its answer") {
			t.Errorf("%s: %v", who, err)
		}
	}
}
