package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/cost"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/dynamo"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// meter counts AWS calls and what DynamoDB says they consumed.
type meter struct {
	mu           sync.Mutex
	calls        int
	write, read  float64
	indexEntries float64
}

// install puts the meter into an SDK configuration.
func (m *meter) install(c *aws.Config) {
	c.APIOptions = append(c.APIOptions, func(s *middleware.Stack) error {
		return s.Initialize.Add(middleware.InitializeMiddlewareFunc("meter", m.handle), middleware.Before)
	})
}

// handle makes one call, asks it what it consumes and counts that.
func (m *meter) handle(
	ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
) (middleware.InitializeOutput, middleware.Metadata, error) {
	const all = types.ReturnConsumedCapacityIndexes
	switch p := in.Parameters.(type) {
	case *dynamodb.GetItemInput:
		p.ReturnConsumedCapacity = all
	case *dynamodb.UpdateItemInput:
		p.ReturnConsumedCapacity = all
	case *dynamodb.PutItemInput:
		p.ReturnConsumedCapacity = all
	case *dynamodb.QueryInput:
		p.ReturnConsumedCapacity = all
	case *dynamodb.BatchGetItemInput:
		p.ReturnConsumedCapacity = all
	case *dynamodb.TransactWriteItemsInput:
		p.ReturnConsumedCapacity = all
	}
	out, md, err := next.HandleInitialize(ctx, in)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls++
	switch r := out.Result.(type) {
	case *dynamodb.GetItemOutput:
		m.count(&m.read, r.ConsumedCapacity)
	case *dynamodb.UpdateItemOutput:
		m.count(&m.write, r.ConsumedCapacity)
	case *dynamodb.PutItemOutput:
		m.count(&m.write, r.ConsumedCapacity)
	case *dynamodb.QueryOutput:
		m.count(&m.read, r.ConsumedCapacity)
	case *dynamodb.BatchGetItemOutput:
		for _, c := range r.ConsumedCapacity {
			m.count(&m.read, &c)
		}
	case *dynamodb.TransactWriteItemsOutput:
		for _, c := range r.ConsumedCapacity {
			m.count(&m.write, &c)
		}
	}
	return out, md, err
}

func (m *meter) count(to *float64, c *types.ConsumedCapacity) {
	if c == nil {
		return
	}
	*to += aws.ToFloat64(c.CapacityUnits)
	for _, ix := range c.LocalSecondaryIndexes {
		if to == &m.write {
			m.indexEntries += aws.ToFloat64(ix.CapacityUnits)
		}
	}
}

// TestBudget holds every hot operation to its budget and prints what it cost.
// make bench shows the lines.
func TestBudget(t *testing.T) {
	var m meter
	env := wired(t, m.install)
	ctx, id := t.Context(), uuid.NewString()
	now := time.Now().UTC()
	busy, idle := 1, 0
	reg, err := env.Registry.Register(ctx, registry.Registration{ID: id, From: "127.0.0.1", Mode: workspace.Poll}, now)
	if err != nil {
		t.Fatal(err)
	}
	measure := func(name string, calls int, writes, indexEntries float64, op func() error) {
		t.Helper()
		m.calls, m.write, m.read, m.indexEntries = 0, 0, 0, 0
		if err := op(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, w, r, ix := m.calls, m.write, m.read, m.indexEntries
		f, err := env.Registry.Leases.Get(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		size := dynamo.LeaseSize(f)
		fmt.Printf("%-28s calls=%d wru=%.1f rru=%.1f index_entries=%.0f item_bytes=%d\n", name, got, w, r, ix, size)
		if got > calls || w > writes || ix > indexEntries {
			t.Errorf("%s is over its budget of %d calls, %.1f write units, %.0f index entries",
				name, calls, writes, indexEntries)
		}
		if size > 400 {
			t.Errorf("%s: the lease has %d bytes, more than 400", name, size)
		}
	}
	beat := func(active *int) func() error {
		return func() error {
			_, err := env.Registry.Signal(ctx, id, reg.AuthToken, workspace.Signal{
				Kind: workspace.SignalHeartbeat, From: "127.0.0.1", ActiveTasks: active,
			}, now)
			return err
		}
	}
	send := func() error {
		_, err := env.Delivery.Enqueue(ctx, chat.Message{
			Workspace: id, Method: "message/send", Priority: chat.Task, Body: chat.TextBody("1", "hello"),
		}, now)
		return err
	}
	var cursor string
	fetch := func() error {
		out, err := env.Delivery.Poll(ctx, delivery.PollRequest{
			Workspace: id, Credential: reg.AuthToken, From: "127.0.0.1", Limit: 100, Cursor: cursor,
		}, now)
		if n := len(out.Messages); n > 0 {
			cursor = delivery.CursorOf(out.Messages[n-1]).ID(workspace.Life{Workspace: id})
		}
		return err
	}
	register := func() error {
		_, err := env.Registry.Register(ctx, registry.Registration{
			ID: id, Credential: reg.AuthToken, From: "127.0.0.1", URL: "http://127.0.0.1:1/",
		}, now)
		return err
	}
	measure("first heartbeat", 3, 5, 0, beat(&idle)) // makes the issued credential the one in use, with an audit line
	measure("heartbeat", cost.Heartbeat.Calls, cost.Heartbeat.Write, 0, beat(&idle))
	// A verdict that a heartbeat changes is noted by a second write.
	measure("heartbeat that turns busy", cost.Heartbeat.Calls+1, cost.Heartbeat.Write+1, 0, beat(&busy))
	measure("heartbeat still busy", cost.Heartbeat.Calls, cost.Heartbeat.Write, 0, beat(&busy))
	measure("heartbeat that turns idle", cost.Heartbeat.Calls+1, cost.Heartbeat.Write+1, 0, beat(&idle))
	measure("poll empty", cost.EmptyPoll.Calls, cost.EmptyPoll.Write, 0, fetch)
	// A count and a put, of one unit each and one for each of two indexes: no transaction, which costs twice as much.
	measure("enqueue (poll target)", cost.Enqueue.Calls, cost.Enqueue.Write, 2, send)
	measure("enqueue warm (poll target)", cost.Enqueue.Calls, cost.Enqueue.Write, 2, send)
	measure("poll with two messages", 4, 20, 4, fetch)
	measure("poll that acknowledges two", 4, 20, 4, fetch)
	measure("poll empty, with cursor", cost.EmptyPoll.Calls, cost.EmptyPoll.Write, 0, fetch)
	measure("register", 3, 4, 0, register) // it reads the profile, for the secret that signs
	measure("enqueue (push target, wakes the drain)", 3, 4, 2, send)
	measure("heartbeat with mail (wakes the drain)", 2, 1, 0, func() error {
		f, err := env.Registry.Signal(ctx, id, reg.AuthToken, workspace.Signal{
			Kind: workspace.SignalHeartbeat, From: "127.0.0.1", ActiveTasks: &idle,
		}, now)
		env.Registry.WakeIfDeliverable(ctx, f, "heartbeat", now)
		return err
	})
	measure("register with mail (wakes the drain)", 4, 6, 0, register)
}
