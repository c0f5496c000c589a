package delivery_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// inPages is a log of which few entries are read at a time: each may be as long as an agent can write it.
type inPages struct {
	activity.Log
	t *testing.T
}

func (l *inPages) ActivityLog(ctx context.Context, life workspace.Life, r activity.Range) ([]activity.Item, error) {
	if r.Limit > 10 {
		l.t.Errorf("%d entries are read at a time", r.Limit)
	}
	return l.Log.ActivityLog(ctx, life, r)
}

// writes lets the agent write entries into its log.
func writes(w *world.World, entries int) {
	w.T.Helper()
	for i := range entries {
		w.Now = w.Now.Add(time.Millisecond)
		w.NoError(w.Delivery.Activity.AddRow(w.T.Context(), activity.Row{
			ID: fmt.Sprint("note-", i), Workspace: world.ID, Type: "notify", At: w.Now,
		}))
	}
}

// A message that the agent refuses, though it takes others and none like it, is its sender's doing: the sender is told,
// and the workspace is shown as it was. Where the agent has taken none since it registered, the refusals may be the
// agent's: the mail is told as lost. And what knows not even the call by which every agent takes a message is no agent:
// the URL is wrong, and no message dies of it.
func TestARefusalIsTheSendersDoing(t *testing.T) {
	unknown := delivery.PushResult{Handover: delivery.Refused, NoSuchCall: true, Why: "error -32601: Method not found"}
	invalid := delivery.PushResult{Handover: delivery.Refused, Why: "error -32602: role missing"}
	page := delivery.PushResult{Handover: delivery.Refused, Fault: workspace.FaultPage, Why: "HTTP 413: too large"}
	const plain, plainText = "message/send", "a plain text"
	for name, c := range map[string]struct {
		method string
		answer delivery.PushResult
		before func(w *world.World) // what the agent did
		state  chat.State
		byWish bool
		lost   int64
		hint   string
	}{
		"a plain text, of an agent that took another": {
			plainText, invalid, func(w *world.World) { takes(w, `{}`) }, chat.Dead, true, 0, "",
		},
		"an unknown method":            {"tasks/sendSubscribe", unknown, takesOne, chat.Dead, true, 0, ""},
		"an unknown version":           {plain, unknown, takesOne, chat.Dead, true, 0, ""},
		"a message that it can't read": {plain, invalid, takesOne, chat.Dead, true, 0, ""},
		"a plain text":                 {plainText, invalid, takesOne, chat.Dead, false, 1, ""},
		"a plain text, behind what the agent wrote into its log": {
			plainText, invalid, func(w *world.World) { takesOne(w); writes(w, 95) }, chat.Dead, false, 1, "",
		},
		"a plain text, behind more than is looked through": {
			plainText, invalid, func(w *world.World) { takesOne(w); writes(w, 100) }, chat.Dead, true, 0, "",
		},
		"a proxy refuses it":                 {plain, page, takesOne, chat.Dead, false, 1, "deliveries to the agent's URL"},
		"it took none yet, and refuses this": {plain, invalid, nil, chat.Dead, false, 1, ""},
		"it took none since it registered": {
			plain, invalid, func(w *world.World) { takesOne(w); boots(w) }, chat.Dead, false, 1, "",
		},
		"it took none for a day": {
			plain, invalid, func(w *world.World) { takesOne(w); w.Now = w.Now.Add(24 * time.Hour); w.Heartbeat(0) },
			chat.Dead, false, 1, "",
		},
		"another server": {plain, unknown, nil, chat.Queued, false, 0, "is not an agent"},
		"another server, since it registered": {
			plain, unknown, func(w *world.World) { takesOne(w); boots(w) }, chat.Queued, false, 0, "is not an agent",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := world.New(t, workspace.Push, "http://agent/")
			if c.before != nil {
				c.before(w)
			}
			was := w.Verdict()
			w.Delivery.Activity = &inPages{Log: w.Delivery.Activity, t: t}
			w.Agent = func(chat.Message) delivery.PushResult { return c.answer }
			m := chat.Message{ID: "m", Workspace: world.ID, Source: "peer", Method: c.method, Priority: chat.Task}
			m.Body = []byte(`{}`)
			if c.method == plainText {
				m.Method, m.Body = plain, chat.TextBody("m", "hello")
			}
			if _, err := w.Enqueue(t.Context(), m, w.Now); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				w.DrainOnce()
				if rest := w.Facts().RestUntil.Sub(w.Now); rest > 0 {
					w.Now = w.Now.Add(rest)
					w.Heartbeat(0)
				}
			}
			m, f, is := w.Receipt("m"), w.Facts(), w.Verdict()
			if m.State != c.state || m.ByWish != c.byWish || f.LostMessages != c.lost {
				t.Fatalf("%s, by its sender's wish: %t, %d lost: %s", m.State, m.ByWish, f.LostMessages, m.Reason)
			}
			if c.byWish && (is.Status != was.Status || is.Reason != was.Reason || len(is.Remarks) > 0 ||
				!strings.Contains(m.Reason, "for its sender to write")) {
				t.Errorf("it was %+v, and is %+v; the sender is told %q", was, is, m.Reason)
			}
			failing := is.Reason == workspace.ReasonPushFailing
			if failing != (c.hint != "") || !strings.Contains(is.Hint, c.hint) {
				t.Errorf("%+v", is)
			}
		})
	}
}

