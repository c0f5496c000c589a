package delivery_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// ways are how a message ends undelivered, by what is done to a world that has it. knows is whether its sender did it.
var ways = []struct {
	name  string
	state chat.State
	knows bool
	mode  workspace.Mode
	end   func(w *world.World, id string)
}{
	{"it expires", chat.Expired, false, workspace.Poll, func(w *world.World, _ string) {
		w.Now = w.Now.Add(w.Policy.Lifetime + time.Minute)
	}},
	{"the agent refuses it", chat.Dead, false, workspace.Push, func(w *world.World, _ string) {
		w.Agent = func(chat.Message) delivery.PushResult {
			return delivery.PushResult{Handover: delivery.Refused, Why: "not for me"}
		}
	}},
	{"an operator cancels it", chat.Cancelled, false, workspace.Poll, func(w *world.World, id string) {
		_, err := w.Cancel(w.T.Context(), world.ID, id, "an operator", w.Now)
		w.NoError(err)
	}},
	{"an operator cancels all of it", chat.Cancelled, false, workspace.Poll, func(w *world.World, _ string) {
		n := 0
		_, _, err := w.CancelMail(w.T.Context(), world.ID, "", "an operator", world.Asked(&n), w.Now)
		w.NoError(err)
	}},
	{"its workspace is removed", chat.Cancelled, false, workspace.Poll, func(w *world.World, _ string) {
		_, err := w.Registry.Hold(w.T.Context(), world.ID, workspace.Removed, activity.Actor{Who: "test"}, w.Now)
		w.NoError(err)
	}},
	{"its workspace is purged", chat.Cancelled, false, workspace.Poll, func(w *world.World, _ string) {
		by := activity.Actor{Who: "test"}
		_, err := w.Registry.Hold(w.T.Context(), world.ID, workspace.Removed, by, w.Now)
		w.NoError(err)
		_, err = w.Registry.Purge(w.T.Context(), world.ID, by, w.Now)
		w.NoError(err)
	}},
	{"its workspace is created again", chat.Cancelled, false, workspace.Poll, func(w *world.World, _ string) {
		by := activity.Actor{Who: "test"}
		_, err := w.Registry.Hold(w.T.Context(), world.ID, workspace.Removed, by, w.Now)
		w.NoError(err)
		_, err = w.Registry.Purge(w.T.Context(), world.ID, by, w.Now)
		w.NoError(err)
		_, err = w.Registry.Create(w.T.Context(), registry.CreateInput{ID: world.ID, By: by}, w.Now)
		w.NoError(err)
	}},
	{"its sender cancels it", chat.Cancelled, true, workspace.Poll, func(w *world.World, id string) {
		ms, err := w.Store.Messages(w.T.Context(), world.Life, id)
		w.NoError(err)
		if ms[0].Source == "" || ms[0].AnswerTo != "" {
			_, err = w.Cancel(w.T.Context(), world.ID, id, "an operator", w.Now)
		} else {
			_, err = w.CancelAsSender(w.T.Context(), world.ID, id, delivery.SenderOf(ms[0]), w.Now)
		}
		w.NoError(err)
	}},
}

// settle lets a minute's sweep and its drains run, until an hour has brought nothing more to do.
func settle(w *world.World) {
	w.T.Helper()
	for range 6 {
		w.SweepOnce()
		w.DrainOnce()
		_, err := w.Drain(w.T.Context(), "peer", "test")
		w.NoError(err)
		w.Now = w.Now.Add(time.Minute)
	}
}

// However a message of a workspace ends undelivered, its sender is sent that once, by the platform, and in such a way
// that nothing answers it. It is not sent where its sender knows, or is told another way. What becomes of the notice
// itself is sent to nobody.
func TestNoMessageOfAWorkspaceEndsInSilence(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		way := rapid.SampledFrom(ways).Draw(rt, "way")
		by := rapid.SampledFrom([]string{"peer", "peer replies", "peer has a URL", "user", "itself", "answer"}).Draw(rt, "by")
		w := world.New(t, way.mode, map[workspace.Mode]string{workspace.Push: "http://agent/"}[way.mode])
		w.Register(registry.Registration{ID: "peer", Mode: workspace.Poll, From: "10.0.0.2"})
		m := question("q")
		switch by {
		case "peer replies":
			m.Body = []byte(`{"params":{"message":{"parts":[{"text":"x"}],"metadata":{"in_reply_to":"p"}}}}`)
		case "peer has a URL":
			m.Callback = "http://sender/"
		case "user":
			m.Source = ""
		case "itself":
			m.Source = world.ID
		case "answer":
			m.AnswerTo = "p"
		}
		_, err := w.Enqueue(t.Context(), m, w.Now)
		w.NoError(err)
		way.end(w, "q")
		settle(w)
		mail := mailOf(w)
		if owed := strings.HasPrefix(by, "peer") && m.Callback == "" && !way.knows; !owed {
			if len(mail) != 0 {
				rt.Fatalf("%s, sent by %s: %s", way.name, by, mail[0].Body)
			}
			return
		}
		if len(mail) != 1 {
			rt.Fatalf("%s, sent by %s: the sender got %d messages", way.name, by, len(mail))
		}
		wantNotice(rt, mail[0], way.state)
		if err := workspace.CheckID(mail[0].Source); fault.CodeOf(err) != fault.InvalidWorkspaceID {
			rt.Fatalf("it can be answered: %v", err)
		}
		if rapid.Bool().Draw(rt, "the notice expires") {
			w.Now = w.Now.Add(w.Policy.Lifetime)
		} else {
			_, err = w.Cancel(t.Context(), "peer", mail[0].ID, "an operator", w.Now)
			w.NoError(err)
		}
		settle(w)
		if mail := mailOf(w); len(mail) != 0 {
			rt.Fatalf("a notice has brought about %s", mail[0].Body)
		}
		f, err := w.Registry.Leases.Get(t.Context(), "peer")
		if err != nil || f.Accepted != 1 || f.OutboxItems != 0 {
			rt.Fatalf("%+v %v", f, err)
		}
	})
}

