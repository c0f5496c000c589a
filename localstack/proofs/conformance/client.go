package conformance

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/client"
)

// message is one message as a client took it.
type message struct {
	Row    string // the row's id, the cursor
	Seq    int64  // its number
	From   string // the sending workspace, "" for the user
	Text   string
	Source string // what one client goes by to choose how to reply
}

// agent is one running client: what its process knows, what its disk keeps, and which
// messages it took. dialect is how it calls the platform.
type agent struct {
	dialect
	client.Client
	id     string
	token  string // its configuration's
	file   string // of one client: a file whose token its polls prefer; "" is none
	cursor string // its cursor file, or memory
	turns  int    // of this process
	booted time.Time
	beatAt time.Time // of one client: when it last registered
	taken  []message
	exited string // why its process ended; "" while it runs
}

// dialect is what differs between the clients, as sections 2 to 4 of the wire contract
// describe. Each call is one that the real client makes, with its exact body.
type dialect interface {
	name() string
	traits() traits
	boot(ctx context.Context, a *agent) error
	heartbeat(ctx context.Context, a *agent) error
	poll(ctx context.Context, a *agent) ([]message, error)
	reply(ctx context.Context, a *agent, m message, text string) error
}

// traits are what of a client decides which steps are played with it, and how.
type traits struct {
	secret           secret
	endsUnregistered bool // it ends when its register is refused
	forgetsCursor    bool // it keeps its cursor in memory only
	passesPeersOver  bool // it takes no message of a peer
	acksByNumber     bool // it acknowledges what is done, and not by its cursor
	prefersFile      bool // its polls prefer a token in a file
}

// secret is how a client comes by its credential.
type secret int

const (
	bootstrapped secret = iota // it keeps the one that register answers
	placedByHand               // of its environment or a file: no register replaces it
)

// row is what the clients read of an activity row.
type row struct {
	ID           string  `json:"id"`
	Type         string  `json:"activity_type"`
	SourceID     *string `json:"source_id"`
	Seq          int64   `json:"seq"`
	Method       string  `json:"method"`
	Summary      string  `json:"summary"`
	PeerName     string  `json:"peer_name"`
	AgentCardURL string  `json:"agent_card_url"`
	CreatedAt    string  `json:"created_at"`
	RequestBody  struct {
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

// text is what mcp and the channel read in a row.
func (r row) text() string {
	if out := r.partsText(""); out != "" {
		return out
	}
	return r.Summary
}

// partsText is the texts of a row's parts, joined.
func (r row) partsText(separator string) string {
	var out []string
	for _, p := range r.RequestBody.Params.Message.Parts {
		if p.Text != "" && (p.Kind == "text" || p.Type == "text") {
			out = append(out, p.Text)
		}
	}
	return strings.Join(out, separator)
}

// call makes one call as every client does: with Origin, and with its bearer token if
// it has one.
func (a *agent) call(
	ctx context.Context, method, path, token string, body any, headers map[string]string,
) (client.Reply, error) {
	all := map[string]string{"Origin": a.URL}
	maps.Copy(all, headers)
	r, err := a.DoWith(ctx, method, path, token, body, all)
	if err == nil && r.Status >= 400 {
		err = wellFormed(r, path)
	}
	return r, err
}

// wellFormed checks what a client expects of every error.
func wellFormed(r client.Reply, path string) error {
	if strings.HasSuffix(path, "/state") && r.Status == http.StatusNotFound {
		return nil // its body is the workspace's state
	}
	for _, member := range []string{"error", "code", "hint", "action"} {
		if _, ok := r.Body[member].(string); !ok {
			return fmt.Errorf("%s: %d without a text %s: %s", path, r.Status, member, r.Raw)
		}
	}
	after := r.Header.Get("Retry-After")
	if after != "" || r.Status == http.StatusTooManyRequests || r.Status == http.StatusServiceUnavailable {
		if n, err := strconv.Atoi(after); err != nil || n < 1 {
			return fmt.Errorf("%s: %d with Retry-After %q, which isn't whole seconds", path, r.Status, after)
		}
	}
	return nil
}

var uuidShape = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// rows polls, and returns the rows and the status.
func (a *agent) rows(ctx context.Context, query string) ([]row, int, error) {
	r, err := a.call(ctx, "GET", "/workspaces/"+a.id+"/activity?"+query, cmp.Or(a.file, a.token), nil, nil)
	if err != nil || r.Status != http.StatusOK {
		return nil, r.Status, err
	}
	var rows []row
	if err := json.Unmarshal(r.Raw, &rows); err != nil {
		return nil, r.Status, fmt.Errorf("activity isn't a bare array: %s", r.Raw)
	}
	for _, row := range rows {
		if !uuidShape.MatchString(row.ID) {
			return nil, r.Status, fmt.Errorf("one client blanks a row's id that is no UUID: %q", row.ID)
		}
		if row.Type != "a2a_receive" || row.Method == "notify" {
			return nil, r.Status, fmt.Errorf("a row that is not inbound chat: %+v", row)
		}
		if _, err := time.Parse(time.RFC3339, row.CreatedAt); err != nil {
			return nil, r.Status, err
		}
	}
	return rows, r.Status, nil
}

// uptime is for how many seconds the process runs.
func (a *agent) uptime() int { return int(time.Since(a.booted).Seconds()) }

// errTurnEnds is what a heartbeat returns of a client that ends its turn when it is refused.
var errTurnEnds = errors.New("the turn ends")

// turn is one round of the client's loop: it sends a heartbeat, polls, and answers each
// message.
func (a *agent) turn(ctx context.Context) error {
	if a.exited != "" {
		return nil
	}
	switch err := a.heartbeat(ctx, a); {
	case errors.Is(err, errTurnEnds):
		return nil
	case err != nil || a.exited != "":
		return err
	}
	a.turns++
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

// restart starts a new process, which has its cursor if the disk kept it.
func (a *agent) restart(ctx context.Context, keepsCursor bool) error {
	if !keepsCursor || a.traits().forgetsCursor {
		a.cursor = ""
	}
	a.exited, a.turns, a.booted = "", 0, time.Now()
	return a.boot(ctx, a)
}

// texts are the texts of the messages taken after the first n.
func (a *agent) texts(n int) []string {
	var out []string
	for _, m := range a.taken[n:] {
		out = append(out, m.Text)
	}
	return out
}

// messageSend is the body of an A2A message/send call. part is the name of the member
// that says which kind a part is: "kind" or "type".
func messageSend(text, part string) map[string]any {
	id := uuid.NewString()
	m := map[string]any{"messageId": id, "parts": []map[string]string{{part: "text", "text": text}}}
	if part == "kind" {
		m["role"] = "user"
	}
	return map[string]any{"jsonrpc": "2.0", "id": id, "method": "message/send", "params": map[string]any{"message": m}}
}

func (a *agent) notify(ctx context.Context, text string) error {
	r, err := a.call(ctx, "POST", "/workspaces/"+a.id+"/notify", a.token, map[string]any{"message": text}, nil)
	if err == nil && (r.Status != http.StatusOK || r.Text("status") != "sent") {
		err = fmt.Errorf("notify answered %d %s", r.Status, r.Raw)
	}
	return err
}

// send makes an a2a call and returns how mcp classifies the answer; the order of the
// cases is its order (section 2.5).
func (a *agent) send(ctx context.Context, to, text string, headers map[string]string, part string) (string, error) {
	r, err := a.call(ctx, "POST", "/workspaces/"+to+"/a2a", a.token, messageSend(text, part), headers)
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
