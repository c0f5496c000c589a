package scenario

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/rollcall/rollcall/shared/client"
)

// copyStories are about two agents that call under one id, and about one that only
// seems to be two.
var copyStories = []story{
	{"an agent that moved to another address", moved},
	{"two copies at two addresses", copiesAtTwoAddresses},
	{"two copies on one machine", copiesOnOneMachine},
	{"two copies that register in turn", copiesRegisterInTurn},
	{"two supervised pollers that supersede each other", pollersSupersedeEachOther},
	{"two hosts whose polls tell their epochs, and whose heartbeats don't, fight for a while", hostsFight},
}

func moved(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	must(a.registerAccepted(ctx, "", idleURL()))
	must(a.heartbeatAccepted(ctx))
	recorder := a.recordVerdicts(ctx)
	a.from = "127.0.0.2"
	a.startHeartbeats(ctx)
	must(a.keepsVerdict(ctx, healthy, leaseTTL))
	must(recorder.recorded(healthy))
}

func copiesAtTwoAddresses(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	must(a.registerAccepted(ctx, "", idleURL()))
	b := a.clone()
	b.from = "127.0.0.3"
	defer b.leave()
	must(a.heartbeatAccepted(ctx))
	recorder := a.recordVerdicts(ctx)
	must(a.keepsVerdict(ctx, healthy, 2*time.Second))
	a.startHeartbeats(ctx)
	wait(ctx, heartbeatEvery/2)
	b.startHeartbeats(ctx)
	v := mustGet(a.awaitVerdict(ctx, duplicateHost))
	must(checkAdvice(v, "stop_one", "two agents call under this id"))
	must(checkAdvice(v, "stop_one", a.from))
	must(checkAdvice(v, "stop_one", b.from))
	must(a.keepsVerdict(ctx, duplicateHost, 2*leaseTTL))
	b.stopCalls()
	must(a.awaitAskedToRegister(ctx))
	must(a.registerAccepted(ctx, "", idleURL()))
	if r := mustGet(a.heartbeat(ctx)); r.Text("action") != "" {
		must(fmt.Errorf("asked to %s right after its register", r.Text("action")))
	}
	mustGet(a.awaitVerdict(ctx, healthy))
	must(recorder.recorded(healthy, duplicateHost, healthy))
}

// awaitAskedToRegister waits until a heartbeat is answered with the action register.
func (a *agent) awaitAskedToRegister(ctx context.Context) error {
	return client.Until(ctx, patience, func() error {
		r, err := a.heartbeat(ctx)
		if err == nil && r.Text("action") != "register" {
			err = fmt.Errorf("its heartbeats are answered %s", r.Raw)
		}
		return err
	})
}

func copiesOnOneMachine(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	must(a.registerAccepted(ctx, "", idleURL()))
	b := a.clone()
	defer b.leave()
	start := time.Now()
	uptime := func(before time.Duration) map[string]any {
		return map[string]any{
			"active_tasks": 0, "uptime_seconds": int(before.Seconds()) + int(time.Since(start).Seconds()),
		}
	}
	for {
		a.setReport(uptime(time.Hour))
		b.setReport(uptime(time.Minute))
		mustGet(a.heartbeat(ctx))
		mustGet(b.heartbeat(ctx))
		if verdictOf(mustGet(a.view(ctx))) == duplicateHost {
			break
		}
		if time.Since(start) > patience {
			must(errors.New("the two copies were never noticed"))
		}
	}
	a.startHeartbeats(ctx)
	a.setReport(uptime(time.Hour))
	mustGet(a.awaitVerdict(ctx, healthy))
}

func copiesRegisterInTurn(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	for start := time.Now(); ; {
		for _, url := range []string{idleURL() + "/one", idleURL() + "/two"} {
			must(a.registerAccepted(ctx, "", url))
		}
		if verdictOf(mustGet(a.view(ctx))) == duplicateHost {
			break
		}
		if time.Since(start) > patience {
			must(errors.New("the two copies were never noticed"))
		}
	}
}

