package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/rollcall/rollcall/shared/boot"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/workspace"
)

// row is the wire contract's activity row (section 2.3), with the additive data
// object (section 6, point 3).
type row struct {
	ID          string          `json:"id"`
	WorkspaceID string          `json:"workspace_id"`
	Type        string          `json:"activity_type"`
	SourceID    *string         `json:"source_id"`
	TargetID    string          `json:"target_id"`
	Method      string          `json:"method"`
	Summary     string          `json:"summary"`
	DurationMS  *int            `json:"duration_ms"`
	Status      string          `json:"status"`
	ErrorDetail *string         `json:"error_detail"`
	CreatedAt   time.Time       `json:"created_at"`
	RequestBody json.RawMessage `json:"request_body"`
	MessageID   string          `json:"message_id"`
	Data        data            `json:"data"`
}

type data struct {
	Source   string `json:"source"`
	SourceID string `json:"source_id"`
	Text     string `json:"text"`
}

func endpoints(env *boot.Env) map[string]httpapi.Endpoint {
	return map[string]httpapi.Endpoint{"GET /workspaces/{id}/activity": activity(env.Delivery)}
}

// maxWindow caps since_secs (section 2.4).
const maxWindow = 30 * 24 * 3600

func activity(d *delivery.Delivery) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		if err := workspace.CheckID(r.ID()); err != nil {
			return httpapi.Reply{}, err
		}
		limit, err := r.IntQuery("limit", 100, 1, 500)
		if err != nil {
			return httpapi.Reply{}, err
		}
		if _, err := r.IntQuery("since_secs", 1, 1, maxWindow); err != nil {
			return httpapi.Reply{}, err
		}
		q := r.QueryStringParameters
		if t := q["type"]; t != "" && t != "a2a_receive" {
			return httpapi.Reply{}, fault.New(fault.NotServed, "activity of type %q is not kept here", t).WithHint("ask for type=a2a_receive", "stop")
		}
		_, limited := q["limit"]
		out, err := d.Fetch(ctx, delivery.Poll{
			Workspace: r.ID(), Credential: r.Bearer(), From: r.From(), Cursor: q["since_id"], Limit: limit,
			// Oldest first where a cursor or an explicit limit is given: the clients
			// that send neither reverse what they get (section 2.4).
			Newest: q["since_id"] == "" && !(q["type"] == "a2a_receive" && limited),
		}, r.Now)
		if err != nil {
			return httpapi.Reply{}, err
		}
		rows := make([]row, 0, len(out.Messages))
		for _, m := range out.Messages {
			rows = append(rows, rowOf(m))
		}
		return httpapi.OK(rows)
	}
}

func rowOf(m chat.Message) row {
	out := row{
		ID: delivery.Cursor(m.Workspace, m.Seq), WorkspaceID: m.Workspace, Type: "a2a_receive", TargetID: m.Workspace, Method: m.Method,
		Summary: m.Method + " (queued for poll)", Status: "ok", CreatedAt: m.AcceptedAt, RequestBody: m.Body, MessageID: m.ID,
		Data: data{Source: "canvas_user", Text: text(m.Body)},
	}
	if m.Source != "" {
		out.SourceID = &m.Source
		out.Data.Source, out.Data.SourceID = "peer_agent", m.Source
	}
	return out
}

// text joins the text parts of an A2A message, whose kind key has two names.
func text(body json.RawMessage) string {
	var rpc struct {
		Params struct {
			Message struct {
				Parts []struct {
					Kind string `json:"kind"`
					Type string `json:"type"`
					Text string `json:"text"`
				} `json:"parts"`
			} `json:"message"`
		} `json:"params"`
	}
	if json.Unmarshal(body, &rpc) != nil {
		return "" // parts of another shape: the client reads request_body itself
	}
	out := ""
	for _, p := range rpc.Params.Message.Parts {
		if p.Kind == "text" || p.Type == "text" {
			out += p.Text
		}
	}
	return out
}
