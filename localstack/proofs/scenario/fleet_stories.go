package scenario

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/client"
)

// fleet are agents that send heartbeats all the time, so that the one workspace of a
// story is not half of the fleet.
type fleet struct {
	agents     []*agent
	stopSweeps func()
}

const fleetSize = 12

func startFleet(ctx context.Context, p Platform) (*fleet, error) {
	f := &fleet{}
	for range fleetSize {
		a := newAgent(p.Client)
		f.agents = append(f.agents, a)
		if err := a.registerAccepted(ctx, "", unusedURL); err != nil {
			f.close()
			return nil, err
		}
		a.startHeartbeats(ctx)
	}
	return f, nil
}

func (f *fleet) close() {
	for _, a := range f.agents {
		a.close()
	}
}

// stopCalls silences all agents at the same time.
func (f *fleet) stopCalls() {
	var all sync.WaitGroup
	for _, a := range f.agents {
		all.Go(a.stopCalls)
	}
	all.Wait()
}

func (f *fleet) startHeartbeats(ctx context.Context) {
	for _, a := range f.agents {
		a.startHeartbeats(ctx)
	}
}

// awaitVerdict waits until every workspace of the fleet has a verdict.
func (f *fleet) awaitVerdict(ctx context.Context, verdict string) error {
	errs := make([]error, len(f.agents))
	var all sync.WaitGroup
	for i, a := range f.agents {
		all.Go(func() { _, errs[i] = a.awaitVerdict(ctx, verdict) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// stories concern every workspace, so they are played one after the other.
func (f *fleet) stories() []story {
	return []story{
		{"the store fails: 503, never a 401, and no status changes", f.storeFails},
		{"one agent dies in a fleet that lives", f.oneAgentDies},
		{"the whole fleet falls silent: the platform is suspected, for a while", f.allSilent},
		{"the sweeper is dead, and every status is still true", f.sweeperDead},
		{"nothing was heard during an outage, and then calls arrive again", f.outageEnds},
		{"every clock jumps five minutes ahead, and back", f.clockJumps},
	}
}

func (f *fleet) storeFails(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, withoutMail)
	defer a.close()
	p.SetStore(false)
	restore := sync.OnceFunc(func() { p.SetStore(true) })
	defer restore()
	for _, call := range []func() (client.Reply, error){
		func() (client.Reply, error) {
			return a.call(ctx, "POST", "/registry/heartbeat", map[string]any{"workspace_id": a.id})
		},
		func() (client.Reply, error) {
			return a.call(ctx, "POST", "/registry/register", map[string]any{"id": a.id, "url": ""})
		},
		func() (client.Reply, error) {
			return p.Do(ctx, "POST", "/workspaces/"+a.id+"/a2a", "", client.Message(uuid.NewString(), "x"))
		},
		func() (client.Reply, error) { return a.view(ctx) },
	} {
		r, err := call()
		must(wantProblem(r, err, 503, "platform_unavailable"))
		if r.Header.Get("Retry-After") == "" {
			must(fmt.Errorf("no Retry-After: %s", r.Raw))
		}
	}
	restore()
	mustGet(a.awaitVerdict(ctx, healthy))
}

func (f *fleet) oneAgentDies(ctx context.Context, p Platform) {
	wait(ctx, leaseTTL+grace) // the sweeps that failed with the store are over
	a := healthyAgent(ctx, p, withoutMail)
	recorder := a.recordVerdicts(ctx)
	a.close()
	mustGet(a.awaitVerdict(ctx, leaseExpired))
	must(recorder.recorded(healthy, leaseExpired))
}

func (f *fleet) allSilent(ctx context.Context, _ Platform) {
	recorders := make([]*verdictRecorder, len(f.agents))
	for i, a := range f.agents {
		recorders[i] = a.recordVerdicts(ctx)
	}
	f.stopCalls()
	must(f.awaitVerdict(ctx, platformSuspect))
	must(checkAdvice(mustGet(f.agents[0].view(ctx)), "wait", "see whether the platform works"))
	must(f.awaitVerdict(ctx, leaseExpired))
	f.startHeartbeats(ctx)
	must(f.awaitVerdict(ctx, healthy))
	for _, r := range recorders {
		must(r.recorded(healthy, platformSuspect, leaseExpired, healthy))
	}
}

func (f *fleet) sweeperDead(ctx context.Context, p Platform) {
	sweep := func() { mustGet(p.Do(ctx, "POST", "/sweep", p.OperatorToken, nil)) }
	sweep() // the last one sees a fleet that is healthy again
	f.stopSweeps()
	wait(ctx, outageAfter)
	a := healthyAgent(ctx, p, withoutMail)
	a.close()
	mustGet(a.awaitVerdict(ctx, leaseExpired)) // the others are heard, so it is the agent
	for _, other := range f.agents[:3] {
		must(other.keepsVerdict(ctx, healthy, time.Second))
	}
	recorder := a.recordVerdicts(ctx)
	sweep() // it comes back, and does not suspect the platform because of an agent that died meanwhile
	must(a.keepsVerdict(ctx, leaseExpired, leaseTTL))
	must(recorder.recorded(leaseExpired))
}

func (f *fleet) outageEnds(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, withoutMail)
	defer a.close()
	f.stopCalls()
	a.stopCalls()
	wait(ctx, outageAfter+leaseTTL+grace+suspectFor) // nothing is heard, and nothing sweeps
	// The sweep records a change for the whole fleet, and the suspicion is short: do not
	// wait for the sweep to end.
	go func() { _, _ = p.Do(ctx, "POST", "/sweep", p.OperatorToken, nil) }()
	must(checkEvidence(mustGet(a.awaitVerdict(ctx, platformSuspect)), "first sweep after it"))
	must(a.keepsVerdict(ctx, platformSuspect, 2*time.Second))
	a.startHeartbeats(ctx)
	mustGet(a.awaitVerdict(ctx, healthy))
	mustGet(f.agents[0].awaitVerdict(ctx, leaseExpired))
}

func (f *fleet) clockJumps(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, withoutMail)
	defer a.close()
	must(p.SetClock(ctx, 5*time.Minute))
	mustGet(a.awaitVerdict(ctx, healthy)) // after its next heartbeat
	must(p.SetClock(ctx, 0))
	wait(ctx, 2*heartbeatEvery)
	must(a.keepsVerdict(ctx, healthy, 3*time.Second))
}
