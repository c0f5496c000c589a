package delivery_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/workspace"
)

// sends draws what a sender decides of a message with one id, from few values, so that
// equal ones are common.
func sends(now time.Time) *rapid.Generator[chat.Message] {
	return rapid.Custom(func(t *rapid.T) chat.Message {
		m := chat.Message{
			ID: "m", Workspace: world.ID,
			Source:   rapid.SampledFrom([]string{"", "peer"}).Draw(t, "source"),
			Method:   rapid.SampledFrom([]string{"message/send", "message/stream"}).Draw(t, "method"),
			Priority: rapid.SampledFrom([]chat.Priority{chat.Info, chat.Task}).Draw(t, "priority"),
			Callback: rapid.SampledFrom([]string{"", "https://a.example"}).Draw(t, "callback"),
			Body: json.RawMessage(rapid.SampledFrom([]string{
				`{"jsonrpc":"2.0","id":1,"params":{"a":1,"b":2}}`, `{"id":2,"params":{"b":2,"a":1},"jsonrpc":"2.0"}`,
				`{"jsonrpc":"2.0","id":1,"params":{"a":1,"b":3}}`,
			}).Draw(t, "body")),
		}
		if life := rapid.IntRange(0, 1).Draw(t, "lifetime"); life > 0 {
			m.ExpiresAt = now.Add(time.Duration(life) * time.Hour)
		}
		return m
	})
}

// same reports whether two sends are one: all is equal but the spelling of the body and
// the id of its envelope.
func same(a, b chat.Message) bool {
	content := func(m chat.Message) string {
		var rpc map[string]any
		_ = json.Unmarshal(m.Body, &rpc) // the generator's
		return fmt.Sprint(m.Source, m.Method, m.Priority, m.Callback, m.ExpiresAt, rpc["params"])
	}
	return content(a) == content(b)
}

// Of two sends with one id, either they are the same and one is stored, or the second is
// refused and the first stays as it was.
func TestAnIDStandsForOneMessage(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := world.New(t, workspace.Poll, "")
		first, second := sends(w.Now).Draw(rt, "first"), sends(w.Now).Draw(rt, "second")
		if _, err := w.Enqueue(t.Context(), first, w.Now); err != nil {
			rt.Fatal(err)
		}
		stored := w.Receipt("m")
		w.Now = w.Now.Add(time.Minute)
		again := second
		if !again.ExpiresAt.IsZero() {
			again.ExpiresAt = again.ExpiresAt.Add(time.Minute) // as long a life, from now
		}
		out, err := w.Enqueue(t.Context(), again, w.Now)
		switch {
		case same(first, second) && (err != nil || out.First || out.Message.Seq != stored.Seq):
			rt.Fatalf("the same message: %+v, %v", out, err)
		case !same(first, second) && fault.CodeOf(err) != fault.MessageIDTaken:
			rt.Fatalf("another message: %v", err)
		}
		if d := cmp.Diff(stored, w.Receipt("m")); d != "" || w.Facts().Accepted != 1 {
			rt.Fatalf("%d accepted; the first has changed:\n%s", w.Facts().Accepted, d)
		}
	})
}
