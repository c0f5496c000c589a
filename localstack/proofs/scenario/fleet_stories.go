package scenario

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
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
		if err := a.registerAccepted(ctx, "", idleURL()); err != nil {
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
		{"the fleet is swept in segments, each by a worker", f.sweptInSegments},
		{"twelve agents hang, and delay none but each other", f.manyHang},
		{"the whole fleet falls silent: the platform is suspected, for a while", f.allSilent},
		{"the sweeper is dead, and every status is still true", f.sweeperDead},
		{"nothing was heard during an outage, and then calls arrive again", f.outageEnds},
		{"every clock jumps five minutes ahead, and back", f.clockJumps},
		{"an agent that never gives back its task slots, ten minutes later", f.slotsLeak},
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

// manyHang: more agents hang than the slow lane has drains, and a burst of messages
// wakes each. The healthy one gets its mail at once, and the others are tried on.
func (f *fleet) manyHang(ctx context.Context, p Platform) {
	const hanging, each = 12, 3
	well := healthyAgent(ctx, p, pushed)
	defer well.close()
	id, _, err := well.send(ctx) // its chat queue is made now
	must(err)
	must(well.awaitMessage(ctx, id, "delivered"))
	recorder := well.recordVerdicts(ctx)
	var hung []*agent
	pushes := make([]atomic.Int64, hanging)
	for i := range hanging {
		a := newAgent(p.Client)
		defer a.close()
		hung = append(hung, a)
		must(a.registerAccepted(ctx, "", a.serve(func(_ http.ResponseWriter, r *http.Request) {
			pushes[i].Add(1)
			<-r.Context().Done()
		})))
		a.startHeartbeats(ctx)
		for range each {
			_, _, err := a.send(ctx)
			must(err)
		}
	}
	for range 10 {
		id, expected, err := well.send(ctx)
		must(err)
		if expected != "now" {
			must(fmt.Errorf("the healthy one's sender is told %s", expected))
		}
		must(within(ctx, deliveryObjective/2, func(ctx context.Context) error {
			r, err := well.receipt(ctx, id)
			if err == nil && r.Text("state") != "delivered" {
				err = fmt.Errorf("the healthy one's message: %s", r.Raw)
			}
			return err
		}))
	}
	for i := range hung { // each is tried on
		must(within(ctx, patience, func(context.Context) error {
			if n := pushes[i].Load(); n < 2 {
				return fmt.Errorf("the %dth was tried %d times", i, n)
			}
			return nil
		}))
	}
	must(recorder.recorded(healthy))
	for _, a := range hung {
		must(a.registerAccepted(ctx, "", a.serve(nil))) // a new boot, which is tried at once
	}
	for _, a := range hung {
		for _, id := range a.sent {
			must(a.awaitMessage(ctx, id, "delivered"))
		}
	}
}

func (f *fleet) oneAgentDies(ctx context.Context, p Platform) {
	wait(ctx, leaseTTL+grace) // the sweeps that failed with the store are over
	a := healthyAgent(ctx, p, withoutMail)
	recorder := a.recordVerdicts(ctx)
	a.close()
	mustGet(a.awaitVerdict(ctx, leaseExpired))
	must(recorder.recorded(healthy, leaseExpired))
}

// sweptInSegments: workers see an agent that dies, whichever segment it is in, and none is behind.
func (f *fleet) sweptInSegments(ctx context.Context, p Platform) {
	const segments, behind = 3, 15.0 // seconds
	r := mustGet(p.Do(ctx, "POST", "/sweep", p.OperatorToken, nil))
	all, _ := r.Body["seen"].(float64)
	must(p.SetSegment(ctx, max(1, int(all)/segments)))
	whole := sync.OnceFunc(func() { must(p.SetSegment(ctx, 0)) })
	defer whole()
	agents := make([]*agent, 2*segments)
	for i := range agents {
		agents[i] = healthyAgent(ctx, p, withoutMail)
		defer agents[i].close()
	}
	inTime := func(ctx context.Context) error {
		r, err := p.Do(ctx, "POST", "/sweep", p.OperatorToken, nil)
		n, _ := r.Body["segments"].(float64)
		lag, swept := r.Body["lag_seconds"].(float64)
		if err == nil && (n < segments || !swept || lag > behind) {
			err = fmt.Errorf("a sweep in segments: %s", r.Raw)
		}
		return err
	}
	must(within(ctx, patience, inTime))
	for _, a := range agents {
		a.stopCalls()
	}
	for _, a := range agents {
		must(a.awaitHistory(ctx, leaseExpired))
	}
	must(within(ctx, patience, inTime))
	r = mustGet(p.Do(ctx, "GET", "/healthz", "", nil))
	if r.Text("status") != "ok" {
		must(fmt.Errorf("swept in segments, the platform is %s", r.Raw))
	}
	whole()
}

func (f *fleet) allSilent(ctx context.Context, _ Platform) {
	recorders := make([]*verdictRecorder, len(f.agents))
	for i, a := range f.agents {
		recorders[i] = a.recordVerdicts(ctx)
	}
	f.stopCalls()
	must(f.awaitVerdict(ctx, platformSuspect))
	must(checkAdvice(mustGet(f.agents[0].view(ctx)), "wait", "check whether the platform works"))
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
	// The suspicion is short: do not wait for the sweep to end.
	go func() { _, _ = p.Do(ctx, "POST", "/sweep", p.OperatorToken, nil) }()
	must(checkEvidence(mustGet(a.awaitVerdict(ctx, platformSuspect)), "first sweep after it"))
	wait(ctx, grace/6) // a function that looked at the fleet before the sweep shows for so long what it knew
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

// slotsLeak: an agent goes on to say that it is at work, and takes nothing. That explains for ten minutes why its mail
// waits, and no longer: then the agent is at fault, and not the platform, which is asked to push nothing.
func (f *fleet) slotsLeak(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.close()
	a.setReport(map[string]any{"active_tasks": 1})
	mustGet(a.awaitVerdict(ctx, busy))
	id, expected, err := a.send(ctx)
	must(err)
	if expected != "when_idle" {
		must(fmt.Errorf("expected %s", expected))
	}
	must(a.keepsVerdict(ctx, busy, deliveryObjective+2*time.Second))
	must(p.SetClock(ctx, busyPatience+time.Minute))
	defer func() { must(p.SetClock(ctx, 0)) }()
	v := mustGet(a.awaitVerdict(ctx, backlogStalled))
	must(checkAdvice(v, "inspect", "1 of its 1 task slots are taken"))
	must(checkEvidence(v, "from then on each of its reports says that a task is active"))
	must(a.checkExplained(ctx, "at fault: the agent", "it has not given back its slots", "rollcall log "+a.id))
	must(a.keepsVerdict(ctx, backlogStalled, 2*leaseTTL)) // its heartbeats go on to say the same
	if got := a.receivedMail(); len(got) != 0 {
		must(fmt.Errorf("it says that it is at work, and was pushed %v", got))
	}
	a.setReport(map[string]any{"active_tasks": 0})
	must(a.awaitMessage(ctx, id, "delivered"))
	mustGet(a.awaitVerdict(ctx, healthy))
}
