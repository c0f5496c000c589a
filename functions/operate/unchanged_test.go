package main

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/workspace"
)

// act is a call about the workspace "w" and its message "m", or about the platform.
type act struct {
	op    *api.Operation
	body  string
	query map[string]string
}

// answered is what the answers of acts that changed nothing have in common.
type answered struct {
	Unchanged bool            `json:"unchanged"`
	Code      string          `json:"code"`
	Messages  json.RawMessage `json:"messages"`
}

// sent sends the message.
var sent = []func(*testing.T, *app.Env){func(t *testing.T, env *app.Env) {
	t.Helper()
	m := chat.Message{ID: "m", Workspace: "w", Priority: chat.Task, Body: []byte(`{}`)}
	if _, err := env.Delivery.Enqueue(t.Context(), m, env.Clock.Now()); err != nil {
		t.Fatal(err)
	}
}}

func unchanged(a answered) bool            { return a.Unchanged }
func noMessages(a answered) bool           { return string(a.Messages) == "[]" }
func code(want string) func(answered) bool { return func(a answered) bool { return a.Code == want } }

// What an operator asks for and is so already changes nothing, says so, and leaves no line in an audit trail. The act
// that makes it so leaves one. A revocation is never without an effect: it ends the enrolment tokens that were made
// since the last one.
func TestAnActThatChangesNothingLeavesNoLine(t *testing.T) {
	do := func(op *api.Operation) *act { return &act{op: op} }
	purge := &act{op: api.RemoveWorkspace.Operation, query: map[string]string{"purge": "true"}}
	redrive := &act{op: api.RedriveMessage.Operation, body: `{}`}
	for name, c := range map[string]struct {
		before []func(*testing.T, *app.Env)
		first  *act // makes it so
		lines  int  // that first leaves
		again  *act
		says   func(answered) bool
	}{
		"resume, not paused": {again: do(api.Resume.Operation), says: unchanged},
		"pause, paused": {
			first: do(api.Pause.Operation), lines: 1, again: do(api.Pause.Operation), says: unchanged,
		},
		"dismiss nothing": {again: do(api.Dismiss.Operation), says: unchanged},
		"redrive no message at all": {
			before: sent, again: &act{op: api.Redrive.Operation, body: `{}`}, says: noMessages,
		},
		"cancel the mail of who sent none": {
			before: sent, again: &act{op: api.CancelMail.Operation, body: `{"from":"nobody"}`}, says: noMessages,
		},
		"cancel mail that is cancelled": {
			before: sent, first: &act{op: api.CancelMail.Operation, body: `{"from":"users"}`}, lines: 1,
			again: &act{op: api.CancelMail.Operation, body: `{"all":true}`}, says: noMessages,
		},
		"cancel nobody's mail": {
			before: sent, again: &act{op: api.CancelMail.Operation, body: `{}`}, says: code("invalid_request"),
		},
		"cancel the mail of what is no sender": {
			before: sent, again: &act{op: api.CancelMail.Operation, body: `{"from":"a b"}`},
			says: code("invalid_workspace_id"),
		},
		"cancel mail, dry": {
			before: sent, again: &act{op: api.CancelMail.Operation, body: `{"all":true,"dry_run":true}`},
			says: func(a answered) bool { return strings.Contains(string(a.Messages), `"queued"`) },
		},
		"redrive a message that is not there": {again: redrive, says: code("message_unknown")},
		"redrive what waits":                  {before: sent, again: redrive, says: code("message_not_dead")},
		"cancel a message that is not there":  {again: do(api.CancelMessage.Operation), says: code("message_unknown")},
		"cancel what has ended": {
			before: sent, first: do(api.CancelMessage.Operation), lines: 1, again: do(api.CancelMessage.Operation),
			says: code("message_already_terminal"),
		},
		"remove what is removed": {
			first: do(api.RemoveWorkspace.Operation), lines: 1, again: do(api.RemoveWorkspace.Operation),
			says: code("workspace_removed"),
		},
		"purge what is purged":               {first: purge, lines: 2, again: purge, says: unchanged},
		"withdraw what is no enrolment":      {again: do(api.WithdrawEnrolment.Operation), says: code("enrolment_absent")},
		"revoke what is nobody's credential": {again: do(api.RevokeToken.Operation), says: code("token_unknown")},
	} {
		t.Run(name, func(t *testing.T) {
			env := fixture.Env(t)
			fixture.Member(t, env, "w", "")
			for _, before := range c.before {
				before(t, env)
			}
			was := linesOf(t, env)
			if c.first != nil {
				play(t, env, *c.first)
			}
			if left := linesOf(t, env) - was; left != c.lines {
				t.Fatalf("the first leaves %d lines", left)
			}
			was += c.lines
			facts, err := env.Registry.Leases.Get(t.Context(), "w")
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, env, *c.again)
			var a answered
			if err := json.Unmarshal([]byte(got), &a); err != nil || !c.says(a) {
				t.Errorf("it is answered with %s (%v)", got, err)
			}
			if now := linesOf(t, env); now != was {
				t.Errorf("it leaves %d lines", now-was)
			}
			if now, err := env.Registry.Leases.Get(t.Context(), "w"); err != nil || now != facts {
				t.Errorf("it changes the facts: %+v (%v)", now, err)
			}
		})
	}
}

// play makes the call with the root credential, and gives the answer's body.
func play(t *testing.T, env *app.Env, a act) string {
	t.Helper()
	handle := httpapi.Serve(slog.New(slog.DiscardHandler), env.Clock.Now, env.Gate, endpoints(env)...)
	resp, err := handle(t.Context(), events.APIGatewayV2HTTPRequest{
		RouteKey: a.op.Route, Body: a.body, QueryStringParameters: a.query,
		Headers:        map[string]string{"content-type": api.JSON, "authorization": "Bearer " + fixture.OperatorToken},
		PathParameters: map[string]string{"id": "w", "message_id": "m", "enrolment_id": "none", "token_id": "none"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return resp.Body
}

// linesOf counts the audit entries of the workspace and of the platform.
func linesOf(t *testing.T, env *app.Env) (n int) {
	t.Helper()
	for _, id := range []string{"w", activity.PlatformID} {
		rows, err := env.Activity.AuditTrail(t.Context(), workspace.Life{Workspace: id}, "", 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			if r.Type == activity.TypeAudit {
				n++
			}
		}
	}
	return n
}
