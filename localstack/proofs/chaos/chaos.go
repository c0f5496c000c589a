// Package chaos runs a bounded, seeded campaign on the built functions: agents and
// senders work while AWS calls fail, functions are killed, clocks are moved, and the
// sweeper runs twice or not at all for an hour. At the end every accepted message must
// have reached its one final state within a stated bound: a message that nobody
// cancelled or let expire has arrived, under one id.
package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rollcall/rollcall/localstack/proofs/faults"
	"github.com/rollcall/rollcall/shared/client"
)

// Config is a campaign.
type Config struct {
	client.Client
	Seed     uint64
	Faults   int
	Injector *faults.Injector
	// SetClock moves every function's clock by an offset from the true time.
	SetClock func(ctx context.Context, offset time.Duration) error
	// Sweep invokes the sweeper.
	Sweep func(ctx context.Context) error
	Out   io.Writer
}

// Settings make the platform's timeouts short, so that what heals with time heals soon.
func Settings() map[string]string {
	return map[string]string{
		"ROLLCALL_VISIBILITY": "6s", "ROLLCALL_PUSH_TIMEOUT": "3s", "ROLLCALL_DELIVERY_OBJECTIVE": "5s",
		"ROLLCALL_LEASE_TTL": "20s", "ROLLCALL_GRACE": "5s",
	}
}

// Bound is how long after the last fault all mail of live agents must be delivered, and
// its senders told: an attempt's visibility timeout, the longest backoff of four failed
// attempts (2+4+8+16 s), the pause of 2 min after a second callback that was cut off, and
// two sweeps, with room for a slow machine.
const Bound = 4 * time.Minute

// A campaign of allKillsFaults faults kills each function after each of the first
// killDepthStep writes of an invocation, and one of twice as many faults goes twice as
// deep. It fails if it left out a place that was reached oftenReached times; it waits
// lastKillsWithin for the last of them.
const (
	allKillsFaults  = 150
	killDepthStep   = 4
	oftenReached    = 5
	lastKillsWithin = time.Minute
)

const (
	turnEvery  = 700 * time.Millisecond // of an agent
	sweepEvery = 3 * time.Second        // of each of the two sweepers
)

type campaign struct {
	Config
	agents        []*agent
	callbacks     *callbacks
	neverKilled   []faults.Place // the places at which no function was killed
	sweepsStopped atomic.Bool
	agentsSilent  atomic.Bool
	// clockLock is held by a round that needs steady clocks, and by the phase that moves
	// them.
	clockLock chan struct{}
	mu        sync.Mutex
	sent      []*sentMessage
}

// Run runs the campaign. Its last line is the outcome in numbers. It returns an error
// if one of the last three is not 0.
func Run(ctx context.Context, cfg Config) error {
	c := &campaign{Config: cfg, callbacks: newCallbacks(), clockLock: make(chan struct{}, 1)}
	defer c.callbacks.server.Close()
	fmt.Fprintf(c.Out, "campaign SEED=%d FAULTS=%d\n", c.Seed, c.Faults)
	defer func() {
		for _, a := range c.agents {
			a.close()
		}
	}()
	if err := c.registerAgents(ctx); err != nil {
		return err
	}
	working, stop := context.WithCancel(ctx)
	workers := c.startWorkers(working)
	defer workers.Wait()
	defer stop()
	start := time.Now()
	if err := c.sendAndInject(ctx); err != nil {
		return err
	}
	fmt.Fprintf(c.Out, "%d faults in %.0f s:\n", c.Injector.Made(), time.Since(start).Seconds())
	for _, line := range c.Injector.Report() {
		fmt.Fprintln(c.Out, " ", line)
	}
	return errors.Join(c.settle(ctx), c.checkKills())
}

// registerAgents registers one agent of each kind.
func (c *campaign) registerAgents(ctx context.Context) error {
	for _, name := range []string{
		"pushed", "polled", twoSlots, "flips", "forgets", "polled-and-forgets", priorities, paused, large,
	} {
		a := newAgent(c.Client, name, c.Seed, !strings.HasPrefix(name, "polled") && name != large)
		c.agents = append(c.agents, a)
		a.changesMode = name == "flips"
		a.losesToken = strings.HasSuffix(name, "forgets")
		a.pollsRarely = name == large
		if name == twoSlots {
			a.slots = 2
			r, err := c.Do(ctx, "POST", "/workspaces", c.OperatorToken, map[string]any{
				"id": a.id, "max_concurrent_tasks": a.slots,
			})
			if err != nil {
				return err
			}
			a.token = r.Text("auth_token")
		}
		if err := a.register(ctx); err != nil {
			return err
		}
	}
	return nil
}

// startWorkers starts the agents and two sweepers, which work until the context ends.
func (c *campaign) startWorkers(ctx context.Context) *sync.WaitGroup {
	var workers sync.WaitGroup
	for _, a := range c.agents {
		workers.Go(func() {
			repeat(ctx, turnEvery, func() {
				if !c.agentsSilent.Load() {
					_ = a.turn(ctx) // the next turn tries again
				}
			})
		})
	}
	for _, sweep := range []func(){
		func() { _, _ = c.Do(ctx, "POST", "/sweep", c.OperatorToken, nil) }, // the next sweep comes soon
		func() { _ = c.Sweep(ctx) },
	} {
		workers.Go(func() {
			repeat(ctx, sweepEvery, func() {
				if !c.sweepsStopped.Load() {
					sweep()
				}
			})
		})
	}
	return &workers
}

// sendAndInject sends messages until the phases have made all faults.
func (c *campaign) sendAndInject(campaignCtx context.Context) error {
	untilFaultsMade, stop := context.WithCancel(campaignCtx)
	defer stop()
	g, ctx := errgroup.WithContext(untilFaultsMade)
	for n, a := range c.agents {
		g.Go(func() error { return c.sendTo(ctx, campaignCtx, a, rand.New(rand.NewPCG(c.Seed, uint64(n)))) })
		if a.name == paused {
			g.Go(func() error { return c.pauseRepeatedly(ctx, campaignCtx, a) })
		}
	}
	g.Go(func() error {
		defer stop()
		return c.playPhases(ctx)
	})
	return g.Wait()
}

// sendTo sends an agent its messages until ctx ends.
func (c *campaign) sendTo(ctx, campaignCtx context.Context, a *agent, random *rand.Rand) error {
	for i := range maxMessages(a) {
		if err := c.send(ctx, campaignCtx, c.compose(a, i, random)); err != nil {
			return ignoreEnd(ctx, err)
		}
		if !pause(ctx, time.Duration(200+random.IntN(600))*time.Millisecond) {
			return nil
		}
	}
	return nil
}

// repeat calls do at once and then at an interval, until the context ends.
func repeat(ctx context.Context, interval time.Duration, do func()) {
	for do(); pause(ctx, interval); {
		do()
	}
}

// pause reports whether the time passed before the context ended.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// ignoreEnd drops an error that the end of the context caused.
func ignoreEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