// What a peer can send that an agent refuses, though it takes plain texts: whatever its sender wrote otherwise than
// what the agent took marks no workspace.
func TestNoOddMessageMarksAnAgent(t *testing.T) {
	const (
		id    = "7f1b1dcb-7a3b-4c55-8d57-1d4a3f6f0a11"
		plain = `{"id":"` + id + `","jsonrpc":"2.0","method":"message/send","params":{"message":{"messageId":"` + id +
			`","parts":[{"kind":"text","text":"hello"}],"role":"user"}}}`
	)
	change := func(from, to string) string { return strings.Replace(plain, from, to, 1) }
	for name, c := range map[string]struct {
		body string
		lost int64
	}{
		"the same":                       {plain, 1},
		"other words":                    {change("hello", "Grüße, мир! 3 < 4\\n你好"), 1},
		"another id":                     {change(id, "0c5a0f5e-2f5c-4b8e-9a59-9d3c5a1e7b22"), 1},
		"the role of an agent":           {change(`"user"`, `"agent"`), 0},
		"the role of 1.0":                {change(`"user"`, `"ROLE_USER"`), 0},
		"a part that is a file":          {change(`"kind":"text"`, `"kind":"file"`), 0},
		"a part that is data":            {change(`"kind":"text"`, `"kind":"data"`), 0},
		"a message that is a task":       {change(`"parts"`, `"kind":"task","parts"`), 0},
		"a message that names its kind":  {change(`"parts"`, `"kind":"message","parts"`), 0},
		"an id that is null":             {change(`"id":"`+id+`"`, `"id":null`), 0},
		"an id that is a number":         {change(`"id":"`+id+`"`, `"id":7`), 0},
		"an id that is empty":            {change(`"id":"`+id+`"`, `"id":""`), 0},
		"an id that its sender chose":    {change(`"messageId":"`+id+`"`, `"messageId":"m-1"`), 0},
		"a blank text":                   {change("hello", " "), 0},
		"a text that shows nothing":      {change("hello", "\u3164\u2800"), 0},
		"a text with a zero":             {change("hello", `he\u0000llo`), 0},
		"a text with what shows nothing": {change("hello", "he\u200bllo"), 0},
		"a text that is long":            {change("hello", strings.Repeat("hello ", 40)), 0},
		"another version":                {change("message/send", "SendMessage"), 0},
		"a stream":                       {change("message/send", "message/stream"), 0},
		"a member of its own":            {change(`"role"`, `"metadata":{},"role"`), 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := world.New(t, workspace.Push, "http://agent/")
			takes(w, plain)
			w.Agent = func(chat.Message) delivery.PushResult {
				return delivery.PushResult{Handover: delivery.Refused, Why: "error -32602: no"}
			}
			sendsAs(w, "m", "peer", c.body)
			if m, f := w.Receipt("m"), w.Facts(); f.LostMessages != c.lost || m.ByWish != (c.lost == 0) ||
				m.State != chat.Dead {
				t.Errorf("%d lost; %s: %s", f.LostMessages, m.State, m.Reason)
			}
		})
	}
}

// An agent that took plain texts, whatever else it took, and begins to refuse all it is sent, is told of as one that
// loses mail at the first of them, whoever sends it.
func TestAnAgentThatBeginsToRefuseIsToldOf(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	texts := map[string]string{
		"0.3": string(chat.TextBody("t", "hello")),
		"1.0": `{"jsonrpc":"2.0","id":"t","method":"SendMessage","params":{"message":` +
			`{"messageId":"t","role":"ROLE_USER","parts":[{"text":"hello"}]}}}`,
		"a long one": string(chat.TextBody("t", strings.Repeat("hello ", 200))),
	}
	for name, body := range texts {
		sendsAs(w, "taken "+name, "", body)
	}
	for i := range 80 {
		sendsAs(w, fmt.Sprint("taken ", i), "other", `{}`)
	}
	w.Agent = func(chat.Message) delivery.PushResult {
		return delivery.PushResult{Handover: delivery.Refused, NoSuchCall: true, Why: "error -32601: no"}
	}
	lost := int64(0)
	for name, body := range texts {
		sendsAs(w, "refused "+name, "peer", body)
		if lost++; w.Facts().LostMessages != lost || len(w.Verdict().Remarks) == 0 {
			t.Errorf("%s: %+v", name, w.Facts().Lost)
		}
	}
}

// A plain text that is refused is compared with what the agent has taken since it registered.
func TestWhatAnAgentTookBeforeItRegisteredShowsNothing(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	takesOne(w)
	boots(w)
	takes(w, `{}`)
	w.Agent = func(chat.Message) delivery.PushResult {
		return delivery.PushResult{Handover: delivery.Refused, Why: "error -32602: no"}
	}
	sendsAs(w, "m", "peer", string(chat.TextBody("m", "hello")))
	if m := w.Receipt("m"); !m.ByWish || w.Facts().LostMessages != 0 {
		t.Errorf("%+v", m)
	}
}

// sendsAs sends a body, and pushes it.
func sendsAs(w *world.World, id, source, body string) {
	w.T.Helper()
	var rpc struct{ Method string }
	w.NoError(json.Unmarshal([]byte(body), &rpc))
	m := chat.Message{
		ID: id, Workspace: world.ID, Source: source, Method: rpc.Method, Priority: chat.Task, Body: []byte(body),
	}
	_, err := w.Enqueue(w.T.Context(), m, w.Now)
	w.NoError(err)
	w.DrainOnce()
	w.Now = w.Now.Add(time.Second)
}

// takes has the agent take a message.
func takes(w *world.World, body string) { sendsAs(w, fmt.Sprint("taken-", w.Now.Unix()), "", body) }

// takesOne has the agent take a plain text.
func takesOne(w *world.World) { takes(w, string(chat.TextBody("taken", "hello"))) }

// boots has the agent register again.
func boots(w *world.World) {
	w.Register(registry.Registration{ID: world.ID, URL: "http://agent/", Credential: w.Token})
	w.Now = w.Now.Add(time.Second)
}
