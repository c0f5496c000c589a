package delivery_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
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
		if d := cmp.Diff(stored, w.Receipt("m")); d != "" {
			rt.Fatalf("the first has changed:\n%s", d)
		}
		if f := w.Facts(); f.Accepted != 2 || f.Unused != 1 || f.Open != 1 {
			rt.Fatalf("%+v", f)
		}
	})
}

// Fifty senders at once are all accepted, each under a number of its own.
func TestFiftySendersAtOnce(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	const senders = 50 // each is another workspace
	seqs, errs := make([]int64, senders), make([]error, senders)
	var all sync.WaitGroup
	for i := range senders {
		all.Go(func() {
			out, err := w.Enqueue(t.Context(), world.Message(fmt.Sprint("m", i)), w.Now)
			seqs[i], errs[i] = out.Message.Seq, err
		})
	}
	all.Wait()
	slices.Sort(seqs)
	for i, seq := range seqs {
		if errs[i] != nil || seq != int64(i)+1 {
			t.Fatalf("%d: number %d, %v", i, seq, errs[i])
		}
	}
	if f := w.Facts(); f.Open != senders || f.Accepted != senders || f.Unused != 0 {
		t.Fatalf("%+v", f)
	}
}

// cutOff is a ledger that is gone when the message is to be stored.
type cutOff struct{ delivery.Ledger }

func (cutOff) Put(context.Context, chat.Message) (chat.Message, error) {
	return chat.Message{}, fault.Store("put", errors.New("cut off"))
}

// A call that is cut off has accepted nothing. Other mail goes on meanwhile, and the
// sweep takes the count off, once no call can still be on its way.
func TestACallThatIsCutOffLosesNothing(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	w.Send("m1")
	store := w.Ledger
	w.Ledger = cutOff{store}
	if _, err := w.Enqueue(t.Context(), world.Message("m2"), w.Now); fault.CodeOf(err) != fault.PlatformUnavailable {
		t.Fatal(err)
	}
	w.Ledger = store
	w.Want("the other message goes on", w.PollAfter(""), "m1")
	w.Want("and is delivered", w.PollAfter("m1"))
	if f := w.Facts(); f.Delivered != 1 || f.Open != 1 || f.OldestOpen.IsZero() {
		t.Fatalf("%+v", f)
	}
	w.SweepOnce()
	if f := w.Facts(); f.Open != 1 {
		t.Fatalf("the sweep did not wait: %+v", f)
	}
	w.Now = w.Now.Add(delivery.AcceptPatience)
	out := w.SweepOnce()
	f := w.Facts()
	if f.Open != 0 || f.Unused != 1 || f.Missing != 0 || !f.OldestOpen.IsZero() || len(out.Broken) != 0 {
		t.Fatalf("%+v, %+v", f, out)
	}
	w.Send("m2")
	w.Want("it can be sent again", w.PollAfter("m1"), "m2")
}

// A full inbox refuses new messages, and still knows those that it took.
func TestAFullInboxKnowsItsMail(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	w.Policy.MaxOpen = 4
	w.Send("m1", "m2")
	if _, err := w.Enqueue(t.Context(), world.Message("m3"), w.Now); fault.CodeOf(err) != fault.InboxFull {
		t.Fatal(err)
	}
	if out := w.Send("m1"); out.First || out.Message.Seq != 1 {
		t.Fatalf("%+v", out)
	}
	if f := w.Facts(); f.Open != 2 || f.Accepted-f.Unused != 2 {
		t.Fatalf("%+v", f)
	}
}

// A call that was cut off holds a place, and a refusal does not call that place a message.
func TestARefusalTellsMailFromPlacesHeld(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	w.Policy.MaxOpen = 2
	w.Send("m1")
	if _, _, err := w.Ledger.Count(t.Context(), world.ID, w.Now, false, w.Policy.MaxOpen); err != nil {
		t.Fatal(err)
	}
	_, err := w.Enqueue(t.Context(), world.Message("m2"), w.Now)
	if fault.CodeOf(err) != fault.InboxFull ||
		!strings.Contains(err.Error(), "messages that wait hold 1 (1 from users)") ||
		!strings.Contains(err.Error(), ", and calls that are under way or were cut off 1, until a sweep frees them") {
		t.Fatal(err)
	}
}

