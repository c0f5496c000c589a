package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/client"
)

// mail is one message as a client took it.
type mail struct {
	Row    string // the row's id, the cursor
	From   string // the sending workspace, "" for the user
	Text   string
	Source string // what one client goes by to choose how to reply
}

// agent is one client at work: what its process knows, what its disk keeps, and
// what it took. dialect is how it speaks.
type agent struct {
	dialect
	client.Local
	id     string
	token  string // its configuration's
	cursor string // its cursor file, or memory
	taken  []mail
	exited string // why its process ended, "" while it runs
}

// dialect is what differs between the clients; the wire contract's sections 2
// to 4 say how. Each call is one the real client makes, with its exact body.
type dialect interface {
	name() string
	boot(ctx context.Context, a *agent) error
	beat(ctx context.Context, a *agent) error
	poll(ctx context.Context, a *agent) ([]mail, error)
	reply(ctx context.Context, a *agent, m mail, text string) error
}

// row is what the clients read of an activity row.
type row struct {
	ID          string  `json:"id"`
	Type        string  `json:"activity_type"`
	SourceID    *string `json:"source_id"`
	Method      string  `json:"method"`
	Summary     string  `json:"summary"`
	CreatedAt   string  `json:"created_at"`
	RequestBody struct {
		Params struct {
			Message struct {
				Parts []struct{ Kind, Type, Text string }
			}
		}
	} `json:"request_body"`
	Data *struct {
		Source   string `json:"source"`
		SourceID string `json:"source_id"`
		Text     string `json:"text"`
	} `json:"data"`
}

func (r row) source() string {
	if r.SourceID == nil {
		return ""
	}
	return *r.SourceID
}

// text is how mcp and the channel read a row.
func (r row) text() string {
	out := ""
	for _, p := range r.RequestBody.Params.Message.Parts {
		if p.Kind == "text" || p.Type == "text" {
			out += p.Text
		}
	}
	if out == "" {
		return r.Summary
	}
	return out
}

// call is one call as every client makes it: Origin, and its bearer if any.
func (a *agent) call(ctx context.Context, method, path, token string, body any, headers map[string]string) (client.Reply, error) {
	all := map[string]string{"Origin": a.URL}
	for k, v := range headers {
		all[k] = v
	}
	r, err := a.DoWith(ctx, method, path, token, body, all)
	if err == nil && r.Status >= 400 {
		err = wellFormed(r, path)
	}
	return r, err
}

// wellFormed is what any error must be, or a client chokes on it.
func wellFormed(r client.Reply, path string) error {
	if strings.HasSuffix(path, "/state") && r.Status == http.StatusNotFound {
		return nil // its own shape
	}
	for _, member := range []string{"error", "code", "hint", "action"} {
		if _, ok := r.Body[member].(string); !ok {
			return fmt.Errorf("%s: %d without a text %s: %s", path, r.Status, member, r.Raw)
		}
	}
	if after := r.Header.Get("Retry-After"); after != "" || r.Status == http.StatusTooManyRequests || r.Status == http.StatusServiceUnavailable {
		if n, err := strconv.Atoi(after); err != nil || n < 1 {
			return fmt.Errorf("%s: %d with Retry-After %q, which isn't whole seconds", path, r.Status, after)
		}
	}
	return nil
}

// rows polls.
func (a *agent) rows(ctx context.Context, query string) ([]row, int, error) {
	r, err := a.call(ctx, "GET", "/workspaces/"+a.id+"/activity?"+query, a.token, nil, nil)
	if err != nil || r.Status != http.StatusOK {
		return nil, r.Status, err
	}
	var rows []row
	if err := json.Unmarshal(r.Raw, &rows); err != nil {
		return nil, r.Status, fmt.Errorf("activity isn't a bare array: %s", r.Raw)
	}
	for _, row := range rows {
		if row.ID == "" || row.Type != "a2a_receive" || row.Method == "notify" {
			return nil, r.Status, fmt.Errorf("a row that is no inbound chat: %+v", row)
		}
		if _, err := time.Parse(time.RFC3339, row.CreatedAt); err != nil {
			return nil, r.Status, err
		}
	}
	return rows, r.Status, nil
}

// turn is one round of the client's loop: beat, poll, answer what came.
func (a *agent) turn(ctx context.Context) error {
	if a.exited != "" {
		return nil
	}
	if err := a.beat(ctx, a); err != nil || a.exited != "" {
		return err
	}
	got, err := a.poll(ctx, a)
	if err != nil {
		return err
	}
	for _, m := range got {
		a.taken = append(a.taken, m)
		if err := a.reply(ctx, a, m, "re: "+m.Text); err != nil {
			return err
		}
	}
	return nil
}

