// Package chaos is a bounded, seeded campaign over the built functions: agents
// and senders at work while calls are spoiled, functions killed, clocks moved and
// the sweeper doubled or stopped for an hour. At its end everything that was
// accepted must have come to its one end, within a stated bound: what nobody
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
	client.Local
	Seed     uint64
	Faults   int
	Injector *faults.Injector
	// Clock moves every function's clock by an offset from the true time.
	Clock func(ctx context.Context, offset time.Duration) error
	// Sweep runs the sweeper's function.
	Sweep func(ctx context.Context) error
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

// FullMatrix is how many faults a campaign needs to kill each function after each
// of the first matrixDepth writes of an invocation, and with twice as many twice
// as deep; it then fails when one that was seen matrixSeen times was left out. It
// waits matrixFor for the last.
const (
	FullMatrix  = 150
	matrixDepth = 4
	matrixSeen  = 5
	matrixFor   = time.Minute
)

type campaign struct {
	Config
	agents    []*agent
	callbacks *callbacks
	spared    []faults.Write // what the kills left out
	quiet     atomic.Bool    // nothing sweeps
	still     atomic.Bool    // no agent says anything
	// steady is held by who needs clocks to go on evenly, and by who moves them.
	steady chan struct{}
	mu     sync.Mutex
	sent   []*sent
}

