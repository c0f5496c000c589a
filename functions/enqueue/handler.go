package main

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/workspace"
)

// reply has the keys that the two kinds of client parse (queued and queue_id
// for a push target, status and delivery_mode for one that polls), and the
// honest part.
type reply struct {
	Queued       bool                 `json:"queued,omitempty"`
	Status       string               `json:"status,omitempty"`
	DeliveryMode workspace.Mode       `json:"delivery_mode"`
	Method       string               `json:"method"`
	QueueID      string               `json:"queue_id"`
	MessageID    string               `json:"message_id"`
	Receipt      string               `json:"receipt"`
	State        chat.State           `json:"state"`
	Duplicate    bool                 `json:"duplicate,omitempty"`
	Expected     workspace.Expectation `json:"expected"`
	QueueDepth   int64                `json:"queue_depth"`
	OldestAge    int                  `json:"oldest_age_seconds"`
	LastPollAt   time.Time            `json:"last_poll_at,omitzero"`
	WSStatus     workspace.Status     `json:"workspace_status"`
	WSReason     workspace.Reason     `json:"workspace_reason"`
	Hint         string               `json:"hint,omitempty"`
	Message      string               `json:"message"`
}

func endpoints(env *app.Env) map[string]httpapi.Endpoint {
	return map[string]httpapi.Endpoint{"POST /workspaces/{id}/a2a": enqueue(env), "POST /workspaces/{id}/delegate": delegate(env)}
}

func enqueue(env *app.Env) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		if err := workspace.CheckID(r.ID()); err != nil {
			return httpapi.Reply{}, err
		}
		m, err := parse(r, env.Delivery.Policy)
		if err != nil {
			return httpapi.Reply{}, err
		}
		if m.Callback != "" {
			if err := env.Registry.Guard.Check(m.Callback); err != nil {
				return httpapi.Reply{}, err
			}
		}
		m.Workspace = r.ID()
		if m.Source, err = sender(ctx, env, r); err != nil {
			return httpapi.Reply{}, err
		}
		out, err := env.Delivery.Enqueue(ctx, m, r.Now)
		if err != nil {
			return httpapi.Reply{}, err
		}
		return answer(out, r.Now), nil
	}
}

func answer(out delivery.Accepted, now time.Time) httpapi.Reply {
	m := out.Message
	body := reply{
		DeliveryMode: out.Mode.Effective, Method: m.Method, QueueID: m.ID, MessageID: m.ID,
		Receipt: "/workspaces/" + m.Workspace + "/messages/" + m.ID, State: m.State, Duplicate: !out.First,
		Expected: out.Expected, QueueDepth: out.Depth, OldestAge: httpapi.InboxOf(out.Facts, now).OldestAgeSeconds, LastPollAt: out.Facts.PolledAt,
		WSStatus: out.Verdict.Status, WSReason: out.Verdict.Reason, Hint: cmp.Or(out.Why, out.Verdict.Hint),
		Message: map[workspace.Expectation]string{
			workspace.ExpectNow:      "accepted; it is being delivered now",
			workspace.ExpectNextPoll: "accepted; the agent gets it with its next poll",
			workspace.ExpectWhenIdle: "accepted; the agent is busy and gets it when it is free",
			workspace.ExpectNobody:   "accepted and kept, but nobody is listening: " + out.Why,
		}[out.Expected],
	}
	if out.Mode.Effective == workspace.Poll {
		body.Status = "queued"
		return httpapi.Reply{Status: http.StatusOK, JSON: body}
	}
	body.Queued = true
	return httpapi.Reply{Status: http.StatusAccepted, JSON: body}
}