// restart is a new process; it keeps its cursor or not, as its disk does.
func (a *agent) restart(ctx context.Context, keepsCursor bool) error {
	if !keepsCursor {
		a.cursor = ""
	}
	a.exited = ""
	return a.boot(ctx, a)
}

// texts are those taken since the n-th.
func (a *agent) texts(n int) []string {
	var out []string
	for _, m := range a.taken[n:] {
		out = append(out, m.Text)
	}
	return out
}

func message(text, part string) map[string]any {
	id := uuid.NewString()
	m := map[string]any{"messageId": id, "parts": []map[string]string{{part: "text", "text": text}}}
	if part == "kind" {
		m["role"] = "user"
	}
	return map[string]any{"jsonrpc": "2.0", "id": id, "method": "message/send", "params": map[string]any{"message": m}}
}

// --- the molecule-mcp runtime (section 3.1)

type mcp struct{}

func (mcp) name() string { return "molecule-mcp" }

func (mcp) boot(ctx context.Context, a *agent) error {
	r, err := a.call(ctx, "POST", "/registry/register", a.token, map[string]any{"id": a.id, "url": "", "delivery_mode": "poll",
		"agent_card": map[string]any{"name": "molecule-mcp-" + a.id[:8], "skills": []any{}}}, nil)
	if r.Status == 401 || r.Status == 403 {
		a.exited = "register was refused"
	}
	return err // what else goes wrong it only logs
}

func (mcp) beat(ctx context.Context, a *agent) error {
	_, err := a.call(ctx, "POST", "/registry/heartbeat", a.token, map[string]any{"workspace_id": a.id, "error_rate": 0, "sample_error": "", "active_tasks": 0, "uptime_seconds": 20}, nil)
	return err
}

func (mcp) poll(ctx context.Context, a *agent) ([]mail, error) {
	query := "type=a2a_receive&since_secs=600"
	if a.cursor != "" {
		query = "type=a2a_receive&since_id=" + a.cursor
	}
	rows, status, err := a.rows(ctx, query)
	if status == http.StatusGone {
		a.cursor = ""
	}
	if err != nil || status != http.StatusOK {
		return nil, err
	}
	if a.cursor == "" {
		slices.Reverse(rows) // it takes the newest first
	}
	var out []mail
	for _, r := range rows {
		a.cursor = r.ID
		if r.source() != a.id {
			out = append(out, mail{Row: r.ID, From: r.source(), Text: r.text()})
		}
	}
	return out, nil
}

func (mcp) reply(ctx context.Context, a *agent, m mail, text string) error {
	if m.From == "" {
		return a.notify(ctx, text)
	}
	outcome, err := a.send(ctx, m.From, text, map[string]string{"X-Workspace-ID": a.id}, "kind")
	if err == nil && outcome != "queued" && outcome != "result" {
		err = fmt.Errorf("the reply to a peer is %s to it", outcome)
	}
	return err
}

func (a *agent) notify(ctx context.Context, text string) error {
	r, err := a.call(ctx, "POST", "/workspaces/"+a.id+"/notify", a.token, map[string]any{"message": text}, nil)
	if err == nil && (r.Status != http.StatusOK || r.Text("status") != "sent") {
		err = fmt.Errorf("notify answered %d %s", r.Status, r.Raw)
	}
	return err
}

// send is an a2a call, and what mcp takes its answer for, in its order of
// precedence (section 2.5).
func (a *agent) send(ctx context.Context, to, text string, headers map[string]string, part string) (string, error) {
	r, err := a.call(ctx, "POST", "/workspaces/"+to+"/a2a", a.token, message(text, part), headers)
	if err != nil {
		return "", err
	}
	switch {
	case r.Body == nil:
		return "malformed", nil
	case r.Body["queued"] == true:
		return "queued", nil
	case r.Body["status"] == "queued" && r.Body["delivery_mode"] == "poll":
		return "queued", nil
	case r.Body["result"] != nil:
		return "result", nil
	case r.Body["error"] != nil:
		return "error: " + r.Text("error"), nil
	}
	return "malformed", nil
}

// --- the molecule-sdk-python client (section 3.3)

type sdk struct{}

func (sdk) name() string { return "molecule-sdk-python" }