// Senders that flood an inbox leave room for others, for users and for a probe, and
// are named.
func TestASenderHasAShare(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	w.Policy.MaxOpen = 20
	send := func(source, id string) error {
		m := world.Message(id)
		m.Source = source
		_, err := w.Enqueue(t.Context(), m, w.Now)
		return err
	}
	taken, refusal := map[string]int{}, ""
	for _, source := range []string{"flooder", "second", "third", "fourth", "fifth", ""} {
		for i := range 20 {
			err := send(source, fmt.Sprint(source, i))
			if e, ok := errors.AsType[*fault.Error](err); err == nil {
				taken[source]++
			} else if !ok || e.Code != fault.InboxFull || e.Details.FilledBy != "flooder" {
				t.Fatalf("%s: %v", source, err)
			} else {
				refusal = e.Message
			}
		}
	}
	w.Want("taken", []string{fmt.Sprint(taken)}, "map[:5 flooder:10 fourth:1 second:3 third:1]")
	w.Want("the refusal", []string{refusal}, "the inbox is too full for this message: of its 20 places, messages "+
		"that wait hold 20 (10 from flooder, 5 from users, 3 from second, the rest from others). While more than half are "+
		"taken, users may have at most 5")
	if _, err := w.Probe(t.Context(), world.ID, w.Now); err != nil {
		t.Fatal(err)
	}
	v := w.Verdict()
	if v.Reason != workspace.ReasonInboxFull || !strings.Contains(v.Hint, "from flooder") || len(v.Remarks) > 0 ||
		v.Command(world.ID) != "rollcall cancel w --from flooder --dry-run" {
		t.Fatalf("%+v", v)
	}
	w.PollAfter("")
	w.PollAfter("4") // the user's last one
	w.NoError(send("flooder", "again"))
	if v := w.Verdict(); v.Status != workspace.StatusOnline {
		t.Fatalf("%+v, %+v", v, w.Facts())
	}
}

// A message that is sent again after its end is promised nothing.
func TestWhatHasEndedIsPromisedNothing(t *testing.T) {
	w := world.New(t, "", "http://agent.example")
	if out := w.Send("a"); out.Expected != workspace.ExpectNow {
		t.Fatalf("%+v", out)
	}
	if out := w.Send("a"); out.First || out.Expected == "" {
		t.Fatalf("%+v", out)
	}
	w.DrainOnce()
	if out := w.Send("a"); out.First || out.Message.State != chat.Delivered || out.Expected != "" || out.Why != "" {
		t.Fatalf("%+v", out)
	}
	w.Agent = func(chat.Message) delivery.PushResult {
		return delivery.PushResult{Handover: delivery.Refused, Why: "no"}
	}
	w.Send("b")
	w.DrainOnce()
	if out := w.Send("b"); out.Message.State != chat.Dead || out.Expected != "" {
		t.Fatalf("%+v", out)
	}
}

// Senders that are each refused what is beyond their shares change no status, at whatever pace they send, while a
// user's mail is taken.
func TestSurplusOfManyChangesNoStatus(t *testing.T) {
	for _, pace := range [][]int{{1}, {1, 1}, {3, 2}, {25, 1}, {1, 25}, {11, 9}, {1, 1, 1}, {25, 1, 8}, {1, 2, 3, 4}} {
		w, senders := world.New(t, workspace.Poll, ""), len(pace)
		w.Policy.MaxOpen = 40
		send := func(source, id string) fault.Code {
			m := world.Message(id)
			m.Source = source
			_, err := w.Enqueue(t.Context(), m, w.Now)
			return fault.CodeOf(err)
		}
		refused := map[string]int{}
		for i := range 40 {
			for n, burst := range pace {
				source := fmt.Sprint("gs", n)
				for j := range burst {
					if send(source, fmt.Sprint(source, "-", i, "-", j)) == fault.InboxFull {
						refused[source]++
					}
				}
			}
		}
		v := w.Verdict()
		if len(refused) != senders || v.Status != workspace.StatusOnline || len(v.Remarks) != 0 {
			t.Errorf("%v, %v refused: %+v", pace, refused, v)
		}
		if code := send("", "u"); code != "" {
			t.Errorf("%v: a user's mail is %s", pace, code)
		}
	}
}

