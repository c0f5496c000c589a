package delivery_test

import (
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// A message that the agent refuses, though it takes others, is its sender's doing: the sender is told, and the
// workspace is shown as it was. Where the agent has taken none since it registered, the refusals may be the agent's:
// the mail is told as lost. And what knows not even the call by which every agent takes a message is no agent: the URL
// is wrong, and no message dies of it.
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
		"an unknown method":                  {"tasks/sendSubscribe", unknown, takesOne, chat.Dead, true, 0, ""},
		"an unknown version":                 {plain, unknown, takesOne, chat.Dead, true, 0, ""},
		"a message that it can't read":       {plain, invalid, takesOne, chat.Dead, true, 0, ""},
		"a plain text":                       {plainText, invalid, takesOne, chat.Dead, false, 1, ""},
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

// takesOne has the agent take a message.
func takesOne(w *world.World) {
	w.Send("taken")
	w.DrainOnce()
	w.Now = w.Now.Add(time.Second)
}

// boots has the agent register again.
func boots(w *world.World) {
	w.Register(registry.Registration{ID: world.ID, URL: "http://agent/", Credential: w.Token})
	w.Now = w.Now.Add(time.Second)
}
