// Package chaos is a bounded, seeded campaign over the built functions: agents
// and senders at work while calls are spoiled, functions killed, clocks moved and
// the sweeper doubled or deafened. At its end everything that was accepted must
// have arrived, under one id, within a stated bound.
package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rollcall/rollcall/localstack/faults"
	"github.com/rollcall/rollcall/shared/client"
)

// Config is a campaign.
type Config struct {
	client.Local
	Seed     uint64
	Faults   int
	Injector *faults.Injector
	// Clock moves every function's clock by an offset from the true time.
	Clock func(ctx context.Context, offset time.Duration) error
	Out   io.Writer
}

// Settings make timeouts short, so that what time mends is mended soon.
func Settings() map[string]string {
	return map[string]string{
		"ROLLCALL_VISIBILITY": "6s", "ROLLCALL_PUSH_TIMEOUT": "3s", "ROLLCALL_DELIVERY_OBJECTIVE": "5s", "ROLLCALL_LEASE_TTL": "20s", "ROLLCALL_GRACE": "5s",
	}
}

// Bound is how long after the last fault all mail of live agents must be
// delivered: an attempt's visibility timeout, the longest backoff of four failed
// attempts (2+4+8+16 s), and two sweeps, with room for a slow machine.
const Bound = 2 * time.Minute

// perAgent bounds the messages to one agent.
const perAgent = 400

type sent struct{ workspace, id, text string }

type campaign struct {
	Config
	agents []*agent
	mu     sync.Mutex
	sent   []sent
}

// Run plays the campaign. Its last line is the outcome in numbers; the error says
// that one of the last three isn't 0.
func Run(ctx context.Context, cfg Config) error {
	c := &campaign{Config: cfg}
	fmt.Fprintf(c.Out, "campaign SEED=%d FAULTS=%d\n", c.Seed, c.Faults)
	for i, name := range []string{"pushed", "polled", "pushed-two-slots", "flips", "forgets", "polled-and-forgets"} {
		a := newAgent(c.Local, name, c.Seed, name != "polled" && name != "polled-and-forgets")
		a.flips, a.forgets = name == "flips", i >= 4
		defer a.close()
		if name == "pushed-two-slots" {
			a.slots = 2
			r, err := c.Do(ctx, "POST", "/workspaces", c.OperatorToken, map[string]any{"id": a.id, "max_concurrent_tasks": a.slots})
			if err != nil {
				return err
			}
			a.token = r.Text("auth_token")
		}
		if err := a.register(ctx); err != nil {
			return err
		}
		c.agents = append(c.agents, a)
	}
	start := time.Now()
	if err := c.work(ctx); err != nil {
		return err
	}
	fmt.Fprintf(c.Out, "%d faults in %.0f s:\n", c.Injector.Made(), time.Since(start).Seconds())
	for _, line := range c.Injector.Report() {
		fmt.Fprintln(c.Out, " ", line)
	}
	return c.settle(ctx)
}

// work sends and delivers until the faults are used up.
func (c *campaign) work(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	g, gctx := errgroup.WithContext(ctx)
	for n, a := range c.agents {
		g.Go(func() error { return c.every(gctx, 700*time.Millisecond, func() { _ = a.turn(gctx) }) }) // it tries again
		g.Go(func() error {
			for i := 0; i < perAgent; i++ {
				if err := c.send(gctx, a, i); err != nil {
					return ignoreEnd(gctx, err)
				}
				rng := rand.New(rand.NewPCG(c.Seed, uint64(n*perAgent+i)))
				if !pause(gctx, time.Duration(100+rng.IntN(500))*time.Millisecond) {
					return nil
				}
			}
			return nil
		})
	}
	// Two sweepers at once, which now and then can't reach anything.
	for range 2 {
		g.Go(func() error {
			return c.every(gctx, 1500*time.Millisecond, func() { _, _ = c.Do(gctx, "POST", "/sweep", c.OperatorToken, nil) })
		})
	}
	g.Go(func() error {
		defer stop()
		return c.script(gctx)
	})
	return g.Wait()
}

// script plays the phases: each sets something up, then makes its share of the
// faults.
func (c *campaign) script(ctx context.Context) error {
	never := func() error { return nil }
	for _, phase := range []struct {
		what   string
		share  float64
		before func() error
	}{
		{"calls are spoiled and functions killed", 0.3, never},
		{"the sweeper is deaf", 0.1, func() error { c.Injector.Deafen("rollcall-sweeper"); return nil }},
		{"the sweeper hears again", 0.1, func() error { c.Injector.Deafen(""); return nil }},
		{"every clock jumps five minutes ahead", 0.1, func() error { return c.Clock(ctx, 5*time.Minute) }},
		{"every clock jumps back", 0.1, func() error { return c.Clock(ctx, 0) }},
		{"every tenth call is done, and answered with an error", 0.3, func() error { c.Injector.Tenth(true); return nil }},
	} {
		fmt.Fprintf(c.Out, "  after %d faults: %s\n", c.Injector.Made(), phase.what)
		if err := phase.before(); err != nil {
			return ignoreEnd(ctx, err)
		}
		due := int(phase.share * float64(c.Faults))
		if strings.HasPrefix(phase.what, "every tenth") {
			due = c.Faults - c.Injector.Made() // and what rounding left
		}
		c.Injector.Arm(due)
		for c.Injector.Left() > 0 {
			if !pause(ctx, 50*time.Millisecond) {
				return nil
			}
		}
	}
	c.Injector.Tenth(false)
	return nil
}

