package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/rollcall/rollcall/shared/client"
)

// webhookStories are about the URLs that operators have told of changes of status. A webhook is told of all workspaces,
// so that a receiver looks at those of its story.
var webhookStories = []story{
	{"a webhook is told of each change in order, signed, also of what it missed while it was down", toldByWebhook},
}

// receiver is the receiver of a webhook.
type receiver struct {
	mu        sync.Mutex
	workspace string
	secret    string
	status    int      // what it answers
	told      []string // the statuses of the workspace that it took, in order
	refused   int
	last      int64 // the number of the last change that it took
	problem   error
}

// change is what an event tells.
type change struct {
	Type string
	Data struct {
		Seq         int64
		WorkspaceID string `json:"workspace_id"`
		To          struct{ Status string }
	}
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // whoever called has gone
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.take(req.Header, body); err != nil {
		r.problem = err
	}
	w.WriteHeader(r.status)
}

func (r *receiver) take(header http.Header, body []byte) error {
	hook, err := webhooks.NewWebhook(r.secret)
	if err != nil {
		return err
	}
	if err := hook.Verify(body, header); err != nil {
		return fmt.Errorf("the signature: %w", err)
	}
	var c change
	if err := json.Unmarshal(body, &c); err != nil {
		return err
	}
	if c.Type != "workspace.status_changed" {
		return nil // a test
	}
	if r.status >= http.StatusMultipleChoices {
		r.refused++
		return nil
	}
	if c.Data.Seq <= r.last {
		return nil // told again
	}
	if r.last > 0 && c.Data.Seq != r.last+1 {
		return fmt.Errorf("after the change %d came %d", r.last, c.Data.Seq)
	}
	if r.last = c.Data.Seq; c.Data.WorkspaceID == r.workspace {
		r.told = append(r.told, c.Data.To.Status)
	}
	return nil
}

func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

// await waits until what it was told holds.
func (r *receiver) await(ctx context.Context, ok func() bool) error {
	return client.Until(ctx, patience, func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.problem == nil && !ok() {
			return fmt.Errorf("it was told %v, and refused %d", r.told, r.refused)
		}
		return r.problem
	})
}

func toldByWebhook(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	r := &receiver{workspace: a.id, status: http.StatusServiceUnavailable}
	server := httptest.NewServer(r)
	defer server.Close()
	r.mu.Lock() // an event that comes at once waits for the secret
	made, err := p.Do(ctx, "POST", "/webhooks", p.OperatorToken, map[string]any{"url": server.URL})
	r.secret = made.Text("secret")
	r.mu.Unlock()
	must(wantStatus(made, err, http.StatusCreated))
	hook := "/webhooks/" + made.Text("webhook_id")
	defer func() { _, _ = p.Do(context.WithoutCancel(ctx), "DELETE", hook, p.OperatorToken, nil) }()
	tested, err := p.Do(ctx, "POST", hook+"/test", p.OperatorToken, nil)
	must(wantProblem(tested, err, http.StatusConflict, "webhook_failed"))

	boot := a.clone()
	boot.token = ""
	for range 2 {
		refused, err := boot.register(ctx, "", a.serve(nil))
		must(wantProblem(refused, err, 401, "credential_missing"))
	}
	mustGet(a.awaitVerdict(ctx, credentialsRejected))
	must(r.await(ctx, func() bool { return r.refused > 0 }))
	r.answer(http.StatusNoContent)
	must(r.await(ctx, func() bool { return len(r.told) > 0 && r.told[len(r.told)-1] == "degraded" }))
	must(a.registerAccepted(ctx, "", a.serve(nil)))
	mustGet(a.awaitVerdict(ctx, healthy))
	must(r.await(ctx, func() bool { return r.told[len(r.told)-1] == "online" }))

	r.answer(http.StatusGone)
	for range 2 {
		refused, err := boot.register(ctx, "", a.serve(nil))
		must(wantProblem(refused, err, 401, "credential_missing"))
	}
	must(client.Until(ctx, patience, func() error {
		list, err := p.Do(ctx, "GET", "/webhooks", p.OperatorToken, nil)
		if err != nil {
			return err
		}
		var out struct {
			Webhooks []struct {
				ID    string `json:"webhook_id"`
				State string
			}
		}
		if err := json.Unmarshal(list.Raw, &out); err != nil {
			return err
		}
		for _, h := range out.Webhooks {
			if h.ID == made.Text("webhook_id") && h.State == "disabled" {
				return nil
			}
		}
		return fmt.Errorf("it answered 410 and is not disabled: %s", list.Raw)
	}))
}
