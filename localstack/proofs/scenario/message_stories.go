package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/client"
)

// messageStories are about what messages and answers carry.
var messageStories = []story{
	{"whatever a message says, an agent that polls is shown it exactly", contentPolled},
	{"whatever a message says, an agent that is pushed to gets it exactly", contentPushed},
	{"a message as people send it is completed for its agent", completedMessage},
	{"a task that streams for longer than an answer may take runs once", streamsOnce},
	{"a workspace that asks is answered in its call", askedInTime},
	{"a workspace that asks gets a late answer as a message", askedLate},
	{"a call about a task is passed to an agent that is pushed to", taskCalls},
}

// contents are texts of every kind, each within the size of a message.
func contents() map[string]string {
	return map[string]string{
		"words": "hello", "tags": strings.Repeat("<", 45_000), "emoji": strings.Repeat("😀", 60_000),
		"controls": "a\x00b\tc\nd\x1be\u2028f\x7f", "200 KB": strings.Repeat("0123456789", 20_000),
		"quotes": strings.Repeat(`"\`, 40_000),
	}
}

// sendBody sends an A2A body, and returns the id that its message got.
func (a *agent) sendBody(ctx context.Context, body any) (string, error) {
	r, err := a.p.Do(ctx, "POST", "/workspaces/"+a.id+"/a2a", "", body)
	if err == nil && r.Status >= 300 {
		err = fmt.Errorf("answered %d: %s", r.Status, r.Raw)
	}
	return r.Text("message_id"), err
}

// textRow is a row as a client reads it.
type textRow struct {
	ID      string `json:"id"`
	Summary string `json:"summary"`
	Body    struct {
		Params struct {
			Message struct {
				Role  string
				Parts []struct{ Kind, Type, Text string }
			}
		}
	} `json:"request_body"`
	Data struct{ Text string }
}

func (a *agent) pollTexts(ctx context.Context, since string) ([]textRow, error) {
	var rows []textRow
	err := a.pollInto(ctx, since, &rows)
	return rows, err
}

func contentPolled(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, polling)
	defer a.leave()
	cursor := ""
	for name, text := range contents() {
		mustGet(a.sendBody(ctx, client.Message(uuid.NewString(), text)))
		rows := mustGet(a.pollTexts(ctx, cursor))
		if len(rows) != 1 || rows[0].Data.Text != text || rows[0].Body.Params.Message.Parts[0].Text != text {
			must(fmt.Errorf("%s: not shown as it was sent, in %d rows", name, len(rows)))
		}
		cursor = rows[0].ID
	}
	mustGet(a.sendBody(ctx, []byte(`{"message":{"parts":[{"kind":"file","file":{"name":"b.png","mimeType":"image/png",`+
		`"uri":"https://files.example.com/b.png"}}]}}`)))
	rows := mustGet(a.pollTexts(ctx, cursor))
	const file = "file b.png (image/png) https://files.example.com/b.png"
	if len(rows) != 1 || rows[0].Summary != file || rows[0].Data.Text != file {
		must(fmt.Errorf("a file is shown as %+v", rows))
	}
}

func contentPushed(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	got := make(chan string, 1)
	a.serve(func(w http.ResponseWriter, _ *http.Request) {
		got <- a.lastBody()
		answering(http.StatusOK, "application/json", `{"jsonrpc":"2.0","result":{}}`)(w, nil)
	})
	for name, text := range contents() {
		id := mustGet(a.sendBody(ctx, client.Message(uuid.NewString(), text)))
		must(a.awaitMessage(ctx, id, "delivered"))
		var body struct {
			Params struct {
				Message struct{ Parts []struct{ Text string } }
			}
		}
		if err := json.Unmarshal([]byte(<-got), &body); err != nil || body.Params.Message.Parts[0].Text != text {
			must(fmt.Errorf("%s: not pushed as it was sent, %w", name, err))
		}
	}
}

func completedMessage(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, polling)
	defer a.leave()
	cursor := ""
	for _, message := range []string{
		`{"parts":[{"type":"text","text":"hi"}]}`, `{"role":"user","content":"hi"}`, `{"parts":[{"text":"hi"}]}`,
	} {
		mustGet(a.sendBody(ctx, []byte(`{"params":{"message":`+message+`}}`)))
		rows := mustGet(a.pollTexts(ctx, cursor))
		got := rows[0].Body.Params.Message
		if len(rows) != 1 || got.Role != "user" || len(got.Parts) != 1 || got.Parts[0].Kind != "text" ||
			got.Parts[0].Text != "hi" {
			must(fmt.Errorf("%s: %+v", message, rows))
		}
		cursor = rows[0].ID
	}
	for body, code := range map[string]string{
		`{"message":{"role":"user"}}`: "invalid_request", `{"message":{"parts":[{"text":""}]}}`: "invalid_request",
		"{\"message\":{\"content\":\"\xff\"}}": "invalid_json",
	} {
		r, err := p.Do(ctx, "POST", "/workspaces/"+a.id+"/a2a", "", []byte(body))
		must(wantProblem(r, err, http.StatusBadRequest, code))
	}
}

// streaming answers with events, with a pause before the last.
func streaming(pause time.Duration, events ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i, e := range events {
			if i == len(events)-1 {
				wait(r.Context(), pause)
			}
			_, _ = fmt.Fprintf(w, "data: %s\n\n", e)
			_ = http.NewResponseController(w).Flush()
		}
	}
}

func streamsOnce(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	const rpc = `{"jsonrpc":"2.0","id":1,"result":`
	runs := make(chan string, 10)
	answer := streaming(5*time.Second, // a push may take 2 s, and a delivery 8 s: see Settings
		rpc+`{"kind":"task","id":"t","status":{"state":"working"}}}`,
		rpc+`{"kind":"artifact-update","taskId":"t","artifact":{"artifactId":"a","parts":[{"kind":"text","text":"4"}]}}}`,
		rpc+`{"kind":"artifact-update","taskId":"t","append":true,"artifact":{"artifactId":"a",`+
			`"parts":[{"kind":"text","text":"2"}]}}}`,
		rpc+`{"kind":"status-update","taskId":"t","final":true,"status":{"state":"completed"}}}`)
	a.serve(func(w http.ResponseWriter, r *http.Request) {
		runs <- r.Header.Get("X-Rollcall-Message-Id")
		answer(w, r)
	})
	id, _, err := a.send(ctx)
	must(err)
	must(a.awaitMessage(ctx, id, "delivered"))
	if r := mustGet(a.receipt(ctx, id)); !strings.Contains(string(r.Raw), `"completed"`) {
		must(fmt.Errorf("the stream's end is not in the receipt: %s", r.Raw))
	}
	if len(runs) != 1 {
		must(fmt.Errorf("the task ran %d times", len(runs)))
	}
	must(a.keepsVerdict(ctx, healthy, time.Second))
}

// ask sends a question from another agent's workspace.
func (a *agent) ask(ctx context.Context, peer *agent, text string) (id string, r client.Reply, err error) {
	id = uuid.NewString()
	r, err = a.call(ctx, "POST", "/workspaces/"+peer.id+"/a2a", client.Message(id, text))
	return id, r, err
}

func askedInTime(ctx context.Context, p Platform) {
	a, peer := healthyAgent(ctx, p, polling), healthyAgent(ctx, p, pushed)
	defer a.leave()
	defer peer.leave()
	_, r, err := a.ask(ctx, peer, "are you done?")
	must(wantStatus(r, err, http.StatusOK))
	if !strings.Contains(string(r.Raw), `"result":{"parts":[{"kind":"text","text":"done"}]}`) || r.Text("queued") != "" {
		must(fmt.Errorf("answered %s", r.Raw))
	}
	peer.serve(answering(http.StatusOK, "application/json", rpcError(-32602, "no such skill")))
	_, r, err = a.ask(ctx, peer, "can you fly?")
	must(wantStatus(r, err, http.StatusOK))
	if !strings.Contains(r.Text("error", "message"), "no such skill") {
		must(fmt.Errorf("refused with %s", r.Raw))
	}
	must(peer.keepsVerdict(ctx, healthy, time.Second))
	wait(ctx, 2*sweepEvery)
	if rows := mustGet(a.pollTexts(ctx, "")); len(rows) != 0 {
		must(fmt.Errorf("it is sent the answer too: %+v", rows))
	}
}

func askedLate(ctx context.Context, p Platform) {
	a, peer := healthyAgent(ctx, p, polling), healthyAgent(ctx, p, pushed)
	defer a.leave()
	defer peer.leave()
	peer.serve(streaming(4*time.Second, // longer than an asking call waits: see Settings
		`{"result":{"task":{"id":"t","status":{"state":"TASK_STATE_WORKING"}}}}`,
		`{"result":{"artifactUpdate":{"taskId":"t","artifact":{"artifactId":"a","parts":[{"text":"42"}]}}}}`))
	id, r, err := a.ask(ctx, peer, "what is it?")
	must(wantStatus(r, err, http.StatusAccepted))
	var rows []textRow
	must(client.Until(ctx, patience, func() error {
		rows, err = a.pollTexts(ctx, "")
		if err == nil && len(rows) == 0 {
			err = fmt.Errorf("no answer is sent")
		}
		return err
	}))
	raw := mustGet(a.call(ctx, "GET", "/workspaces/"+a.id+"/activity?type=a2a_receive&limit=9", nil)).Raw
	if len(rows) != 1 || rows[0].Data.Text != "42" || !strings.Contains(string(raw), `"in_reply_to":"`+id+`"`) {
		must(fmt.Errorf("it is sent %s", raw))
	}
}

func taskCalls(ctx context.Context, p Platform) {
	a, polls := healthyAgent(ctx, p, pushed), healthyAgent(ctx, p, polling)
	defer a.leave()
	defer polls.leave()
	call := func(to *agent, method string) (client.Reply, error) {
		body := map[string]any{"jsonrpc": "2.0", "id": 7, "method": method, "params": map[string]string{"id": "t"}}
		return p.Do(ctx, "POST", "/workspaces/"+to.id+"/a2a", "", body)
	}
	a.serve(answering(http.StatusOK, "application/json",
		`{"jsonrpc":"2.0","id":7,"result":{"kind":"task","id":"t","status":{"state":"working"}}}`))
	for _, method := range []string{"tasks/get", "tasks/cancel", "GetTask", "CancelTask"} {
		r, err := call(a, method)
		must(wantStatus(r, err, http.StatusOK))
		if r.Text("result", "status", "state") != "working" || r.Text("id") != "7" {
			must(fmt.Errorf("%s: answered %s", method, r.Raw))
		}
	}
	a.serve(answering(http.StatusOK, "application/json", rpcError(-32001, "no such task")))
	r, err := call(a, "tasks/get")
	must(wantStatus(r, err, http.StatusOK))
	if r.Text("error", "code") != "-32001" {
		must(fmt.Errorf("answered %s", r.Raw))
	}
	r, err = call(polls, "tasks/get")
	must(wantProblem(r, err, http.StatusConflict, "not_pushed"))
	a.stopServing()
	r, err = call(a, "tasks/get")
	must(wantProblem(r, err, http.StatusConflict, "agent_unreachable"))
	must(a.keepsVerdict(ctx, healthy, time.Second)) // a call about a task says nothing of the agent
}
