package throughput

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/chat"
)

// runtimes is how many processes of a function run at most. Lambda would start one for each call under way; this
// machine has few cores.
const runtimes = 8

// function is one of the built functions: some processes, each of which works off one call at a time, as in Lambda.
type function struct{ calls chan invocation }

type invocation struct {
	event  []byte
	answer chan []byte
}

// startFunction starts the built function, behind the API by which Lambda hands calls to a process.
func startFunction(t *testing.T, cfg app.Config, name string, processes int) *function {
	t.Helper()
	program, err := filepath.Abs(filepath.Join("..", "..", ".build", "functions", name, "bootstrap"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("the function %s is not built: run make build-functions", name)
	}
	f := &function{make(chan invocation)}
	for range processes {
		srv := httptest.NewServer(f.runtime())
		cmd := exec.Command(program)
		cmd.Stdout, cmd.Stderr = nil, os.Stderr
		cmd.Env = environment(cfg, name, strings.TrimPrefix(srv.URL, "http://"))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait() // it was killed
			srv.CloseClientConnections()
			srv.Close()
		})
	}
	return f
}

func environment(cfg app.Config, name, runtime string) []string {
	return []string{
		"AWS_LAMBDA_RUNTIME_API=" + runtime, "AWS_REGION=" + cfg.Region, "AWS_ACCESS_KEY_ID=test",
		"AWS_SECRET_ACCESS_KEY=test", "AWS_ENDPOINT_URL=" + cfg.Endpoint, "ROLLCALL_FUNCTION=" + name,
		"ROLLCALL_STACK=bench", "ROLLCALL_LEASES_TABLE=" + cfg.LeasesTable, "ROLLCALL_CHAT_TABLE=" + cfg.ChatTable,
		"ROLLCALL_WAKEUPS_URL=" + cfg.WakeupsURL, "ROLLCALL_SLOW_WAKEUPS_URL=" + cfg.SlowWakeups,
		"ROLLCALL_CALLBACK_WAKEUPS_URL=" + cfg.CallbackWakeups,
		"ROLLCALL_SWEEP_TASKS_URL=none", "ROLLCALL_DEAD_LETTER_URL=none", "ROLLCALL_DEAD_LETTER_ARN=none",
		"ROLLCALL_QUEUE_PREFIX=" + cfg.QueuePrefix,
		"ROLLCALL_OPERATOR_SHA256=" + cfg.OperatorHash, "ROLLCALL_BOOTSTRAP=open", "ROLLCALL_CHAT=open",
		"ROLLCALL_VIEW=open", "ROLLCALL_STORE_PATIENCE=20s", "ROLLCALL_ANSWER_WITHIN=0s",
	}
}

// runtime is Lambda's runtime API for one process.
func (f *function) runtime() http.Handler {
	var under invocation // the process works off one at a time
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, r *http.Request) {
		select {
		case under = <-f.calls:
		case <-r.Context().Done():
			return
		}
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", uuid.NewString())
		w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(28*time.Second).UnixMilli()))
		_, _ = w.Write(under.event) // a process that is gone does not answer, and the call's context ends
	})
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/{outcome}", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			body = []byte(err.Error())
		}
		under.answer <- body
		w.WriteHeader(http.StatusAccepted)
	})
	return mux
}

// invoke makes one call as API Gateway does, and reads its answer.
func (f *function) invoke(ctx context.Context, route, path, query, bearer string, body, out any) error {
	var req events.APIGatewayV2HTTPRequest
	req.Version, req.RouteKey, req.RawPath, req.RawQueryString = "2.0", route, path, query
	req.QueryStringParameters = map[string]string{}
	for _, pair := range strings.FieldsFunc(query, func(r rune) bool { return r == '&' }) {
		name, value, _ := strings.Cut(pair, "=")
		req.QueryStringParameters[name] = value
	}
	req.Headers = map[string]string{"content-type": "application/json", "authorization": "Bearer " + bearer}
	if bearer == "" {
		delete(req.Headers, "authorization")
	}
	req.RequestContext.HTTP.Method, _, _ = strings.Cut(route, " ")
	req.RequestContext.HTTP.Path, req.RequestContext.HTTP.SourceIP = path, "127.0.0.1"
	req.PathParameters = map[string]string{}
	_, pattern, _ := strings.Cut(route, " ")
	values := strings.Split(path, "/")
	for i, part := range strings.Split(pattern, "/") {
		if strings.HasPrefix(part, "{") {
			req.PathParameters[strings.Trim(part, "{}")] = values[i]
		}
	}
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		req.Body = string(raw)
	}
	event, err := json.Marshal(req)
	if err != nil {
		return err
	}
	in := invocation{event, make(chan []byte, 1)}
	select {
	case f.calls <- in:
	case <-ctx.Done():
		return ctx.Err()
	}
	var raw []byte
	select {
	case raw = <-in.answer:
	case <-ctx.Done():
		return ctx.Err()
	}
	var resp events.APIGatewayV2HTTPResponse
	if err := json.Unmarshal(raw, &resp); err != nil || resp.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("%s: %w, %s", route, err, bytes.TrimSpace(raw))
	}
	return json.Unmarshal([]byte(resp.Body), out)
}

// functions is Rollcall as it is deployed.
type functions struct {
	useCases
	enqueue, inbox, status *function
}

func newFunctions(t *testing.T, agents int) system {
	t.Helper()
	cfg := onEmulator(t)
	env, err := app.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	n := min(agents, runtimes)
	s := &functions{
		useCases: useCases{Delivery: env.Delivery}, enqueue: startFunction(t, cfg, "enqueue", n),
		inbox: startFunction(t, cfg, "inbox", n), status: startFunction(t, cfg, "status", n),
	}
	s.enrol(t, agents)
	return s
}

// accept sends a call with an id of its own, as the id of the message is taken from it.
func (s *functions) accept(ctx context.Context, agent int, _ string) error {
	body := json.RawMessage(chat.TextBody(uuid.NewString(), "message"))
	return s.enqueue.invoke(ctx, "POST /workspaces/{id}/a2a", "/workspaces/"+s.ids[agent]+"/a2a", "", "", body, new(any))
}

func (s *functions) handOut(ctx context.Context, agent int) (handed, error) {
	var rows []struct {
		MessageID string `json:"message_id"`
		Seq       int64  `json:"seq"`
	}
	err := s.inbox.invoke(ctx, "GET /workspaces/{id}/activity", "/workspaces/"+s.ids[agent]+"/activity",
		"type=a2a_receive&limit=20&epoch=1", s.tokens[agent], nil, &rows)
	if err == nil && len(rows) != 1 {
		err = errEmpty
	}
	if err != nil {
		return handed{}, err
	}
	return handed{rows[0].MessageID, rows[0].Seq}, nil
}

func (s *functions) acknowledge(ctx context.Context, agent int, h handed) error {
	return s.inbox.invoke(ctx, "POST /workspaces/{id}/activity/ack", "/workspaces/"+s.ids[agent]+"/activity/ack", "",
		s.tokens[agent], map[string]any{"acked_seq": h.ack}, new(any))
}

func (s *functions) receipt(ctx context.Context, agent int, h handed) (bool, error) {
	var out struct {
		State string `json:"state"`
	}
	err := s.status.invoke(ctx, "GET /workspaces/{id}/messages/{message_id}",
		"/workspaces/"+s.ids[agent]+"/messages/"+h.id, "", "", nil, &out)
	if err == nil && out.State != "delivered" {
		err = fmt.Errorf("it is %q", out.State)
	}
	return err == nil, err
}
