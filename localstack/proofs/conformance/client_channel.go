package conformance

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// channel is the molecule-mcp-claude-channel plugin (section 3.4 of the wire contract).
type channel struct{}

func (channel) name() string { return "molecule-mcp-claude-channel" }

func (channel) traits() traits { return traits{secret: placedByHand} }

func (channel) boot(ctx context.Context, a *agent) error {
	_, status, err := a.rows(ctx, "type=a2a_receive&since_id=00000000-0000-0000-0000-000000000000&limit=1")
	if err != nil {
		return err
	}
	if status == http.StatusOK {
		a.exited = "the probe answered 200: the server ignores cursors"
		return nil
	}
	r, err := a.call(ctx, "POST", "/registry/register", a.token, map[string]any{
		"id": a.id, "delivery_mode": "poll",
		"agent_card": map[string]any{"name": "Claude Code (channel)", "description": "x"},
	}, nil)
	if err == nil && r.Status == http.StatusOK && r.Text("delivery_mode") != "poll" {
		err = fmt.Errorf("registered as %s", r.Text("delivery_mode"))
	}
	return err
}

func (channel) heartbeat(ctx context.Context, a *agent) error {
	_, err := a.call(ctx, "POST", "/registry/heartbeat", a.token, map[string]any{"workspace_id": a.id}, nil)
	return err
}

func (channel) poll(ctx context.Context, a *agent) ([]message, error) {
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
	var out []message
	for _, r := range rows {
		a.cursor = r.ID // the last element is its cursor
		out = append(out, message{Row: r.ID, From: r.source(), Text: r.text()})
	}
	return out, nil
}

func (channel) reply(ctx context.Context, a *agent, m message, text string) error {
	if m.From == "" {
		return a.notify(ctx, text)
	}
	outcome, err := a.send(ctx, m.From, text, map[string]string{"X-Source-Workspace-Id": a.id}, "type")
	if err == nil && strings.HasPrefix(outcome, "error") {
		err = fmt.Errorf("the reply to a peer: %s", outcome)
	}
	return err
}
