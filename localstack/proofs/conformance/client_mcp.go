package conformance

import (
	"context"
	"fmt"
	"net/http"
	"slices"
)

// mcp is the molecule-mcp runtime (section 3.1 of the wire contract).
type mcp struct {
	acks bool // newer ones acknowledge by number what their agent is done with (section 9.2)
}

func (m mcp) name() string {
	if m.acks {
		return "molecule-mcp, newer, which acknowledges by number"
	}
	return "molecule-mcp"
}

func (m mcp) traits() traits {
	return traits{secret: placedByHand, endsUnregistered: true, prefersFile: true, acksByNumber: m.acks}
}

func (mcp) boot(ctx context.Context, a *agent) error {
	r, err := a.call(ctx, "POST", "/registry/register", a.token, map[string]any{
		"id": a.id, "url": "", "delivery_mode": "poll",
		"agent_card": map[string]any{"name": "molecule-mcp-" + a.id[:8], "skills": []any{}},
	}, nil)
	if r.Status == 401 || r.Status == 403 {
		a.exited = "register was refused"
	}
	return err // the client only logs other failures
}

func (mcp) heartbeat(ctx context.Context, a *agent) error {
	_, err := a.call(ctx, "POST", "/registry/heartbeat", a.token, map[string]any{
		"workspace_id": a.id, "error_rate": 0, "sample_error": "", "active_tasks": 0, "uptime_seconds": a.uptime(),
	}, nil)
	return err
}

func (mcp) poll(ctx context.Context, a *agent) ([]message, error) {
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
		slices.Reverse(rows) // the platform answers newest first
	}
	var out []message
	for _, r := range rows {
		a.cursor = r.ID
		if r.source() != a.id {
			out = append(out, message{Row: r.ID, Seq: r.Seq, From: r.source(), Text: r.text()})
		}
	}
	return out, nil
}

func (m mcp) reply(ctx context.Context, a *agent, to message, text string) error {
	err := m.answer(ctx, a, to, text)
	if err != nil || !m.acks {
		return err
	}
	r, err := a.call(ctx, "POST", "/workspaces/"+a.id+"/activity/ack", a.token, map[string]any{"acked_seq": to.Seq}, nil)
	if err == nil && (r.Status != http.StatusOK || r.Text("last_acked_seq") != fmt.Sprint(to.Seq)) {
		err = fmt.Errorf("an acknowledgement answered %d %s", r.Status, r.Raw)
	}
	return err
}

func (mcp) answer(ctx context.Context, a *agent, m message, text string) error {
	if m.From == "" {
		return a.notify(ctx, text)
	}
	outcome, err := a.send(ctx, m.From, text, map[string]string{"X-Workspace-ID": a.id}, "kind")
	if err == nil && outcome != "queued" && outcome != "result" {
		err = fmt.Errorf("it takes the answer to its reply to a peer for %s", outcome)
	}
	return err
}