func (sdk) boot(ctx context.Context, a *agent) error {
	if a.token != "" {
		return nil // with a token on file it does not register at all
	}
	r, err := a.call(ctx, "POST", "/registry/register", "", map[string]any{"id": a.id, "url": "remote://no-inbound", "agent_card": map[string]any{"name": "sdk"}}, nil)
	if err != nil {
		return err
	}
	if r.Status >= 300 {
		a.exited = fmt.Sprintf("register answered %d", r.Status)
		return nil
	}
	a.token = r.Text("auth_token")
	return nil
}

func (sdk) beat(ctx context.Context, a *agent) error {
	_, err := a.call(ctx, "POST", "/registry/heartbeat", a.token, map[string]any{"workspace_id": a.id, "error_rate": 0, "active_tasks": 0, "current_task": "", "uptime_seconds": 5}, nil)
	return err
}

// poll is its loop's order: activity, then state, whose 404 ends it for good.
func (sdk) poll(ctx context.Context, a *agent) ([]mail, error) {
	query := "type=a2a_receive&limit=100"
	if a.cursor != "" {
		query += "&since_id=" + a.cursor
	}
	rows, status, err := a.rows(ctx, query)
	if status == http.StatusGone {
		a.cursor = ""
	}
	if err != nil {
		return nil, err
	}
	var out []mail
	for _, r := range rows {
		a.cursor = r.ID
		if r.Data == nil {
			return nil, fmt.Errorf("a row without data, which is all that it reads: %+v", r)
		}
		out = append(out, mail{Row: r.ID, From: r.Data.SourceID, Text: r.Data.Text, Source: r.Data.Source})
	}
	r, err := a.call(ctx, "GET", "/workspaces/"+a.id+"/state", a.token, nil, nil)
	if err != nil {
		return nil, err
	}
	if r.Status == http.StatusNotFound {
		a.exited = "state answered 404"
	}
	if r.Status == http.StatusOK && r.Body["paused"] == true {
		a.exited = "paused"
	}
	return out, nil
}

func (sdk) reply(ctx context.Context, a *agent, m mail, text string) error {
	switch m.Source {
	case "canvas_user":
		return a.notify(ctx, text)
	case "peer_agent":
		outcome, err := a.send(ctx, m.From, text, map[string]string{"X-Source-Workspace-Id": a.id, "X-Workspace-ID": a.id}, "kind")
		if err == nil && strings.HasPrefix(outcome, "error") {
			err = fmt.Errorf("the reply to a peer: %s", outcome)
		}
		return err
	}
	return fmt.Errorf("it can't reply to source %q", m.Source)
}

// --- the molecule-mcp-claude-channel plugin (section 3.4)

type channel struct{}

func (channel) name() string { return "molecule-mcp-claude-channel" }

func (channel) boot(ctx context.Context, a *agent) error {
	_, status, err := a.rows(ctx, "type=a2a_receive&since_id=00000000-0000-0000-0000-000000000000&limit=1")
	if err != nil {
		return err
	}
	if status == http.StatusOK {
		a.exited = "the probe answered 200: the server ignores cursors"
		return nil
	}
	r, err := a.call(ctx, "POST", "/registry/register", a.token, map[string]any{"id": a.id, "delivery_mode": "poll",
		"agent_card": map[string]any{"name": "Claude Code (channel)", "description": "x"}}, nil)
	if err == nil && r.Status == http.StatusOK && r.Text("delivery_mode") != "poll" {
		err = fmt.Errorf("registered as %s", r.Text("delivery_mode"))
	}
	return err
}

func (channel) beat(ctx context.Context, a *agent) error {
	_, err := a.call(ctx, "POST", "/registry/heartbeat", a.token, map[string]any{"workspace_id": a.id}, nil)
	return err
}

func (channel) poll(ctx context.Context, a *agent) ([]mail, error) {
	query := "type=a2a_receive&limit=100&since_secs=30"
	if a.cursor != "" {
		query = "type=a2a_receive&limit=100&since_id=" + a.cursor
	}
	rows, status, err := a.rows(ctx, query)
	if status == http.StatusGone {
		a.cursor = ""
	}
	if err != nil {
		return nil, err
	}
	var out []mail
	for _, r := range rows {
		a.cursor = r.ID // the last element is its cursor
		out = append(out, mail{Row: r.ID, From: r.source(), Text: r.text()})
	}
	return out, nil
}

func (channel) reply(ctx context.Context, a *agent, m mail, text string) error {
	if m.From == "" {
		return a.notify(ctx, text)
	}
	outcome, err := a.send(ctx, m.From, text, map[string]string{"X-Source-Workspace-Id": a.id}, "type")
	if err == nil && strings.HasPrefix(outcome, "error") {
		err = fmt.Errorf("the reply to a peer: %s", outcome)
	}
	return err
}
