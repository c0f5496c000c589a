package conformance

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// sdk is the molecule-sdk-python client (section 3.3 of the wire contract).
type sdk struct {
	stored bool // it was started with --token: it has its token in a file, and never registers
}

func (s sdk) name() string {
	if s.stored {
		return "molecule-sdk-python with a stored token"
	}
	return "molecule-sdk-python"
}

func (s sdk) traits() traits {
	if s.stored {
		return traits{secret: placedByHand}
	}
	return traits{secret: bootstrapped, endsUnregistered: true}
}

func (s sdk) boot(ctx context.Context, a *agent) error {
	if s.stored || a.token != "" {
		return nil // with a token on file it does not register at all
	}
	r, err := a.call(ctx, "POST", "/registry/register", "", map[string]any{
		"id": a.id, "url": "remote://no-inbound", "agent_card": map[string]any{"name": "sdk"},
	}, nil)
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

func (sdk) heartbeat(ctx context.Context, a *agent) error {
	_, err := a.call(ctx, "POST", "/registry/heartbeat", a.token, map[string]any{
		"workspace_id": a.id, "error_rate": 0, "active_tasks": 0, "current_task": "", "uptime_seconds": a.uptime(),
	}, nil)
	return err
}

// poll calls in the order of its loop: activity, then state, whose 404 ends the client.
func (sdk) poll(ctx context.Context, a *agent) ([]message, error) {
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
	var out []message
	for _, r := range rows {
		a.cursor = r.ID
		if r.Data == nil {
			return nil, fmt.Errorf("a row without data, the only member that it reads: %+v", r)
		}
		out = append(out, message{Row: r.ID, From: r.Data.SourceID, Text: r.Data.Text, Source: r.Data.Source})
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

func (sdk) reply(ctx context.Context, a *agent, m message, text string) error {
	switch m.Source {
	case "canvas_user":
		return a.notify(ctx, text)
	case "peer_agent":
		headers := map[string]string{"X-Source-Workspace-Id": a.id, "X-Workspace-ID": a.id}
		outcome, err := a.send(ctx, m.From, text, headers, "kind")
		if err == nil && strings.HasPrefix(outcome, "error") {
			err = fmt.Errorf("the reply to a peer: %s", outcome)
		}
		return err
	}
	return fmt.Errorf("it can't reply to source %q", m.Source)
}