// While users' mail is refused, the status says that the inbox is full, however many calls were under way when the
// refusal was noted; and when they may send again, it does not say so.
func TestAFullInboxIsToldWhileUsersAreRefused(t *testing.T) {
	seen := map[bool]int{}
	rapid.Check(t, func(rt *rapid.T) {
		const places = 20
		w := world.New(t, workspace.Poll, "")
		sends := 0
		send := func(source string) error {
			sends++
			m := world.Message(fmt.Sprint("m", sends))
			m.Source = source
			_, err := w.Enqueue(t.Context(), m, w.Now)
			return err
		}
		w.Policy.MaxOpen = 4 * places // calls that were counted at the same time pass their shares
		users := rapid.IntRange(5, 12).Draw(rt, "of users")
		for range users {
			w.NoError(send(""))
		}
		for range rapid.IntRange(0, places-users).Draw(rt, "of a workspace") {
			w.NoError(send("sender"))
		}
		w.Policy.MaxOpen = places
		underWay := rapid.IntRange(0, 5).Draw(rt, "under way")
		for range underWay {
			if _, ok, err := w.Ledger.Count(t.Context(), world.ID, w.Now, false, places); !ok || err != nil {
				underWay--
			}
		}
		if fault.CodeOf(send("")) != fault.InboxFull {
			return
		}
		for range underWay {
			w.NoError(w.Ledger.Uncount(t.Context(), w.Facts().Life()))
		}
		for acked := 0; acked <= users; acked++ {
			if acked > 0 {
				w.PollAfter("")
				w.PollAfter(fmt.Sprint("m", acked))
			}
			full := w.Verdict().Reason == workspace.ReasonInboxFull
			refused := fault.CodeOf(send("")) == fault.InboxFull
			if full != refused {
				rt.Fatalf("with %d acknowledged, users are refused: %t, and it is said to be full: %t: %+v", acked, refused, full,
					w.Facts())
			}
			if seen[refused]++; !refused {
				return
			}
		}
	})
	if seen[true] == 0 || seen[false] == 0 {
		t.Errorf("not both happened: %v", seen)
	}
}

// A sender whose own surplus is refused changes no status: other mail is taken.
func TestASendersOwnSurplusChangesNoStatus(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	w.Policy.MaxOpen = 20
	send := func(source, id string) fault.Code {
		m := world.Message(id)
		m.Source = source
		_, err := w.Enqueue(t.Context(), m, w.Now)
		return fault.CodeOf(err)
	}
	refused := 0
	for i := range 40 {
		if send("flooder", fmt.Sprint("f", i)) == fault.InboxFull {
			refused++
		}
	}
	if v := w.Verdict(); refused == 0 || v.Status != workspace.StatusOnline || len(v.Remarks) != 0 {
		t.Fatalf("%d refused: %+v", refused, v)
	}
	for i := 0; send("", fmt.Sprint("u", i)) == ""; i++ {
	}
	if v := w.Verdict(); v.Reason != workspace.ReasonInboxFull {
		t.Fatalf("the user's mail is refused: %+v", v)
	}
}

// Where peers are of one team, the refusal of a workspace's message names no other workspace: it may be of another
// team. Users are told, and so is the sender's own part.
func TestARefusalNamesNoWorkspaceOfAnotherTeam(t *testing.T) {
	for peers, named := range map[workspace.Peers]bool{workspace.PeersFleet: true, workspace.PeersTeam: false} {
		w := world.New(t, workspace.Poll, "")
		w.Policy.MaxOpen, w.Registry.Policy.Peers = 20, peers
		for _, source := range []string{"flooder", "second"} {
			for i := range 20 {
				m := world.Message(fmt.Sprint(source, i))
				m.Source = source
				_, err := w.Enqueue(t.Context(), m, w.Now)
				e, refused := errors.AsType[*fault.Error](err)
				if !refused || source == "flooder" {
					continue
				}
				if told := strings.Contains(e.Message+e.Details.FilledBy, "flooder"); told != named ||
					!strings.Contains(e.Message, "from second") {
					t.Fatalf("%s: %s; filled by %s", peers, e.Message, e.Details.FilledBy)
				}
			}
		}
	}
}
