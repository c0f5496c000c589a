package dynamo

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// counting is a client that counts the calls of each kind.
type counting struct {
	API
	updates, puts, reads, transactions *atomic.Int64
}

func (c counting) UpdateItem(
	ctx context.Context, in *dynamodb.UpdateItemInput, o ...func(*dynamodb.Options),
) (*dynamodb.UpdateItemOutput, error) {
	c.updates.Add(1)
	return c.API.UpdateItem(ctx, in, o...)
}

func (c counting) PutItem(
	ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options),
) (*dynamodb.PutItemOutput, error) {
	c.puts.Add(1)
	return c.API.PutItem(ctx, in, o...)
}

func (c counting) GetItem(
	ctx context.Context, in *dynamodb.GetItemInput, o ...func(*dynamodb.Options),
) (*dynamodb.GetItemOutput, error) {
	c.reads.Add(1)
	return c.API.GetItem(ctx, in, o...)
}

func (c counting) TransactWriteItems(
	ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options),
) (*dynamodb.TransactWriteItemsOutput, error) {
	c.transactions.Add(1)
	return c.API.TransactWriteItems(ctx, in, o...)
}

// Fifty senders at once are accepted in one count and one put each, and nothing else.
func TestFiftySendersAtOnceDoNotRace(t *testing.T) {
	s := newStore(t)
	now := time.Now().UTC()
	f := workspace.Facts{Identity: workspace.Identity{ID: "w", Version: 1, CreatedAt: now}}
	f.LeaseUntil, f.PolledAt = now.Add(time.Hour), now
	if err := s.Save(t.Context(), workspace.Facts{}, f, registry.SaveExtras{}); err != nil {
		t.Fatal(err)
	}
	calls := counting{s.DB, new(atomic.Int64), new(atomic.Int64), new(atomic.Int64), new(atomic.Int64)}
	s.DB = calls
	d := &delivery.Delivery{
		Registry: &registry.Registry{Leases: s, Policy: s.Policy, Clock: s.Clock, Wakeups: &memory.Wakeups{}},
		Ledger:   s, Policy: chat.DefaultPolicy(), Clock: s.Clock,
	}
	const senders = 50
	seqs, errs := make([]int64, senders), make([]error, senders)
	var all sync.WaitGroup
	for i := range senders {
		all.Go(func() {
			out, err := d.Enqueue(t.Context(), chat.Message{
				ID: fmt.Sprint("m", i), Workspace: "w", Source: fmt.Sprint("s", i), Priority: chat.Task,
				Body: chat.TextBody("m", "done"),
			}, now)
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
	others := calls.reads.Load() + calls.transactions.Load()
	if calls.updates.Load() != senders || calls.puts.Load() != senders || others > 0 {
		t.Errorf("%d counts, %d puts, %d reads, %d transactions", calls.updates.Load(), calls.puts.Load(),
			calls.reads.Load(), calls.transactions.Load())
	}
	got, err := s.Get(t.Context(), "w")
	if err != nil || got.Open != senders || got.Accepted != senders || got.Unused != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}
