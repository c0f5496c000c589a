package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/client"
)

// container is the in-container runtime (sections 3.2 and 9.1 of the wire contract): it is
// pushed to, keeps the token that register gives it, and polls without a cursor beside its
// heartbeats. A long task holds its answer back.
type container struct {
	agent
	server *httptest.Server
	booted time.Time

	mu     sync.Mutex
	pushed []string      // the texts that it took, in order
	hold   chan struct{} // a long task ends when this is closed
}

func newContainer(p client.Client) *container {
	c := &container{agent: agent{Client: p, id: uuid.NewString()}}
	c.server = httptest.NewServer(http.HandlerFunc(c.take))
	return c
}

// take is its A2A server. A message without a role is none of its protocol.
func (c *container) take(w http.ResponseWriter, r *http.Request) {
	var call struct {
		ID     json.RawMessage `json:"id"`
		Params struct {
			Message struct {
				Role  string                        `json:"role"`
				Parts []struct{ Kind, Text string } `json:"parts"`
			} `json:"message"`
		} `json:"params"`
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &call)
	}
	answer := map[string]any{"jsonrpc": "2.0", "id": call.ID}
	text := ""
	for _, p := range call.Params.Message.Parts {
		text += p.Text
	}
	if err != nil || call.Params.Message.Role == "" {
		answer["error"] = map[string]any{"code": -32600, "message": "params.message.role Field required"}
	} else {
		answer["result"] = map[string]any{
			"kind": "message", "role": "agent", "messageId": uuid.NewString(),
			"parts": []map[string]string{{"kind": "text", "text": "re: " + text}},
		}
		c.mu.Lock()
		c.pushed = append(c.pushed, text)
		hold := c.hold
		c.mu.Unlock()
		if hold != nil {
			<-hold
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // a caller that is gone needs no answer
}

// boot is a start of the container. Without a volume it has no token.
func (c *container) boot(ctx context.Context) error {
	c.booted = time.Now()
	r, err := c.call(ctx, "POST", "/registry/register", c.token, map[string]any{
		"id": c.id, "url": c.server.URL, "configuration_status": "ready", "agent_card": map[string]any{
			"name": "runtime", "url": c.server.URL, "version": "1.0.0", "skills": []any{},
			"capabilities": map[string]any{"streaming": true, "pushNotifications": true},
		},
	}, nil)
	if token := r.Text("auth_token"); token != "" {
		c.token = token
	}
	return err // a failure is printed and ignored
}

// beat is a turn of its loop: heartbeat, delegations, and activity without a cursor. Nothing
// of its answers matters to it but rows of peers.
func (c *container) beat(ctx context.Context, active int) error {
	_, err := c.call(ctx, "POST", "/registry/heartbeat", c.token, map[string]any{
		"workspace_id": c.id, "error_rate": 0, "sample_error": "", "active_tasks": active, "current_task": "",
		"uptime_seconds": int(time.Since(c.booted).Seconds()),
	}, nil)
	if err != nil {
		return err
	}
	if _, err := c.call(ctx, "GET", "/workspaces/"+c.id+"/delegations", c.token, nil, nil); err != nil {
		return err
	}
	rows, status, err := c.rows(ctx, "type=a2a_receive")
	if err == nil && status == http.StatusOK && len(rows) > 0 {
		err = fmt.Errorf("an agent that is pushed to was handed %d rows", len(rows))
	}
	return err
}

func (c *container) texts() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.pushed)
}

// holdAnswers makes the next tasks long ones, and returns what ends them.
func (c *container) holdAnswers() (end func()) {
	hold := make(chan struct{})
	c.mu.Lock()
	c.hold = hold
	c.mu.Unlock()
	return sync.OnceFunc(func() {
		c.mu.Lock()
		c.hold = nil
		c.mu.Unlock()
		close(hold)
	})
}

// containerRun is the life of the in-container runtime.
type containerRun struct {
	*run
	c    *container
	want []string // the texts that it must have taken so far
}

// playContainer plays it.
func (r *run) playContainer(ctx context.Context) {
	p := &containerRun{run: r, c: newContainer(r.Client)}
	defer p.c.server.Close()
	r.client = &p.c.agent
	r.step("a first boot without a token is given one, and pushes arrive", func() error { return p.firstBoot(ctx) })
	r.step("messages of every sender arrive, in order, and their answers stand in the receipts", func() error {
		return p.senders(ctx)
	})
	r.step("a long task holds its answer: it is busy, others wait, and each arrives once", func() error {
		return p.longTask(ctx)
	})
	r.step("a boot with the token goes on where it was", func() error {
		return errors.Join(p.c.boot(ctx), p.c.beat(ctx, 0), p.arrives(ctx, "after a boot"), p.status(ctx, "online", ""))
	})
	r.step("a new container without the token: degraded with the next step, a repair and a boot restore it", func() error {
		return p.newVolume(ctx)
	})
}

