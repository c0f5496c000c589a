package chaos

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// phase is a part of the campaign. begin prepares it, and then a share of the faults is
// made.
type phase struct {
	what  string
	share float64
	begin func(*campaign, context.Context) error
}

// The phases that end in a way of their own.
const (
	missingKills   = "functions are killed only after the writes after which they never were"
	failEveryTenth = "every tenth call is done, and answered with an error"
)

var phases = []phase{
	{"calls fail and functions are killed", 0.3, func(*campaign, context.Context) error { return nil }},
	{"nothing sweeps", 0.1, (*campaign).stopSweeps},
	{"an hour has passed, every lease has expired, and nothing has swept", 0.1, (*campaign).passOneHour},
	{"sweepers sweep again", 0.1, (*campaign).resumeSweeps},
	{"every clock jumps five minutes ahead", 0.1, (*campaign).jumpAhead},
	{"every clock jumps back", 0.1, (*campaign).jumpBack},
	{missingKills, 0.1, (*campaign).onlyMissingKills},
	{failEveryTenth, 0.2, (*campaign).onlyEveryTenth},
}

// playPhases plays the phases one after the other until all faults are made.
func (c *campaign) playPhases(ctx context.Context) error {
	start := time.Now()
	for _, p := range phases {
		if p.what == missingKills && c.killDepth() == 0 {
			continue
		}
		fmt.Fprintf(c.Out, "  after %d faults and %.0f s: %s\n", c.Injector.Made(), time.Since(start).Seconds(), p.what)
		if err := p.begin(c, ctx); err != nil {
			return ignoreEnd(ctx, err)
		}
		faults := int(p.share * float64(c.Faults))
		if p.what == failEveryTenth {
			faults = c.Faults - c.Injector.Made() // with those that earlier phases did not make
		}
		c.Injector.Arm(faults)
		if !c.awaitFaults(ctx, p) {
			return nil
		}
	}
	c.Injector.FailEveryTenth(false)
	return nil
}

// awaitFaults waits until the phase made its faults. It reports false if the context
// ended.
func (c *campaign) awaitFaults(ctx context.Context, p phase) bool {
	for start := time.Now(); c.Injector.Remaining() > 0; {
		if !pause(ctx, 50*time.Millisecond) {
			return false
		}
		if p.what != missingKills {
			continue
		}
		c.neverKilled = c.Injector.NeverKilledAfter(c.killDepth(), oftenReached)
		if len(c.neverKilled) == 0 || time.Since(start) > lastKillsWithin {
			return true
		}
	}
	return true
}

func (c *campaign) stopSweeps(context.Context) error {
	c.sweepsStopped.Store(true)
	c.Injector.FailFunction("rollcall-sweeper") // its schedule goes on
	return nil
}

const (
	hour = time.Hour
	jump = 5 * time.Minute
)

func (c *campaign) passOneHour(ctx context.Context) error {
	c.agentsSilent.Store(true)
	defer c.agentsSilent.Store(false)
	if !c.lockClocks(ctx) {
		return ctx.Err()
	}
	defer c.unlockClocks()
	err := c.SetClock(ctx, hour)
	pause(ctx, 3*time.Second) // mail that is sent now finds no agent alive
	return err
}

func (c *campaign) resumeSweeps(context.Context) error {
	c.sweepsStopped.Store(false)
	c.Injector.FailFunction("")
	return nil
}

// jumpAhead keeps the clocks locked until jumpBack.
func (c *campaign) jumpAhead(ctx context.Context) error {
	if !c.lockClocks(ctx) {
		return ctx.Err()
	}
	return c.SetClock(ctx, hour+jump)
}

func (c *campaign) jumpBack(ctx context.Context) error {
	defer c.unlockClocks()
	return c.SetClock(ctx, hour)
}

func (c *campaign) onlyMissingKills(context.Context) error {
	c.Injector.OnlyKillAfter(c.killDepth())
	return nil
}

func (c *campaign) onlyEveryTenth(context.Context) error {
	c.Injector.OnlyKillAfter(0)
	c.Injector.FailEveryTenth(true)
	return nil
}

// killDepth is up to which write of an invocation every function must be killed.
func (c *campaign) killDepth() int { return killDepthStep * min(2, c.Faults/allKillsFaults) }

// checkKills is an error if the campaign was long enough to kill every function after
// each write, and did not.
func (c *campaign) checkKills() error {
	if c.killDepth() == 0 {
		return nil
	}
	if c.Injector.PlacesReached() == 0 {
		return errors.New("invocations could not be told apart: functions were not killed between their writes")
	}
	if len(c.neverKilled) > 0 {
		return fmt.Errorf("functions reached these writes of an invocation %d times and were never killed after them: %v",
			oftenReached, c.neverKilled)
	}
	return nil
}

// lockClocks reports whether it got the lock before the context ended.
func (c *campaign) lockClocks(ctx context.Context) bool {
	select {
	case c.clockLock <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c *campaign) unlockClocks() { <-c.clockLock }
