package protocoltest

import (
	"context"
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

type call struct {
	send   string // the id of a message sent, or
	poll   bool
	cursor int64
}

type result struct {
	seq  int64
	rows string
}

// mailbox is what a mailbox is, seen from outside: a list that grows at one end,
// and of which a cursor takes away the other.
type mailbox struct {
	accepted []string
	acked    int64
}

var mailboxModel = porcupine.Model{
	Init: func() any { return mailbox{} },
	Step: func(state, in, out any) (bool, any) {
		s, c, r := state.(mailbox), in.(call), out.(result)
		if !c.poll {
			if at := slices.Index(s.accepted, c.send); at >= 0 {
				return r.seq == int64(at+1), s // the same id again is the first one
			}
			s.accepted = append(slices.Clone(s.accepted), c.send)
			return r.seq == int64(len(s.accepted)), s
		}
		s.acked = max(s.acked, c.cursor)
		return r.rows == strings.Join(s.accepted[s.acked:], " "), s
	},
	Equal: func(a, b any) bool {
		x, y := a.(mailbox), b.(mailbox)
		return x.acked == y.acked && slices.Equal(x.accepted, y.accepted)
	},
}

// Linearizable has senders at once, some with the same ids, and a poll that
// acknowledges, and checks that what each was told is what one mailbox would
// have told them, one after the other.
func Linearizable(t *testing.T, d *delivery.Delivery) {
	ctx, id := context.Background(), uuid.NewString()
	reg, err := d.Registry.Register(ctx, registry.Registration{ID: id, Mode: workspace.Poll, From: "10.0.0.1"}, d.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var history []porcupine.Operation
	start := time.Now()
	note := func(client int, c call, do func() (result, error)) {
		began := time.Since(start).Nanoseconds()
		r, err := do()
		ended := time.Since(start).Nanoseconds()
		if err != nil {
			t.Error(err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		history = append(history, porcupine.Operation{ClientId: client, Input: c, Call: began, Output: r, Return: ended})
	}
	var wg sync.WaitGroup
	for sender := range 3 {
		wg.Go(func() {
			for i := range 5 {
				mid := fmt.Sprintf("m%d", (sender+i)%7) // some of them are sent by two
				note(sender, call{send: mid}, func() (result, error) {
					out, err := d.Enqueue(ctx, chat.Message{ID: mid, Workspace: id, Priority: chat.Task, Body: chat.TextBody(mid, mid)}, d.Clock.Now())
					return result{seq: out.Message.Seq}, err
				})
			}
		})
	}
	wg.Go(func() {
		var seq int64
		for range 8 {
			cursor := ""
			if seq > 0 {
				cursor = delivery.Cursor{Seq: seq, Epoch: reg.Facts.Epoch}.ID(id)
			}
			note(3, call{poll: true, cursor: seq}, func() (result, error) {
				out, err := d.Poll(ctx, delivery.PollRequest{Workspace: id, Credential: reg.AuthToken, From: "10.0.0.1", Cursor: cursor, Limit: 40}, d.Clock.Now())
				var rows []string
				for _, m := range out.Messages {
					rows = append(rows, m.ID)
					seq = m.Seq
				}
				return result{rows: strings.Join(rows, " ")}, err
			})
		}
	})
	wg.Wait()
	if !porcupine.CheckOperations(mailboxModel, history) {
		t.Errorf("this history is no mailbox's:")
		for _, op := range history {
			t.Logf("%d..%d client %d %+v -> %+v", op.Call, op.Return, op.ClientId, op.Input, op.Output)
		}
	}
}
