package delivery_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/push"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/workspace"
)

// What the use cases allocate in the steady case of an agent that polls, with the store of the tests. A count is gated,
// and never a time. With Go 1.26.
func TestAllocationsOfTheUseCases(t *testing.T) {
	p := workspace.DefaultPolicy()
	p.Bootstrap = workspace.Open
	now := time.Now()
	store, clk := memory.NewStore(p), memory.Clock{Time: func() time.Time { return now }}
	d := &delivery.Delivery{
		Registry: &registry.Registry{
			Leases: store, Profiles: store, Owners: store, Enrolments: store, Fleets: store, Wakeups: &memory.Wakeups{},
			Guard: push.New(push.Private, push.Patience{Answer: time.Second}), Policy: p, Clock: clk,
			StatusLog: &statuslog.Log{Store: store, Announcer: &memory.Announcer{}, Policy: p, Clock: clk},
		},
		Ledger: store, Activity: store, Queues: memory.NewQueues(clk.Now), Policy: chat.DefaultPolicy(), Clock: clk,
	}
	id, credential := uuid.NewString(), ""
	body := chat.TextBody("1", "message")
	var seq int64
	steps := []struct {
		name string
		most uint64
		do   func(ctx context.Context, now time.Time) error
	}{
		{"register", 18, func(ctx context.Context, now time.Time) error {
			out, err := d.Registry.Register(ctx, registry.Registration{
				ID: id, Credential: credential, From: "127.0.0.1", Mode: workspace.Poll,
			}, now)
			if out.AuthToken != "" {
				credential = out.AuthToken
			}
			return err
		}},
		{"heartbeat", 8, func(ctx context.Context, now time.Time) error {
			_, err := d.Registry.Signal(ctx, id, credential, workspace.Signal{
				Kind: workspace.SignalHeartbeat, From: "127.0.0.1",
			}, now)
			return err
		}},
		{"enqueue", 92, func(ctx context.Context, now time.Time) error {
			_, err := d.Enqueue(ctx, chat.Message{
				Workspace: id, Method: "message/send", Priority: chat.Task, Body: body,
			}, now)
			return err
		}},
		{"poll", 34, func(ctx context.Context, now time.Time) error {
			out, err := d.Poll(ctx, delivery.PollRequest{
				Workspace: id, Credential: credential, From: "127.0.0.1", Limit: 20,
			}, now)
			if err == nil {
				seq = out.Messages[0].Seq
			}
			return err
		}},
		{"acknowledge", 33, func(ctx context.Context, now time.Time) error {
			_, err := d.Ack(ctx, delivery.AckRequest{
				Workspace: id, Credential: credential, From: "127.0.0.1", Seq: seq,
			}, now)
			return err
		}},
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const warm, rounds = 5, 100
	made := make([]uint64, len(steps))
	for round := range warm + rounds {
		for i, s := range steps {
			if i == 1 {
				now = now.Add(2 * p.ShortestBeat) // one that is not heard for as long starts in a loop
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := s.do(t.Context(), clk.Now())
			runtime.ReadMemStats(&after)
			if err != nil {
				t.Fatalf("%s: %v", s.name, err)
			}
			if round >= warm {
				made[i] += after.Mallocs - before.Mallocs
			}
		}
	}
	for i, s := range steps {
		got := made[i] / rounds
		t.Logf("%-11s %d allocations", s.name, got)
		if got > s.most {
			t.Errorf("%s makes %d allocations, more than %d", s.name, got, s.most)
		}
	}
}
