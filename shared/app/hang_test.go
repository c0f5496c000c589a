package app_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// calls are the functions that a caller waits for, each with a recorded call that
// asks the store.
var calls = map[string]string{
	"register": "01-poll-client-with-token", "heartbeat": "01-minimum", "enqueue": "01-to-a-poll-agent",
	"inbox": "01-empty", "status": "05-state-with-token", "operate": "06-repair",
}

// A store that takes connections and never answers is the 503 that a client can
// act on, before Lambda ends the function: by the bound of one call where Lambda
// leaves the time for it, and else a second before the end.
func TestAStoreThatHangsIsA503(t *testing.T) {
	built := t.TempDir()
	args := []string{"build", "-o", built + "/"}
	for function := range calls {
		args = append(args, "../../functions/"+function)
	}
	if out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	store := silence(t)
	for function, call := range calls {
		for _, timeout := range []time.Duration{3 * time.Second, 15 * time.Second} {
			t.Run(fmt.Sprint(function, " with ", timeout), func(t *testing.T) {
				t.Parallel()
				body := invoke(t, filepath.Join(built, function), store, recorded(t, function, call), timeout)
				var reply events.APIGatewayV2HTTPResponse
				if err := json.Unmarshal(body, &reply); err != nil {
					t.Fatalf("%v: %s", err, body)
				}
				if reply.StatusCode != http.StatusServiceUnavailable || reply.Headers["retry-after"] == "" ||
					!strings.Contains(reply.Body, `"code":"platform_unavailable"`) {
					t.Errorf("%d %v %s", reply.StatusCode, reply.Headers, reply.Body)
				}
			})
		}
	}
}

// operatorDigest is that of the fixtures' operator.
const operatorDigest = "254bf9f1fd779611614c612d0cce998ca1b2af547cd4aa664c78e72565024b8c"

// recorded is the event of a fixture.
func recorded(t *testing.T, function, call string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("../../events", function, call+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var fixture struct{ Event json.RawMessage }
	if err := json.Unmarshal(raw, &fixture); err != nil {
		t.Fatal(err)
	}
	return fixture.Event
}

// silence is the address of a store that takes connections and never answers.
func silence(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(io.Discard, c) }() // ends with the connection
		}
	}()
	return "http://" + l.Addr().String()
}

// invoke runs a built function under a stand-in of Lambda's runtime API, which ends
// it at its deadline as Lambda does, and returns what it answered.
func invoke(t *testing.T, program, store string, event []byte, timeout time.Duration) []byte {
	t.Helper()
	answered, events := make(chan []byte, 1), make(chan []byte, 1)
	events <- event
	runtime := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/invocation/next") {
			select {
			case ev := <-events:
				w.Header().Set("Lambda-Runtime-Aws-Request-Id", "1")
				w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(timeout).UnixMilli()))
				_, _ = io.Copy(w, bytes.NewReader(ev))
			case <-r.Context().Done(): // there is one call only
			}
			return
		}
		body, err := io.ReadAll(r.Body)
		if err == nil {
			answered <- body
		}
		w.WriteHeader(http.StatusAccepted)
	}))
	defer runtime.Close()
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(os.Environ(),
		"AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(runtime.URL, "http://"), "AWS_ENDPOINT_URL="+store,
		"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		"ROLLCALL_FUNCTION="+filepath.Base(program), "ROLLCALL_LEASES_TABLE=leases", "ROLLCALL_CHAT_TABLE=chat",
		"ROLLCALL_WAKEUPS_URL="+store+"/wakeups", "ROLLCALL_SLOW_WAKEUPS_URL="+store+"/slow",
		"ROLLCALL_CALLBACK_WAKEUPS_URL="+store+"/callbacks",
		"ROLLCALL_DEAD_LETTER_URL="+store+"/dead", "ROLLCALL_SWEEP_TASKS_URL="+store+"/tasks",
		"ROLLCALL_DEAD_LETTER_ARN=arn", "ROLLCALL_QUEUE_PREFIX=x", "ROLLCALL_CHAT=open",
		"ROLLCALL_OPERATOR_SHA256="+operatorDigest)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill() // an error means that it has ended already
		if err := cmd.Wait(); errors.Is(err, exec.ErrWaitDelay) {
			t.Error(err)
		}
	}()
	select {
	case body := <-answered:
		return body
	case <-time.After(timeout):
		t.Fatalf("Lambda ended it after %s", timeout)
		return nil
	}
}
