package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/client"
)

// A sender follows its message to the end: by its callback URL, in lists, and after an
// operator redrove it when all attempts were used up.
func TestAPIDeadLetterIsRedriven(t *testing.T) {
	s := on(t)
	callbacks := make(chan map[string]any, 9)
	var working atomic.Bool
	agent := callbackAgent(t, &working, callbacks)
	defer agent.Close()
	id := uuid.NewString()
	path := "/workspaces/" + id
	token := call(t, 200, "POST", "/registry/register", "", map[string]any{"id": id, "url": agent.URL}).Text("auth_token")
	m := client.Message("followed", "x")
	m["params"].(map[string]any)["callback_url"] = agent.URL + "/callback"
	call(t, 202, "POST", path+"/a2a", "", m)
	call(t, 400, "POST", path+"/a2a", "", map[string]any{"params": map[string]any{
		"message": map[string]any{}, "callback_url": "ftp://x",
	}})
	until := func(what string, ok func() bool) {
		t.Helper()
		lastHeartbeat := time.Time{}
		// A late wake-up waits for a sweep.
		if err := client.Until(t.Context(), 3*time.Minute, func() error {
			if time.Since(lastHeartbeat) > 5*time.Second {
				call(t, 200, "POST", "/registry/heartbeat", token, map[string]any{"workspace_id": id, "active_tasks": 0})
				lastHeartbeat = time.Now()
			}
			if !ok() {
				return fmt.Errorf("not yet: %s", what)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	state := func() string { return call(t, 200, "GET", path+"/messages/followed", "", nil).Text("state") }
	until("dead, as its agent refuses it", func() bool { return state() == "dead" })
	earlier := map[any]bool{} // callbacks come at least once: an earlier state may come again
	awaitCallback(t, callbacks, "dead", earlier)
	list := func(query string) int {
		t.Helper()
		messages, _ := call(t, 200, "GET", path+"/messages?"+query, s.OperatorToken, nil).Body["messages"].([]any)
		return len(messages)
	}
	if list("state=dead") != 1 || list("state=delivered") != 0 || list("limit=1") != 1 {
		t.Fatal("the lists are wrong")
	}
	call(t, 400, "GET", path+"/messages?state=lost", s.OperatorToken, nil)
	for _, dry := range []string{path + "/redrive", path + "/messages/followed/redrive"} {
		call(t, 200, "POST", dry, s.OperatorToken, map[string]any{"dry_run": true})
	}
	if got := state(); got != "dead" {
		t.Fatalf("a dry run made it %s", got)
	}
	working.Store(true)
	call(t, 200, "POST", path+"/redrive", s.OperatorToken, nil)
	until("delivered", func() bool { return state() == "delivered" })
	awaitCallback(t, callbacks, "delivered", earlier)
	v := call(t, 200, "GET", path, "", nil)
	if v.Text("messages", "delivered") != "1" || v.Text("messages", "dead") != "0" {
		t.Fatalf("%s", v.Raw)
	}
}

// callbackAgent is an agent that refuses messages until it works, and that is also the sender's
// callback URL.
func callbackAgent(t *testing.T, working *atomic.Bool, callbacks chan<- map[string]any) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/callback" {
			var told map[string]any
			if err := json.NewDecoder(r.Body).Decode(&told); err != nil {
				t.Error(err)
			}
			callbacks <- told
			return
		}
		if !working.Load() {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnprocessableEntity) // it can't take this message, and would say so again
			fmt.Fprint(w, `{"error":"broken"}`)
			return
		}
		fmt.Fprint(w, `{"jsonrpc":"2.0","id":"1","result":{"parts":[{"kind":"text","text":"done"}]}}`)
	}))
}

// awaitCallback waits until the sender is told that its message is in a state.
func awaitCallback(t *testing.T, callbacks <-chan map[string]any, state string, earlier map[any]bool) {
	t.Helper()
	for patience := time.After(3 * time.Minute); ; { // for sweeps and their wake-ups
		select {
		case told := <-callbacks:
			if told["message_id"] != "followed" || told["state"] != state && !earlier[told["state"]] {
				t.Fatalf("the sender was told %v", told)
			}
			earlier[told["state"]] = true
			if told["state"] == state {
				return
			}
		case <-patience:
			t.Fatalf("the sender was not told that it is %s", state)
		}
	}
}