var messageID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$`)

// parse normalises an A2A body as the wire contract says (section 2.5): a bare
// message is wrapped; jsonrpc, id, method and messageId are filled in. What
// else the sender wrote reaches the agent as it is.
func parse(r httpapi.Request, p chat.Policy) (chat.Message, error) {
	var rpc map[string]json.RawMessage
	if err := r.Decode(&rpc); err != nil {
		return chat.Message{}, err
	}
	if rpc == nil {
		return chat.Message{}, fault.New(fault.InvalidRequest, "the body must be an A2A request")
	}
	if _, ok := rpc["params"]; !ok {
		params, _ := json.Marshal(rpc) // what was just decoded
		rpc = map[string]json.RawMessage{"params": params}
	}
	var params map[string]json.RawMessage
	if json.Unmarshal(rpc["params"], &params) != nil || params == nil {
		return chat.Message{}, fault.New(fault.InvalidRequest, "params must be an object")
	}
	var message map[string]json.RawMessage
	if raw, ok := params["message"]; !ok || json.Unmarshal(raw, &message) != nil || message == nil {
		return chat.Message{}, fault.New(fault.InvalidRequest, "params.message must be an object").
			WithHint(`send {"jsonrpc":"2.0","method":"message/send","params":{"message":{"role":"user","messageId":"…","parts":[{"kind":"text","text":"…"}]}}}`, "stop")
	}
	m := chat.Message{Method: "message/send", Priority: chat.Task}
	var limits struct {
		ExpiresIn *float64       `json:"expires_in_seconds"`
		Priority  *chat.Priority `json:"priority"`
		Callback  string         `json:"callback_url"`
	}
	if err := json.Unmarshal(rpc["params"], &limits); err != nil {
		return chat.Message{}, fault.New(fault.InvalidRequest, "params.expires_in_seconds and params.priority must be numbers, params.callback_url a text")
	}
	if e := limits.ExpiresIn; e != nil {
		if *e < 1 || *e > 14*24*3600 {
			return chat.Message{}, fault.New(fault.InvalidRequest, "params.expires_in_seconds must be from 1 to 1209600")
		}
		m.ExpiresAt = r.Now.Add(time.Duration(*e * float64(time.Second)))
	}
	if pr := limits.Priority; pr != nil {
		if *pr != chat.Critical && *pr != chat.Task && *pr != chat.Info {
			return chat.Message{}, fault.New(fault.InvalidRequest, "params.priority must be 100, 50 or 10")
		}
		m.Priority = *pr
	}
	m.Callback = limits.Callback
	for _, text := range []struct {
		from map[string]json.RawMessage
		key  string
		to   *string
	}{{rpc, "method", &m.Method}, {message, "messageId", &m.ID}} {
		if raw, ok := text.from[text.key]; ok && json.Unmarshal(raw, text.to) != nil {
			return chat.Message{}, fault.New(fault.InvalidRequest, "%s must be a string", text.key)
		}
	}
	if m.ID == "" {
		m.ID = uuid.NewString()
	}
	if !messageID.MatchString(m.ID) {
		return chat.Message{}, fault.New(fault.InvalidRequest, "messageId has 1 to 128 letters, digits, '.', '_', ':' or '-'")
	}
	message["messageId"] = quote(m.ID)
	params["message"] = object(message)
	rpc["params"], rpc["jsonrpc"], rpc["method"] = object(params), quote("2.0"), quote(m.Method)
	if _, ok := rpc["id"]; !ok {
		rpc["id"] = quote(m.ID)
	}
	if m.Body = object(rpc); len(m.Body) > p.MaxBody {
		return chat.Message{}, fault.New(fault.TooLarge, "the message has %d bytes; at most %d are taken", len(m.Body), p.MaxBody).
			WithHint("send large content as a link", "stop")
	}
	return m, nil
}

func quote(s string) json.RawMessage { b, _ := json.Marshal(s); return b }

func object(m map[string]json.RawMessage) json.RawMessage { b, _ := json.Marshal(m); return b }

// sender is the workspace that sends, "" for the user.
func sender(ctx context.Context, env *app.Env, r httpapi.Request) (string, error) {
	who, err := httpapi.Callers{Registry: env.Registry, Operator: env.Operator}.Identify(ctx, r)
	if err == nil && who == (httpapi.Caller{}) && env.Config.Chat != app.ChatOpen {
		err = fault.New(fault.CredentialMissing, "missing caller auth token").
			WithHint("this deployment takes chat only with a workspace's or the operator's credential", "stop")
	}
	return who.Workspace, err
}
