package protocoltest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// call is one call of a client: a message that it sends, or a poll.
type call struct {
	sends  string // the id of the message; "" for a poll
	cursor int64  // of the poll
}

type result struct {
	seq  int64  // of the message that was sent
	rows string // the ids that the poll returned
}

// letter is a message as its clients see it.
type letter struct {
	seq                     int64
	id                      string
	handedOut, acknowledged bool
}

// mailbox is a mailbox as its clients see it: letters in the order of their numbers.
// A later number may be seen before an earlier one, so a cursor takes away what a poll
// had returned, up to its number.
type mailbox []letter

var mailboxModel = porcupine.Model{
	Init: func() any { return mailbox(nil) },
	Step: func(state, in, out any) (bool, any) {
		s, c, r := slices.Clone(state.(mailbox)), in.(call), out.(result)
		if c.sends != "" {
			return s.send(c.sends, r.seq)
		}
		return s.poll(c.cursor) == r.rows, s
	},
	Equal: func(a, b any) bool { return slices.Equal(a.(mailbox), b.(mailbox)) },
}

// send reports whether the message may have this number: the one it has, or one that no
// other has.
func (s mailbox) send(id string, seq int64) (bool, mailbox) {
	for _, l := range s {
		if l.id == id || l.seq == seq {
			return l.id == id && l.seq == seq, s
		}
	}
	at, _ := slices.BinarySearchFunc(s, seq, func(l letter, seq int64) int { return cmp.Compare(l.seq, seq) })
	return true, slices.Insert(s, at, letter{seq: seq, id: id})
}

// poll acknowledges what the cursor does, and returns the rest.
func (s mailbox) poll(cursor int64) string {
	var rows []string
	for i := range s {
		s[i].acknowledged = s[i].acknowledged || (s[i].handedOut && s[i].seq <= cursor)
		if !s[i].acknowledged {
			s[i].handedOut = true
			rows = append(rows, s[i].id)
		}
	}
	return strings.Join(rows, " ")
}

// clients are the clients of one workspace, and the history of their calls.
type clients struct {
	d     *delivery.Delivery
	id    string
	agent registry.Registered
	start time.Time

	mu      sync.Mutex
	history []porcupine.Operation
}

// Linearizable has several senders at once, some with the same ids, and a poll that
// acknowledges. It checks that the replies are those that one mailbox would have given
// to the same calls one after the other.
func Linearizable(t *testing.T, d *delivery.Delivery) {
	id := uuid.NewString()
	in := registry.Registration{ID: id, Mode: workspace.Poll, From: address}
	agent, err := d.Registry.Register(t.Context(), in, d.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	c := &clients{d: d, id: id, agent: agent, start: time.Now()}
	var all sync.WaitGroup
	const senders = 3
	for sender := range senders {
		all.Go(func() { c.send(t, sender) })
	}
	all.Go(func() { c.poll(t, senders) })
	all.Wait()
	if !porcupine.CheckOperations(mailboxModel, c.history) {
		t.Errorf("no order of these calls gives a mailbox:")
		for _, op := range c.history {
			t.Logf("%d..%d client %d %+v -> %+v", op.Call, op.Return, op.ClientId, op.Input, op.Output)
		}
	}
}

// note makes a call, and adds it to the history.
func (c *clients) note(t *testing.T, client int, in call, do func() (result, error)) {
	began := time.Since(c.start).Nanoseconds()
	out, err := do()
	ended := time.Since(c.start).Nanoseconds()
	if err != nil {
		t.Error(err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.history = append(c.history, porcupine.Operation{
		ClientId: client, Input: in, Call: began, Output: out, Return: ended,
	})
}

func (c *clients) send(t *testing.T, sender int) {
	for i := range 5 {
		messageID := fmt.Sprintf("m%d", (sender+i)%7) // some ids are sent by two senders
		c.note(t, sender, call{sends: messageID}, func() (result, error) {
			msg := chat.Message{
				ID: messageID, Workspace: c.id, Priority: chat.Task, Body: chat.TextBody(messageID, messageID),
			}
			out, err := c.d.Enqueue(t.Context(), msg, c.d.Clock.Now())
			return result{seq: out.Message.Seq}, err
		})
	}
}

func (c *clients) poll(t *testing.T, client int) {
	var seq int64
	for range 8 {
		in := delivery.PollRequest{Workspace: c.id, Credential: c.agent.AuthToken, From: address, Limit: 40}
		if seq > 0 {
			in.Cursor = delivery.Cursor{Seq: seq, Epoch: c.agent.Facts.Epoch}.ID(c.agent.Facts.Life())
		}
		c.note(t, client, call{cursor: seq}, func() (result, error) {
			out, err := c.d.Poll(t.Context(), in, c.d.Clock.Now())
			var rows []string
			for _, m := range out.Messages {
				rows = append(rows, m.ID)
				seq = m.Seq
			}
			return result{rows: strings.Join(rows, " ")}, err
		})
	}
}
