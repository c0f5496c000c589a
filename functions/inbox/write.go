package main

import (
	"context"
	"encoding/json"
	"regexp"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
)

type reportRequest struct {
	Type        string          `json:"activity_type"`
	SourceID    string          `json:"source_id"`
	TargetID    string          `json:"target_id"`
	Method      string          `json:"method"`
	Summary     string          `json:"summary"`
	Status      string          `json:"status"`
	ErrorDetail string          `json:"error_detail"`
	DurationMS  *int            `json:"duration_ms"`
	Request     json.RawMessage `json:"request_body"`
	Response    json.RawMessage `json:"response_body"`
}

var typePattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// report takes what an agent says of its own doings into its log. It is never
// mail: a row that an agent reports as received is not handed out to it.
func report(reg *registry.Registry, log activity.Log) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		var in reportRequest
		if err := r.Decode(&in); err != nil {
			return httpapi.Reply{}, err
		}
		if !typePattern.MatchString(in.Type) || (activity.Row{Type: in.Type}).InAuditTrail() {
			return httpapi.Reply{}, fault.New(fault.InvalidRequest, "activity_type must be lower-case letters, digits and '_', and neither audit nor status")
		}
		if _, err := reg.AuthenticateCall(ctx, r.ID(), r.Bearer(), r.From(), r.Now); err != nil {
			return httpapi.Reply{}, err
		}
		if in.SourceID != "" && in.SourceID != r.ID() {
			return httpapi.Reply{}, fault.New(fault.CallerMismatch, "a workspace reports only what it did itself").WithHint("send its own id as source_id, or none", "stop")
		}
		if in.Status == "" {
			in.Status = "ok"
		}
		n := activity.Row{
			ID: uuid.NewString(), Workspace: r.ID(), Type: in.Type, Method: in.Method, SourceID: in.SourceID, TargetID: in.TargetID, Summary: in.Summary,
			Status: in.Status, ErrorDetail: in.ErrorDetail, DurationMS: in.DurationMS, Request: in.Request, Response: in.Response, At: r.Now,
		}
		if err := log.AddRow(ctx, n); err != nil {
			return httpapi.Reply{}, err
		}
		return httpapi.OK(map[string]string{"status": "logged", "id": n.ID})
	}
}

type notifyRequest struct {
	Message     string          `json:"message"`
	Type        string          `json:"type"`
	Attachments json.RawMessage `json:"attachments"`
}

// summaryLen is how much of a text stands in its row's summary, in bytes.
const summaryLen = 200

// notify takes what an agent says to its user. It stands in the log as "notify",
// never as received: a client that can't tell the two would answer itself (wire
// contract, section 6, point 5).
func notify(reg *registry.Registry, log activity.Log) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		var in notifyRequest
		body, err := r.Raw()
		if err == nil {
			err = httpapi.DecodeJSON(body, r.Header("content-type"), &in)
		}
		if err != nil {
			return httpapi.Reply{}, err
		}
		if in.Message == "" {
			return httpapi.Reply{}, fault.New(fault.InvalidRequest, "message must be a text that isn't empty")
		}
		if _, err := reg.AuthenticateCall(ctx, r.ID(), r.Bearer(), r.From(), r.Now); err != nil {
			return httpapi.Reply{}, err
		}
		n := activity.Row{
			ID: uuid.NewString(), Workspace: r.ID(), Type: "notify", Method: "notify", Summary: chat.Clip(in.Message, summaryLen),
			Status: "ok", Request: body, At: r.Now,
		}
		if err := log.AddRow(ctx, n); err != nil {
			return httpapi.Reply{}, err
		}
		return httpapi.OK(map[string]string{"status": "sent", "id": n.ID})
	}
}