// wantNotice checks that a message is the notice of how the message q ended.
func wantNotice(t interface{ Fatalf(string, ...any) }, m chat.Message, state chat.State) {
	var in struct {
		Params struct {
			Message struct {
				ReferenceTaskIDs []string
				Metadata         map[string]string
			}
		}
	}
	if err := json.Unmarshal(m.Body, &in); err != nil {
		t.Fatalf("%v", err)
	}
	told, text := in.Params.Message.Metadata, chat.Text(m.Body)
	if m.Source != workspace.Platform || m.AnswerTo != "q" || in.Params.Message.ReferenceTaskIDs[0] != "q" ||
		told["platform_event"] != "message_undelivered" || told["in_reply_to"] != "q" || told["target_id"] != world.ID ||
		told["state"] != string(state) || told["reason"] == "" {
		t.Fatalf("%+v %s", m, m.Body)
	}
	for _, word := range []string{"Rollcall", "message q", "to " + world.ID, string(state), told["reason"]} {
		if !strings.Contains(text, word) {
			t.Fatalf("%q does not say %q", text, word)
		}
	}
}

// A message that is put back may end again: that is told again, and each end once.
func TestEachEndIsToldOnce(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	w.Register(registry.Registration{ID: "peer", Mode: workspace.Poll, From: "10.0.0.2"})
	w.Agent = func(chat.Message) delivery.PushResult {
		return delivery.PushResult{Handover: delivery.Refused, Why: "not for me"}
	}
	_, err := w.Enqueue(t.Context(), question("q"), w.Now)
	w.NoError(err)
	for n := range 3 {
		w.Heartbeat(0)
		settle(w)
		if mail := mailOf(w); len(mail) != n+1 {
			t.Fatalf("%d ends were told by %d messages", n+1, len(mail))
		}
		_, err := w.Redrive(t.Context(), world.ID, "q", w.Now)
		w.NoError(err)
	}
}

// What a workspace delegated and lost names the delegation too.
func TestTheNoticeNamesTheDelegation(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	w.Register(registry.Registration{ID: "peer", Mode: workspace.Poll, From: "10.0.0.2"})
	given, err := w.Delegations.Delegate(t.Context(), peer, world.ID, "multiply", "", w.Now)
	w.NoError(err)
	w.Now = w.Now.Add(w.Policy.Lifetime)
	settle(w)
	mail := mailOf(w)
	if len(mail) != 1 || !slices.Contains(slices.Collect(chat.References(mail[0].Body)), given.Delegation.ID) ||
		!strings.Contains(string(mail[0].Body), fmt.Sprintf("%q:%q", "delegation_id", given.Delegation.ID)) {
		t.Fatalf("%+v", mail)
	}
}

// A call that waits is told of the end in its reply, and then no notice is sent. What reply says so, the handler's test
// shows.
func TestAnEndThatTheCallTellsIsNotSentToo(t *testing.T) {
	w := asked(t)
	w.Agent = func(chat.Message) delivery.PushResult {
		return delivery.PushResult{Handover: delivery.Refused, Why: "not for me"}
	}
	w.Delivery.Clock = &steppingClock{
		Clock: memory.Clock{Time: func() time.Time { return w.Now }},
		first: func() { w.DrainOnce() }, move: func(d time.Duration) { w.Now = w.Now.Add(d) },
	}
	out, err := w.Ask(t.Context(), question("q"), still(nil), w.Now)
	if err != nil || out.Message.State != chat.Dead || !out.First {
		t.Fatalf("%+v %v", out, err)
	}
	settle(w)
	if mail := mailOf(w); len(mail) != 0 || w.Facts().OutboxItems != 0 {
		t.Fatalf("it is sent too: %+v", mail)
	}
	w.Heartbeat(0)
	ended := fault.New(fault.CredentialUnknown, "it was revoked") // then nobody has read the reply
	w.Delivery.Clock.(*steppingClock).first = func() { w.DrainOnce() }
	if _, err := w.Ask(t.Context(), question("q2"), still(ended), w.Now); fault.CodeOf(err) != fault.CredentialUnknown {
		t.Fatal(err)
	}
	settle(w)
	if mail := mailOf(w); len(mail) != 1 {
		t.Fatalf("nobody is told: %+v", mail)
	}
}