// twoPollers are an agent and a copy of it, which have booted one after the other.
func twoPollers(ctx context.Context, a *agent) (first, second *epochPoller) {
	first = &epochPoller{agent: a}
	must(first.boot(ctx))
	second = &epochPoller{agent: a.clone()} // with the credential that it was given
	must(second.boot(ctx))
	return first, second
}

// pollersSupersedeEachOther: two pollers at one address register again each time that they are superseded. They are
// told as long as both run; one stops, and all is well.
func pollersSupersedeEachOther(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	first, second := twoPollers(ctx, a)
	defer second.leave()
	recorder := a.recordVerdicts(ctx)
	a.startCalls(ctx, first.turn)
	wait(ctx, heartbeatEvery/2)
	second.startCalls(ctx, second.turn)
	v := mustGet(a.awaitVerdict(ctx, duplicateHost))
	must(checkAdvice(v, "stop_one", "two agents call under this id"))
	must(a.keepsVerdict(ctx, duplicateHost, 2*leaseTTL))
	second.stopCalls()
	mustGet(a.awaitVerdict(ctx, healthy))
	must(recorder.recorded(healthy, duplicateHost, healthy))
}

// hostsFight: the polls of two hosts tell their epochs. Neither reads that it was superseded, and each does what its
// heartbeats, which tell no epoch, are answered. For eight leases both are told, and neither is asked to register. The
// one that registered last stops, and the other is asked then. A machine on which one of them calls more seldom than
// agents are asked to shows nothing.
func hostsFight(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	first, second := twoPollers(ctx, a)
	defer second.leave()
	recorder := a.recordVerdicts(ctx)
	a.startCalls(ctx, first.fight)
	second.startCalls(ctx, second.fight)
	mustGet(a.awaitVerdict(ctx, duplicateHost))
	wait(ctx, 8*leaseTTL)
	second.stopCalls()
	asked, tooSlow := first.asked.Load()+second.asked.Load(), max(first.gap.Load(), second.gap.Load()) > int64(leaseTTL/3)
	mustGet(a.awaitVerdict(ctx, healthy))
	err := recorder.recorded(healthy, duplicateHost, healthy)
	switch {
	case tooSlow:
	case asked > 0:
		must(errors.Join(fmt.Errorf("they were asked to register %d times while both called", asked), err))
	case first.asked.Load() != 1:
		must(fmt.Errorf("the one that goes on was asked to register %d times", first.asked.Load()))
	default:
		must(err)
	}
}

// fight polls and sends heartbeats. It registers when the answer to one asks for it.
func (e *epochPoller) fight(ctx context.Context) {
	for last := time.Now(); wait(ctx, heartbeatEvery/4); last = time.Now() {
		_, _ = e.call(ctx, "GET", "/workspaces/"+e.id+"/activity?type=a2a_receive&epoch="+e.epoch, nil)
		r, err := e.heartbeat(ctx)
		if err == nil && r.Text("action") == "register" {
			e.asked.Add(1)
			_ = e.boot(ctx)
		}
		e.gap.Store(max(e.gap.Load(), int64(time.Since(last))))
	}
}

// epochPoller is an agent that polls with its epoch.
type epochPoller struct {
	*agent
	epoch string
	asked atomic.Int64 // how often a heartbeat was answered that it is to register
	gap   atomic.Int64 // the longest time that a round of its calls took, in nanoseconds
}

func (e *epochPoller) boot(ctx context.Context) error {
	r, err := e.register(ctx, "poll", "")
	e.epoch = fmt.Sprint(r.Body["epoch"])
	return wantStatus(r, err, http.StatusOK)
}

// turn polls, and registers again if another one has registered since.
func (e *epochPoller) turn(ctx context.Context) {
	r, err := e.call(ctx, "GET", "/workspaces/"+e.id+"/activity?type=a2a_receive&epoch="+e.epoch, nil)
	if err == nil && r.Text("code") == "epoch_superseded" {
		_ = e.boot(ctx)
	}
}