// send goes on with the same id until it is accepted, as a careful sender does.
func (c *campaign) send(ctx context.Context, a *agent, i int) error {
	m := sent{a.id, fmt.Sprintf("%s-%d", a.id, i), fmt.Sprintf("text %d for %s", i, a.id)}
	for {
		r, err := c.Do(ctx, "POST", "/workspaces/"+m.workspace+"/a2a", "", client.Message(m.id, m.text))
		if err == nil && accepted(r) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.sent = append(c.sent, m)
			return nil
		}
		if !pause(ctx, 300*time.Millisecond) {
			return ctx.Err()
		}
	}
}

// settle waits, faults off, until nothing waits, and counts.
func (c *campaign) settle(ctx context.Context) error {
	c.Injector.Arm(0)
	for _, a := range c.agents {
		a.mu.Lock()
		a.well = true
		a.mu.Unlock()
	}
	start := time.Now()
	var open []string
	redriven, settled := 0, map[string]bool{}
	err := client.Until(ctx, Bound, func() error {
		for _, a := range c.agents {
			if err := a.turn(ctx); err != nil {
				return err
			}
		}
		if r, err := c.Do(ctx, "POST", "/sweep", c.OperatorToken, nil); err != nil || r.Status != 200 || r.Text("broken") != "" || r.Text("errors") != "" {
			return fmt.Errorf("sweep: %s %v", r.Raw, err)
		}
		open = nil
		for _, a := range c.agents { // one whose sender never got its answer is in no list, and counts all the same
			v, err := c.Do(ctx, "GET", "/workspaces/"+a.id, "", nil)
			if err != nil {
				return err
			}
			if v.Text("messages", "accepted") != v.Text("messages", "delivered") {
				open = append(open, fmt.Sprintf("%s has %v", a.id, v.Body["messages"]))
			}
		}
		for _, m := range c.sent {
			if settled[m.id] {
				continue
			}
			r, err := c.Do(ctx, "GET", "/workspaces/"+m.workspace+"/messages/"+m.id, c.OperatorToken, nil)
			if err != nil {
				return err
			}
			switch r.Text("state") {
			case "delivered":
				settled[m.id] = true
			case "dead": // five deliverers were killed at it, one after the other: an operator puts it back
				redriven++
				if _, err := c.Do(ctx, "POST", "/workspaces/"+m.workspace+"/messages/"+m.id+"/redrive", c.OperatorToken, nil); err != nil {
					return err
				}
				open = append(open, m.id+" was dead")
			default:
				open = append(open, fmt.Sprintf("%s is %s (%s)", m.id, r.Text("state"), r.Text("reason")))
			}
		}
		if len(open) > 0 {
			return fmt.Errorf("%d are open: %v", len(open), open[:min(3, len(open))])
		}
		return nil
	})
	if err != nil && len(open) == 0 {
		return err // it can't even be asked
	}
	fmt.Fprintf(c.Out, "settled %.0f s after the last fault; %d had used up their attempts and were redriven\n", time.Since(start).Seconds(), redriven)
	return errors.Join(c.count(ctx, len(open), err), ctx.Err())
}

// count compares what was accepted with what arrived and with the ledger.
func (c *campaign) count(ctx context.Context, stuck int, why error) error {
	lost, duplicated, delivered, disordered := 0, 0, 0, 0
	byID := map[string]*agent{}
	for _, a := range c.agents {
		byID[a.id] = a
		duplicated += len(a.got.twice)
		if a.slots == 1 { // two tasks at a time may overtake each other
			disordered += a.got.disordered()
		}
		v, err := c.Do(ctx, "GET", "/workspaces/"+a.id, "", nil)
		if err != nil {
			return err
		}
		again := 0
		for _, n := range a.got.times {
			again += n - 1
		}
		fmt.Fprintf(c.Out, "  %-20s accepted %s, delivered %s, took %d, %d of them again; %s (%s)\n", a.name, v.Text("messages", "accepted"), v.Text("messages", "delivered"), len(a.got.order), again, v.Text("status"), v.Text("reason"))
	}
	for _, m := range c.sent {
		if byID[m.workspace].got.has(m.id) {
			delivered++
		} else {
			lost++
			fmt.Fprintf(c.Out, "  never arrived: %s\n", m.id)
		}
	}
	lost = max(0, lost-stuck) // what is stuck is not lost yet
	fmt.Fprintf(c.Out, "  out of order: %d\n", disordered)
	if lost+duplicated+stuck+disordered > 0 || why != nil {
		fmt.Fprintf(c.Out, "play it again: make chaos SEED=%d FAULTS=%d\n", c.Seed, c.Faults)
		why = errors.Join(errors.New("the campaign was not survived"), why)
	}
	fmt.Fprintf(c.Out, "faults=%d accepted=%d delivered=%d lost=%d duplicated=%d stuck=%d\n", c.Injector.Made(), len(c.sent), delivered, lost, duplicated, stuck)
	return why
}

// disordered counts messages that came, for the first time, before one that was
// sent earlier. One that used up its attempts and was redriven comes late by
// rights; such are few and the campaign says how many were.
func (r *received) disordered() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, last := 0, -1
	for _, id := range r.order {
		var seq int
		if _, err := fmt.Sscanf(id[lastDash(id)+1:], "%d", &seq); err != nil {
			continue
		}
		if seq < last {
			n++
		}
		last = max(last, seq)
	}
	return n
}

func lastDash(s string) int {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == '-' {
			return i
		}
	}
	return -1
}

func (c *campaign) every(ctx context.Context, d time.Duration, do func()) error {
	for {
		do()
		if !pause(ctx, d) {
			return nil
		}
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

func ignoreEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
