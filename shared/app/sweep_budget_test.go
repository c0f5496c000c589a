package app

import (
	"fmt"
	"maps"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/dynamo"
	"github.com/rollcall/rollcall/shared/proof/emulatortest"
	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/proof/meter"
	"github.com/rollcall/rollcall/shared/sweep"
	"github.com/rollcall/rollcall/shared/workspace"
)

// What a sweep may use. A function that sweeps 2,000 workspaces or more reads at most 0.05 units for each, all in all.
const (
	sweepReadsEach       = 0.04 // read units a workspace
	sweepReadsFixed      = 20   // beside those, in each function: the fleet's state, and its sample
	sweepIdleWrites      = 3    // write units, however large the fleet is
	segmentIdleWrites    = 2    // of each segment beside those; 3 if it takes longer than 15 s
	changeWrites         = 5    // write units of a change of verdict that is recorded
	changesInTransaction = 25   // at least, of one after the other
)

// TestBudgetOfASweep holds a sweep to its budget by counts. Idle, what it reads grows with the fleet, and what it
// writes does not: neither by one function, nor by a worker for each of several segments. When all verdicts change, it
// records and announces each, many in a transaction. FLEET is how many agents there are.
func TestBudgetOfASweep(t *testing.T) {
	fleet := 100
	if text := os.Getenv("FLEET"); text != "" {
		var err error
		if fleet, err = strconv.Atoi(text); err != nil || fleet < 100 {
			t.Fatalf("FLEET must be a number from 100, not %q", text)
		}
	}
	b := newBench(t)
	if err := b.beat(0)(); err != nil {
		t.Fatal(err)
	}
	told := &memory.Announcer{}
	b.StatusLog.Announcer = told
	b.multiply(fleet)
	run := func(what string) (used meter.Counts, changes int) {
		b.meter.Reset()
		out, err := b.Sweeper.Sweep(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		used = b.meter.Reset()
		fmt.Printf("%-28s workspaces=%-6d calls=%-4d wru=%-6g rru=%-6g rru each=%.4f, changes=%d, wru each change=%.2f, "+
			"transactions=%d\n", what, out.Seen, used.Calls, used.Write, used.Read, used.Read/float64(out.Seen), out.Announced,
			used.Write/float64(max(out.Announced, 1)), used.Transactions)
		if out.Seen != fleet || len(out.Errors) > 0 {
			t.Errorf("the sweep saw %d of %d workspaces: %+v", out.Seen, fleet, out.Errors)
		}
		return used, out.Announced
	}
	run("sweep, the first")
	told.Take()
	idle, _ := run("sweep, idle")
	if idle.Write > sweepIdleWrites {
		t.Errorf("an idle sweep took %g write units: %d are the most", idle.Write, sweepIdleWrites)
	}
	if most := sweepReadsFixed + sweepReadsEach*float64(fleet); idle.Read > most {
		t.Errorf("an idle sweep took %g read units: %g are the most", idle.Read, most)
	}
	b.idleSegments(fleet)
	later := time.Hour
	b.Sweeper.Clock = memory.Clock{Time: func() time.Time { return time.Now().Add(later) }}
	if _, changes := run("sweep, the first in an hour"); changes != 0 { // the platform itself was away
		t.Errorf("%d changes were recorded after an outage", changes)
	}
	later += b.Registry.Policy.LeaseTTL + b.Registry.Policy.Grace
	used, changes := run("sweep, all leases are over")
	if n := len(told.Take()); changes != fleet || n != fleet {
		t.Errorf("%d changes of %d were recorded, and %d announced", changes, fleet, n)
	}
	if used.Write > float64(changes)*changeWrites+sweepIdleWrites {
		t.Errorf("%d changes of verdict took %g write units: %d each are the most", changes, used.Write, changeWrites)
	}
	if used.Transactions*changesInTransaction > changes {
		t.Errorf("%d changes took %d transactions: there are at least %d in each", changes, used.Transactions,
			changesInTransaction)
	}
}

// TestBudgetOfASweepOverManyMessages holds a sweep to a budget that does not grow with the messages that a mailbox
// keeps: 4,000 of 1 KB each, which a peer has sent and cancelled. In the minutes of an hour the mailbox is compared
// with all of them, a part in each sweep; what was counted wrong is mended in the end.
func TestBudgetOfASweepOverManyMessages(t *testing.T) {
	const messages, most = 4000, 2*256 + sweepReadsFixed
	b := newBench(t)
	if err := b.beat(0)(); err != nil {
		t.Fatal(err)
	}
	b.StatusLog.Announcer = &memory.Announcer{}
	b.cancelled(messages)
	seen, err := b.Registry.Leases.Get(t.Context(), b.id)
	if err != nil {
		t.Fatal(err)
	}
	spoilt := seen
	spoilt.Accepted, spoilt.Cancelled, spoilt.Dead = messages, messages-5, 5
	if err := b.Delivery.Ledger.CorrectCounters(t.Context(), seen, spoilt); err != nil {
		t.Fatal(err)
	}
	minutes, largest := 0, meter.Counts{}
	b.Sweeper.Clock = memory.Clock{Time: func() time.Time {
		return time.Now().Truncate(time.Hour).Add(time.Duration(60+minutes) * time.Minute)
	}}
	for ; minutes < 80; minutes++ {
		b.meter.Reset()
		out, err := b.Sweeper.Sweep(t.Context())
		if err != nil || len(out.Errors) > 0 {
			t.Fatal(out, err)
		}
		if used := b.meter.Reset(); used.Read > largest.Read {
			largest = used
		}
	}
	fmt.Printf("sweep over %d kept messages, the most: calls=%d wru=%g rru=%g\n", messages, largest.Calls, largest.Write,
		largest.Read)
	if largest.Read > most {
		t.Errorf("a sweep over one mailbox took %g read units: %d are the most", largest.Read, most)
	}
	f, err := b.Registry.Leases.Get(t.Context(), b.id)
	if err != nil || f.Cancelled != messages || f.Dead != 0 || !f.Conserved() {
		t.Errorf("%+v, %v", f.Counters, err)
	}
}

// cancelled stores messages of 1 KB that were cancelled an hour ago.
func (b *bench) cancelled(n int) {
	b.Helper()
	store := &dynamo.Store{ // without the meter, which would take its time
		DB: dynamodb.NewFromConfig(emulatortest.Config(b.T)), Chat: "chat-" + b.id, Retention: 7 * 24 * time.Hour,
	}
	var written errgroup.Group
	written.SetLimit(8)
	for i := range n {
		written.Go(func() error {
			_, err := store.Put(b.Context(), chat.Message{
				ID: fmt.Sprintf("m%06d", i), Workspace: b.id, Seq: int64(i) + 1, State: chat.Cancelled, Body: []byte(`{}`),
				Reason: strings.Repeat("x", 700), AcceptedAt: b.now.Add(-time.Hour), SettledAt: b.now.Add(-time.Hour),
				ExpiresAt: b.now, Method: "message/send", Version: 2,
			})
			return err
		})
	}
	if err := written.Wait(); err != nil {
		b.Fatal(err)
	}
}

// idleSegments holds a sweep of several segments to its budget.
func (b *bench) idleSegments(fleet int) {
	b.Helper()
	const segments = 4
	one := b.Sweeper.SegmentSize
	defer func() { b.Sweeper.SegmentSize = one }()
	b.Sweeper.SegmentSize = (fleet + segments - 1) / segments
	b.meter.Reset()
	began := b.Sweeper.Clock.Now()
	out, err := b.Sweeper.Sweep(b.Context())
	if err != nil || out.Segments != segments || out.Seen != 0 || len(out.Errors) > 0 {
		b.Fatalf("%+v, %v", out, err)
	}
	used, seen := b.meter.Reset(), 0
	for number := range segments {
		worker, err := New(b.Config, b.meter.Install, b.client) // a process of its own
		if err != nil {
			b.Fatal(err)
		}
		out, err := worker.Sweeper.SweepSegment(b.Context(), sweep.Task{
			Segment: workspace.Segment{Number: number, Of: segments}, Sweep: began,
		})
		if err != nil || len(out.Errors) > 0 {
			b.Fatalf("%+v, %v", out, err)
		}
		more := b.meter.Reset()
		seen += out.Seen
		used.Calls, used.Write, used.Read = used.Calls+more.Calls, used.Write+more.Write, used.Read+more.Read
	}
	fmt.Printf("%-28s workspaces=%-6d calls=%-4d wru=%-6g rru=%-6g rru each=%.4f, segments=%d\n",
		"sweep, idle, by segments", seen, used.Calls, used.Write, used.Read, used.Read/float64(seen), segments)
	if seen != fleet {
		b.Errorf("the workers saw %d of %d workspaces", seen, fleet)
	}
	if most := float64(sweepIdleWrites + segments*segmentIdleWrites); used.Write > most {
		b.Errorf("an idle sweep by %d segments took %g write units: %g are the most", segments, used.Write, most)
	}
	if most := sweepReadsFixed*(segments+1) + sweepReadsEach*float64(fleet); used.Read > most {
		b.Errorf("an idle sweep by %d segments took %g read units: %g are the most", segments, used.Read, most)
	}
}

// batch is the most that DynamoDB writes in one call.
const batch = 25

// multiply makes the bench's workspace a fleet, of copies of its lease.
func (b *bench) multiply(fleet int) {
	b.Helper()
	db := dynamodb.NewFromConfig(b.AWS)
	got, err := db.GetItem(b.Context(), &dynamodb.GetItemInput{
		TableName: &b.Config.LeasesTable, Key: map[string]types.AttributeValue{
			dynamo.LeaseKey: &types.AttributeValueMemberS{Value: b.id},
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	var puts []types.WriteRequest
	for i := 1; i < fleet; i++ {
		lease := maps.Clone(got.Item)
		lease[dynamo.LeaseKey] = &types.AttributeValueMemberS{Value: fmt.Sprint("copy-", i)}
		puts = append(puts, types.WriteRequest{PutRequest: &types.PutRequest{Item: lease}})
		if len(puts) < batch && i < fleet-1 {
			continue
		}
		out, err := db.BatchWriteItem(b.Context(), &dynamodb.BatchWriteItemInput{
			RequestItems: map[string][]types.WriteRequest{b.Config.LeasesTable: puts},
		})
		if err != nil || len(out.UnprocessedItems) > 0 {
			b.Fatalf("%v, %d not written", err, len(out.UnprocessedItems))
		}
		puts = nil
	}
}
