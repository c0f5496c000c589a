package conformance

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// bridge is the script that the platform's connect dialog gives a user (section 9.1 of the
// wire contract). It reads its token from a file on each turn, and keeps its cursor in
// memory. Whatever is refused ends the turn, and it goes on with the next.
type bridge struct {
	newest bool // the newest server's script; else the reference server's
}

// beatEvery is how long there is between two registers. The turns of a proof are shorter than the script's.
const beatEvery = 20 * time.Second

func (b bridge) name() string {
	if b.newest {
		return "the connect dialog's bridge"
	}
	return "the connect dialog's bridge, as it was before"
}

func (bridge) traits() traits {
	return traits{secret: placedByHand, forgetsCursor: true, passesPeersOver: true}
}

func (bridge) boot(context.Context, *agent) error { return nil }

// heartbeat registers and then sends a heartbeat, each time.
func (bridge) heartbeat(ctx context.Context, a *agent) error {
	if a.turns > 0 && time.Since(a.beatAt) < beatEvery {
		return nil
	}
	r, err := a.call(ctx, "POST", "/registry/register", a.token, map[string]any{
		"id": a.id, "url": "", "delivery_mode": "poll",
		"agent_card": map[string]any{"name": "mac-laptop-kimi", "skills": []any{}},
	}, nil)
	if err == nil && r.Status != http.StatusOK {
		err = errTurnEnds
	}
	if err != nil {
		return err
	}
	a.beatAt = time.Now()
	_, err = a.call(ctx, "POST", "/registry/heartbeat", a.token, map[string]any{
		"workspace_id": a.id, "error_rate": 0, "sample_error": "", "active_tasks": 0, "current_task": "",
		"uptime_seconds": a.uptime(),
	}, nil)
	return err
}

func (b bridge) query(cursor string) string {
	switch {
	case !b.newest && cursor == "":
		return "since_secs=30&limit=50"
	case !b.newest:
		return "since_secs=30&limit=50&since_id=" + cursor
	case cursor == "":
		return "limit=50&include=peer_info&since_secs=30"
	}
	return "limit=50&include=peer_info&since_id=" + cursor
}

func (b bridge) poll(ctx context.Context, a *agent) ([]message, error) {
	rows, status, err := a.rows(ctx, b.query(a.cursor))
	if status == http.StatusGone && b.newest {
		a.cursor = ""
	}
	if err != nil || status != http.StatusOK {
		return nil, err
	}
	if b.newest && a.cursor == "" {
		slices.Reverse(rows)
	}
	var out []message
	for _, r := range rows {
		a.cursor = r.ID
		if r.Method == "notify" || r.SourceID != nil {
			if err := b.peerInfo(r); err != nil {
				return nil, err
			}
			continue
		}
		if text := r.partsText(" "); text != "" {
			out = append(out, message{Row: r.ID, Text: text})
		}
	}
	return out, nil
}

// peerInfo checks what include=peer_info promises of a peer's row; the script's comments
// have its user build on it.
func (b bridge) peerInfo(r row) error {
	if b.newest && (r.PeerName == "" || !strings.HasSuffix(r.AgentCardURL, "/registry/discover/"+r.source())) {
		return fmt.Errorf("a peer's row does not say who that is: %+v", r)
	}
	return nil
}

func (bridge) reply(ctx context.Context, a *agent, _ message, text string) error {
	return a.notify(ctx, text)
}