// arrives sends a message of the user and waits until its answer stands in the receipt.
func (p *containerRun) arrives(ctx context.Context, text string) error {
	id := uuid.NewString()
	r, err := p.Do(ctx, "POST", "/workspaces/"+p.c.id+"/a2a", "", client.Message(id, text))
	if err != nil || r.Status >= 300 {
		return fmt.Errorf("sending answered %d %s, %v", r.Status, r.Raw, err)
	}
	p.want = append(p.want, text)
	return p.answeredWith(ctx, id, "re: "+text)
}

func (p *containerRun) answeredWith(ctx context.Context, id, text string) error {
	return client.Until(ctx, 20*time.Second, func() error {
		r, err := p.Do(ctx, "GET", "/workspaces/"+p.c.id+"/messages/"+id, p.OperatorToken, nil)
		answer, _ := json.Marshal(r.Body["answer"])
		if err != nil || r.Text("state") != "delivered" || !slices.Equal(p.c.texts(), p.want) ||
			!json.Valid(answer) || clientText(answer) != text {
			return fmt.Errorf("receipt %s, %v; it took %q, want %q", r.Raw, err, p.c.texts(), p.want)
		}
		return nil
	})
}

// clientText is the text of an A2A answer.
func clientText(answer []byte) string {
	var a struct {
		Result struct{ Parts []struct{ Text string } }
	}
	if json.Unmarshal(answer, &a) != nil || len(a.Result.Parts) == 0 {
		return ""
	}
	return a.Result.Parts[0].Text
}

func (p *containerRun) firstBoot(ctx context.Context) error {
	if err := p.c.boot(ctx); err != nil || p.c.token == "" {
		return fmt.Errorf("token %q, %w", p.c.token, err)
	}
	return errors.Join(p.c.beat(ctx, 0), p.arrives(ctx, "hello"), p.status(ctx, "online", ""))
}

// senders are a user, and a peer whose client leaves the role out.
func (p *containerRun) senders(ctx context.Context) error {
	other, err := p.newPeer(ctx)
	if err != nil {
		return err
	}
	body := messageSend("from a peer", "type") // as the channel writes it
	r, err := other.call(ctx, "POST", "/workspaces/"+p.c.id+"/a2a", other.token, body,
		map[string]string{"X-Source-Workspace-Id": other.id})
	if err != nil || r.Status >= 300 {
		return fmt.Errorf("a peer's message answered %d %s, %v", r.Status, r.Raw, err)
	}
	p.want = append(p.want, "from a peer")
	id, _ := body["id"].(string)
	return errors.Join(p.answeredWith(ctx, id, "re: from a peer"), p.arrives(ctx, "and from the user"))
}

func (p *containerRun) longTask(ctx context.Context) error {
	end := p.c.holdAnswers()
	defer end()
	ids := []string{uuid.NewString(), uuid.NewString()}
	for i, text := range []string{"a long task", "a second one"} {
		if r, err := p.Do(ctx, "POST", "/workspaces/"+p.c.id+"/a2a", "", client.Message(ids[i], text)); err != nil ||
			r.Status >= 300 {
			return fmt.Errorf("sending answered %d %s, %v", r.Status, r.Raw, err)
		}
		p.want = append(p.want, text)
	}
	if err := client.Until(ctx, 20*time.Second, func() error {
		if got := p.c.texts(); len(got) != len(p.want)-1 {
			return fmt.Errorf("it took %q", got)
		}
		return nil
	}); err != nil {
		return err
	}
	if err := errors.Join(p.c.beat(ctx, 1), p.status(ctx, "online", "busy")); err != nil {
		return err
	}
	end()
	return errors.Join(p.c.beat(ctx, 0), p.answeredWith(ctx, ids[1], "re: a second one"))
}

// newVolume is the incident: a container is made anew, and its token is gone.
func (p *containerRun) newVolume(ctx context.Context) error {
	p.c.token = ""
	for range 2 {
		if err := errors.Join(p.c.boot(ctx), p.c.beat(ctx, 0)); err != nil {
			return err
		}
	}
	told := p.nextStepIs(ctx, "repair", "rollcall repair ")
	if err := errors.Join(told, p.repair(ctx), p.c.boot(ctx), p.c.beat(ctx, 0)); err != nil {
		return err
	}
	return errors.Join(p.arrives(ctx, "after the repair"), p.status(ctx, "online", ""))
}