// Run plays the campaign. Its last line is the outcome in numbers; the error says
// that one of the last three isn't 0.
func Run(ctx context.Context, cfg Config) error {
	c := &campaign{Config: cfg, callbacks: newCallbacks(), steady: make(chan struct{}, 1)}
	defer c.callbacks.server.Close()
	fmt.Fprintf(c.Out, "campaign SEED=%d FAULTS=%d\n", c.Seed, c.Faults)
	for _, name := range []string{"pushed", "polled", "pushed-two-slots", "flips", "forgets", "polled-and-forgets", priorities, paused, large} {
		a := newAgent(c.Local, name, c.Seed, !strings.HasPrefix(name, "polled") && name != large)
		a.flips, a.forgets, a.rarely = name == "flips", strings.HasSuffix(name, "forgets"), name == large
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
	living, die := context.WithCancel(ctx)
	life := c.live(living)
	defer life.Wait()
	defer die()
	start := time.Now()
	if err := c.work(ctx); err != nil {
		return err
	}
	fmt.Fprintf(c.Out, "%d faults in %.0f s:\n", c.Injector.Made(), time.Since(start).Seconds())
	for _, line := range c.Injector.Report() {
		fmt.Fprintln(c.Out, " ", line)
	}
	return errors.Join(c.settle(ctx), c.matrix())
}

// depth is up to which write of an invocation every function must be killed.
func (c *campaign) depth() int { return matrixDepth * min(2, c.Faults/FullMatrix) }

// matrix is the error of a campaign long enough to kill every function after each
// write, and that didn't.
func (c *campaign) matrix() error {
	if c.depth() == 0 {
		return nil
	}
	if c.Injector.Writes() == 0 {
		return errors.New("no invocation could be told from another: functions were not killed between their writes")
	}
	if len(c.spared) > 0 {
		return fmt.Errorf("functions came to these writes of an invocation %d times and were never killed after them: %v", matrixSeen, c.spared)
	}
	return nil
}

// work sends and delivers until the faults are used up.
func (c *campaign) work(ctx context.Context) error {
	whole := ctx
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	g, gctx := errgroup.WithContext(ctx)
	for n, a := range c.agents {
		g.Go(func() error {
			rng := rand.New(rand.NewPCG(c.Seed, uint64(n)))
			for i := range perAgent(a) {
				if err := c.send(gctx, whole, a, c.compose(a, i, rng)); err != nil {
					return ignoreEnd(gctx, err)
				}
				if !pause(gctx, time.Duration(200+rng.IntN(600))*time.Millisecond) {
					return nil
				}
			}
			return nil
		})
		if a.name == paused {
			g.Go(func() error { return c.pauses(gctx, whole, a) })
		}
	}
	g.Go(func() error {
		defer stop()
		return c.script(gctx)
	})
	return g.Wait()
}

// live has the agents call, and two sweepers sweep at once, until the context ends.
func (c *campaign) live(ctx context.Context) *sync.WaitGroup {
	var g sync.WaitGroup
	for _, a := range c.agents {
		g.Go(func() {
			c.every(ctx, 700*time.Millisecond, func() {
				if !c.still.Load() {
					_ = a.turn(ctx) // it tries again
				}
			})
		})
	}
	for _, sweep := range []func(){
		func() { _, _ = c.Do(ctx, "POST", "/sweep", c.OperatorToken, nil) }, // the next one is soon
		func() { _ = c.Sweep(ctx) },
	} {
		g.Go(func() {
			c.every(ctx, 3*time.Second, func() {
				if !c.quiet.Load() {
					sweep()
				}
			})
		})
	}
	return &g
}

// script plays the phases: each sets something up, then makes its share of the
// faults.
func (c *campaign) script(ctx context.Context) error {
	const hour, jump = time.Hour, 5 * time.Minute
	start := time.Now()
	for _, phase := range []struct {
		what   string
		share  float64
		before func() error
	}{
		{"calls are spoiled and functions killed", 0.3, func() error { return nil }},
		{"nothing sweeps", 0.1, func() error {
			c.quiet.Store(true)
			c.Injector.Deafen("rollcall-sweeper") // its schedule goes on
			return nil
		}},
		{"an hour has passed, every lease has lapsed, and nothing has swept", 0.1, func() error {
			c.still.Store(true)
			defer c.still.Store(false)
			if !c.hold(ctx) {
				return ctx.Err()
			}
			defer c.release()
			err := c.Clock(ctx, hour)
			pause(ctx, 3*time.Second) // mail that comes now finds nobody alive
			return err
		}},
		{"sweepers sweep again", 0.1, func() error {
			c.quiet.Store(false)
			c.Injector.Deafen("")
			return nil
		}},
		{"every clock jumps five minutes ahead", 0.1, func() error {
			if !c.hold(ctx) {
				return ctx.Err()
			}
			return c.Clock(ctx, hour+jump)
		}},
		{"every clock jumps back", 0.1, func() error {
			defer c.release()
			return c.Clock(ctx, hour)
		}},
		{kills, 0.1, func() error { c.Injector.Only(c.depth()); return nil }},
		{tenth, 0.2, func() error { c.Injector.Only(0); c.Injector.Tenth(true); return nil }},
	} {
		if phase.what == kills && c.depth() == 0 {
			continue
		}
		fmt.Fprintf(c.Out, "  after %d faults and %.0f s: %s\n", c.Injector.Made(), time.Since(start).Seconds(), phase.what)
		if err := phase.before(); err != nil {
			return ignoreEnd(ctx, err)
		}
		due := int(phase.share * float64(c.Faults))
		if phase.what == tenth {
			due = c.Faults - c.Injector.Made() // and what was left
		}
		c.Injector.Arm(due)
		for began := time.Now(); c.Injector.Left() > 0; {
			if !pause(ctx, 50*time.Millisecond) {
				return nil
			}
			if phase.what != kills {
				continue
			}
			if c.spared = c.Injector.Spared(c.depth(), matrixSeen); len(c.spared) == 0 || time.Since(began) > matrixFor {
				break
			}
		}
	}
	c.Injector.Tenth(false)
	return nil
}

// The phases that end in their own way.
const (
	kills = "functions are killed after the writes after which they never were"
	tenth = "every tenth call is done, and answered with an error"
)

func (c *campaign) hold(ctx context.Context) bool {
	select {
	case c.steady <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c *campaign) release() { <-c.steady }

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
		var unsettled []string
		var again int
		var err error
		open, again, err = c.waiting(ctx)
		redriven += again
		if err != nil {
			return err
		}
		for _, m := range c.sent {
			if settled[m.id] || len(open) > 0 && time.Since(start) < Bound*9/10 {
				continue // one by one only when all seem to be there, or time runs out
			}
			r, err := c.Do(ctx, "GET", m.path(), c.OperatorToken, nil)
			if err != nil {
				return err
			}
			why := c.unsettled(m, r)
			if settled[m.id] = why == ""; why != "" {
				unsettled = append(unsettled, why)
			}
		}
		if len(unsettled) > 0 {
			open = unsettled // the same mail, told more closely
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

// waiting are the workspaces with mail that has come to no end. A message whose
// sender never got its answer is in no list, and counts all the same. Dead mail,
// at which five deliverers were killed one after the other, it puts back as an
// operator does.
func (c *campaign) waiting(ctx context.Context) (open []string, redriven int, err error) {
	for _, a := range c.agents {
		v, err := c.Do(ctx, "GET", "/workspaces/"+a.id, "", nil)
		if err != nil {
			return nil, redriven, err
		}
		for _, state := range []string{"queued", "in_flight", "dead"} {
			if n := v.Text("messages", state); n != "0" {
				open = append(open, fmt.Sprintf("%s has %s %s", a.id, n, state))
			}
		}
		if v.Text("messages", "dead") == "0" {
			continue
		}
		r, err := c.Do(ctx, "POST", "/workspaces/"+a.id+"/redrive", c.OperatorToken, nil)
		if err != nil {
			return nil, redriven, err
		}
		back, _ := r.Body["messages"].([]any)
		redriven += len(back)
	}
	return open, redriven, nil
}

// unsettled says what a message's receipt lacks; "" when it came to its end.
func (c *campaign) unsettled(m *sent, r client.Reply) string {
	switch state := r.Text("state"); {
	case state != m.end:
		return fmt.Sprintf("%s is %s (%s), not %s", m.id, state, r.Text("reason"), m.end)
	case r.Text("reason") == "":
		return m.id + " doesn't say why it is " + state
	case m.callback && !c.callbacks.told(m.id, state):
		return "nobody was told of the end of " + m.id
	}
	return ""
}

// count compares what was accepted with what arrived and with the ledger.
func (c *campaign) count(ctx context.Context, stuck int, why error) error {
	lost, duplicated, delivered, disordered, late := 0, 0, 0, 0, 0
	byID := map[string]*agent{}
	for _, a := range c.agents {
		byID[a.id] = a
		duplicated += len(a.got.twice)
		if a.slots == 1 { // two tasks at a time may overtake each other
			disordered += a.got.disordered(c.priorities(a))
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
		if stuck > 0 {
			fmt.Fprintf(c.Out, "    it polls: %t; %v, %v, beat %s\n", a.polls, v.Body["delivery"], v.Body["inbox"], v.Text("last_heartbeat_at"))
		}
	}
	ends := map[string]int{}
	for _, m := range c.sent {
		got := byID[m.workspace].got
		switch {
		case m.end != "delivered":
			ends[m.end]++
			if m.end == "cancelled" && !m.flying && got.after(m.id, m.cancelled) || m.end == "expired" && got.has(*m) {
				late++
				fmt.Fprintf(c.Out, "  taken although %s: %s\n", m.end, m.id)
			}
		case got.has(*m):
			delivered++
		default:
			lost++
			fmt.Fprintf(c.Out, "  never arrived: %s\n", m.id)
		}
	}
	lost = max(0, lost-stuck) // what is stuck is not lost yet
	fmt.Fprintf(c.Out, "  out of order: %d\n", disordered)
	due := len(c.sent) - ends["cancelled"] - ends["expired"]
	fmt.Fprintf(c.Out, "  %d were accepted: %d to arrive, and on purpose %d to be cancelled and %d to expire; of these taken all the same: %d; %d callbacks told\n", len(c.sent), due, ends["cancelled"], ends["expired"], late, c.callbacks.count())
	if lost+duplicated+stuck+disordered+late > 0 || why != nil {
		fmt.Fprintf(c.Out, "play it again: make chaos SEED=%d FAULTS=%d\n", c.Seed, c.Faults)
		why = errors.Join(errors.New("the campaign was not survived"), why)
	}
	fmt.Fprintf(c.Out, "faults=%d accepted=%d delivered=%d lost=%d duplicated=%d stuck=%d\n", c.Injector.Made(), due, delivered, lost, duplicated, stuck)
	return why
}

// disordered counts messages that came, for the first time, before one of the
// same priority that was sent earlier. One that used up its attempts and was
// redriven comes late by rights; such are few and the campaign says how many were.
func (r *received) disordered(priority map[string]int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, last := 0, map[int]int{}
	for _, id := range r.order {
		var seq int
		if _, err := fmt.Sscanf(id[lastDash(id)+1:], "%d", &seq); err != nil {
			continue
		}
		if p := priority[id]; seq < last[p] {
			n++
		} else {
			last[p] = seq
		}
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

func (c *campaign) every(ctx context.Context, d time.Duration, do func()) {
	for do(); pause(ctx, d); do() {
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