// The sender of a message ends it while it waits. In each other state it is told which, and what another one sent is
// not there.
func TestASenderCancelsItsOwnMessage(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	w.Register(registry.Registration{ID: "peer", Mode: workspace.Poll, From: "10.0.0.2"})
	w.Register(registry.Registration{ID: "other", Mode: workspace.Poll, From: "10.0.0.3"})
	send := func(id string, change func(*chat.Message)) {
		m := question(id)
		change(&m)
		_, err := w.Enqueue(t.Context(), m, w.Now)
		w.NoError(err)
	}
	same := func(*chat.Message) {}
	send("waits", same)
	send("taken back", same)
	send("ends", same)
	send("short", func(m *chat.Message) { m.ExpiresAt = w.Now.Add(time.Second) })
	send("of a user", func(m *chat.Message) { m.Source = "" })
	send("an answer", func(m *chat.Message) { m.AnswerTo = "x" })
	_, err := w.Cancel(t.Context(), world.ID, "ends", "an operator", w.Now)
	w.NoError(err)
	w.Now = w.Now.Add(2 * time.Second)
	for _, c := range []struct {
		id, by string
		code   fault.Code
		says   string
	}{
		{"waits", "other", fault.MessageUnknown, ""},
		{"waits", world.ID, fault.MessageUnknown, "by the workspace that sent it"},
		{"waits", "peer", "", ""},
		{"waits", "peer", fault.MessageAlreadyTerminal, "already cancelled"},
		{"ends", "peer", fault.MessageAlreadyTerminal, "already cancelled"},
		{"short", "peer", fault.MessageAlreadyTerminal, "already expired"},
		{"of a user", "peer", fault.MessageUnknown, ""},
		{"an answer", "peer", fault.MessageUnknown, ""},
		{"none", "peer", fault.MessageUnknown, ""},
	} {
		m, err := w.CancelAsSender(t.Context(), world.ID, c.id, workspace.Life{Workspace: c.by}, w.Now)
		if fault.CodeOf(err) != c.code || (err != nil && !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s cancels %q: %v, want %q", c.by, c.id, err, c.code)
		}
		if err == nil && (m.State != chat.Cancelled || m.Reason != "cancelled by its sender") {
			t.Errorf("%+v", m)
		}
	}
	// What is not the caller's, and what is not there, nobody can tell apart.
	absent := cancelRefusal(t, w, "nobody", "waits", "other")
	for _, id := range []string{"waits", "ends", "short", "of a user", "an answer", "none"} {
		if said := cancelRefusal(t, w, world.ID, id, "other"); said != absent {
			t.Errorf("of %q another workspace is told %s, and of no workspace %s", id, said, absent)
		}
	}
}

// cancelRefusal is what a workspace is told that may not cancel a message.
func cancelRefusal(t *testing.T, w *world.World, id, messageID, by string) string {
	t.Helper()
	m, err := w.CancelAsSender(t.Context(), id, messageID, workspace.Life{Workspace: by}, w.Now)
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || m.ID != "" {
		t.Fatalf("%+v, %v", m, err)
	}
	return fmt.Sprint(e.Code, e.Message, e.Hint, e.Action, e.Details)
}

// Of a task that its agent works on, the refusal says how it is ended.
func TestATaskThatGoesOnIsForItsAgentToEnd(t *testing.T) {
	for state, hint := range map[string]string{"working": "tasks/cancel", "completed": "receipt"} {
		w := asked(t)
		w.Agent = func(chat.Message) delivery.PushResult {
			return delivery.PushResult{Answer: []byte(`{"result":{"id":"t","status":{"state":"` + state + `"}}}`)}
		}
		_, err := w.Enqueue(t.Context(), question("q"), w.Now)
		w.NoError(err)
		w.DrainOnce()
		_, err = w.CancelAsSender(t.Context(), world.ID, "q", peer, w.Now)
		e, ok := errors.AsType[*fault.Error](err)
		if !ok || e.Code != fault.MessageAlreadyTerminal || !strings.Contains(e.Hint, hint) {
			t.Errorf("%s: %v, %+v", state, err, e)
		}
	}
}
