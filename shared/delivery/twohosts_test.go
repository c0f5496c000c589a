package delivery_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// pairHost is one of the hosts that call under one id.
type pairHost struct {
	*world.World
	name, from, url string
	epoch           int64
	booted          time.Time
	// inPolls, inBeats and inAcks are which calls tell its epoch; uptime is that its heartbeats tell since when it runs.
	inPolls, inBeats, inAcks, uptime bool
	polls                            bool
	obeys                            bool // it registers when it is told that it was superseded
	pollEvery, beatEvery, bootEvery  time.Duration
	nextPoll, nextBeat, nextBoot     time.Time
	random                           *rand.Rand
	log                              *[]string
	advised                          []string // the answers that asked it to register
}

func (h *pairHost) note(format string, args ...any) {
	at := h.Now.Format("15:04:05 ")
	*h.log = append(*h.log, at+h.name+" "+fmt.Sprintf(format, args...))
}

func (h *pairHost) boot(why string) {
	mode := workspace.Push
	if h.url == "" {
		mode = workspace.Poll
	}
	h.epoch = h.Register(registry.Registration{Mode: mode, URL: h.url, From: h.from}).Facts.Epoch
	h.note("registers (%s): epoch %d", why, h.epoch)
}

func (h *pairHost) told(in bool) int64 {
	if in {
		return h.epoch
	}
	return 0
}

// poll polls, and acknowledges what it got.
func (h *pairHost) poll() {
	_, err := h.Poll(h.T.Context(), delivery.PollRequest{
		Workspace: world.ID, Credential: h.Token, From: h.from, Limit: 100, Epoch: h.told(h.inPolls),
	}, h.Now)
	if err == nil && h.inAcks {
		_, err = h.Ack(h.T.Context(), delivery.AckRequest{
			Workspace: world.ID, Credential: h.Token, From: h.from, Epoch: h.told(h.inAcks),
		}, h.Now)
	}
	h.note("polls: %v", err)
	e, refused := errors.AsType[*fault.Error](err)
	switch {
	case refused && e.Action == fault.ActionRegister:
		h.advised = append(h.advised, "poll at "+h.Now.Format("15:04:05"))
		h.boot("the poll asks for it")
	case fault.CodeOf(err) == fault.EpochSuperseded:
		if h.obeys {
			h.boot("superseded")
		}
	default:
		h.NoError(err)
	}
}

// beat sends a heartbeat, and does what its answer asks.
func (h *pairHost) beat() {
	s := workspace.Signal{Kind: workspace.SignalHeartbeat, From: h.from}
	switch {
	case h.inBeats:
		s.Instance = workspace.OfEpoch(h.epoch)
	case h.uptime:
		s.Instance = workspace.BootedAt(h.booted)
	}
	f, err := h.Registry.Signal(h.T.Context(), world.ID, h.Token, s, h.Now)
	h.NoError(err)
	h.note("beats")
	if f.MustRegister(s.Instance, h.Registry.Policy, h.Now) {
		h.advised = append(h.advised, "heartbeat at "+h.Now.Format("15:04:05"))
		h.boot("the heartbeat asks for it")
	}
}

// after is in about how long it does a thing again: as agents do, at most as late as it is asked to.
func (h *pairHost) after(most time.Duration) time.Duration {
	return most - time.Duration(h.random.Int64N(int64(most)/2))
}

// act does what is due.
func (h *pairHost) act() {
	if h.bootEvery > 0 && !h.Now.Before(h.nextBoot) {
		h.booted = h.Now
		h.boot("starts")
		h.nextBoot = h.Now.Add(h.after(h.bootEvery))
	}
	if h.polls && !h.Now.Before(h.nextPoll) {
		h.poll()
		h.nextPoll = h.Now.Add(h.after(h.pollEvery))
	}
	if !h.Now.Before(h.nextBeat) {
		h.beat()
		h.nextBeat = h.Now.Add(h.after(h.beatEvery))
	}
}

// pair is two hosts of one id, and what the status said.
type pair struct {
	*world.World
	hosts   []*pairHost
	log     []string
	changes []string // from duplicate_host to another, or back
	was     bool
}

func (p *pair) run(d time.Duration, alive ...*pairHost) {
	for end := p.Now.Add(d); p.Now.Before(end); p.Now = p.Now.Add(time.Second) {
		for _, h := range alive {
			h.act()
		}
		v := p.Verdict()
		if is := v.Reason == workspace.ReasonDuplicateHost; is != p.was {
			p.was = is
			p.changes = append(p.changes, p.Now.Format("15:04:05 ")+string(v.Reason))
			p.log = append(p.log, p.changes[len(p.changes)-1]+fmt.Sprintf(" %+v", p.Facts().Copies))
		}
	}
}

// tellings are how a host can tell which it is.
var tellings = map[string]func(h *pairHost){
	"epoch in polls":      func(h *pairHost) { h.polls, h.inPolls = true, true },
	"epoch in heartbeats": func(h *pairHost) { h.inBeats = true },
	"epoch in both":       func(h *pairHost) { h.polls, h.inPolls, h.inBeats = true, true, true },
	"uptime":              func(h *pairHost) { h.uptime = true },
	"address":             func(h *pairHost) { h.from = "10.0.0." + h.name },
}

func newPair(t *testing.T, draw *rapid.T) *pair {
	w := world.New(t, workspace.Poll, "")
	p := &pair{World: w}
	random := rand.New(rand.NewPCG(rapid.Uint64().Draw(draw, "seed"), 0))
	byEpoch := []string{"epoch in polls", "epoch in heartbeats", "epoch in both"}
	way := rapid.SampledFrom(append(byEpoch, "uptime", "address")).Draw(draw, "told by")
	for i := range 2 {
		if i == 1 && strings.HasPrefix(way, "epoch") {
			way = rapid.SampledFrom(byEpoch).Draw(draw, "the other is told by")
		}
		h := &pairHost{
			World: w, name: fmt.Sprint(i + 1), from: world.Home, log: &p.log, random: random,
			booted: w.Now.Add(time.Duration(i-2) * time.Hour),
		}
		tellings[way](h)
		h.polls = h.polls || rapid.Bool().Draw(draw, "polls")
		if !h.polls {
			h.url = "http://10.0.0.1:900" + h.name + "/"
		}
		h.inAcks = rapid.Bool().Draw(draw, "epoch in acknowledgements")
		h.obeys = rapid.Bool().Draw(draw, "registers when superseded")
		seconds := func(from, to int, what string) time.Duration {
			return time.Duration(rapid.IntRange(from, to).Draw(draw, what)) * time.Second
		}
		h.pollEvery, h.beatEvery = seconds(2, 30, "polls each"), seconds(5, 30, "beats each")
		if (way != "uptime" || i == 0) && rapid.Bool().Draw(draw, "starts again and again") {
			h.bootEvery = seconds(100, 400, "starts each")
		}
		h.nextPoll, h.nextBeat = w.Now.Add(seconds(0, 30, "first poll")), w.Now.Add(seconds(0, 30, "first beat"))
		h.nextBoot = w.Now.Add(h.bootEvery)
		p.hosts = append(p.hosts, h)
	}
	for _, h := range p.hosts {
		h.boot("starts")
	}
	return p
}

// Two hosts that call under one id are told without a break, once they were told, whatever calls of theirs tell their
// epochs, and whenever they register; and no answer asks one to take the place of the other. It ends when one stops.
func TestTwoHostsAreToldWithoutABreak(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := newPair(t, rt)
		policy := p.Registry.Policy
		p.run(10*time.Minute, p.hosts...)
		for _, h := range p.hosts {
			if len(h.advised) > 0 {
				rt.Fatalf("host %s is asked to register: %v\n%s", h.name, h.advised, strings.Join(p.log, "\n"))
			}
		}
		if len(p.changes) > 1 {
			rt.Fatalf("changes %v\n%s", p.changes, strings.Join(p.log, "\n"))
		}
		survivor := p.hosts[rapid.IntRange(0, 1).Draw(rt, "goes on")]
		survivor.bootEvery = 0
		p.log = p.log[max(0, len(p.log)-40):]
		p.run(2*policy.LeaseTTL, survivor)
		if p.was || len(p.changes) > 2 {
			rt.Fatalf("%s alone: %v\n%s", survivor.name, p.changes, strings.Join(p.log, "\n"))
		}
		p.run(5*time.Minute, survivor)
		if p.was || len(p.changes) > 2 {
			rt.Fatalf("%s alone: %v\n%s", survivor.name, p.changes, strings.Join(p.log, "\n"))
		}
	})
}

// The fight that was seen: for 40 minutes, the polls of two hosts tell their epochs, and their heartbeats don't. They
// do what the answers to their heartbeats ask.
func TestAFightOfFortyMinutesIsOneChange(t *testing.T) {
	for _, obeys := range []bool{false, true} {
		p := &pair{World: world.New(t, workspace.Poll, "")}
		random := rand.New(rand.NewPCG(1, 0))
		for i := range 2 {
			h := &pairHost{
				World: p.World, name: fmt.Sprint(i + 1), from: world.Home, log: &p.log, random: random, polls: true, inPolls: true,
				obeys: obeys, pollEvery: 5 * time.Second, beatEvery: 15 * time.Second,
			}
			h.nextPoll, h.nextBeat = p.Now.Add(time.Duration(2*i)*time.Second), p.Now.Add(time.Duration(7*i)*time.Second)
			h.boot("starts")
			p.hosts = append(p.hosts, h)
		}
		p.run(40*time.Minute, p.hosts...)
		asked := len(p.hosts[0].advised) + len(p.hosts[1].advised)
		if len(p.changes) != 1 || asked > 0 {
			t.Errorf("registers when superseded: %t; they are asked to register %d times, and the changes are %v", obeys, asked,
				p.changes)
		}
		v := p.Verdict()
		if strings.Contains(v.Hint, "several addresses") || !strings.Contains(v.Hint, "both from "+world.Home) {
			t.Errorf("of two at one address: %s", v.Hint)
		}
	}
}

// A host that is started anew, while its former run still calls for a while, is told as two for a lease after the last
// call of the former run at the longest. Where its polls alone tell the epoch, and that run ends within half a lease,
// it is not told at all.
func TestARestartIsNotToldForLong(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := newPair(t, rt)
		policy := p.Registry.Policy
		lease, former, next := policy.LeaseTTL, p.hosts[0], p.hosts[1]
		if former.polls != next.polls { // the two runs are of one program
			return
		}
		next.inPolls, next.inBeats, next.uptime, next.from = former.inPolls, former.inBeats, former.uptime, former.from
		next.url, next.obeys, former.obeys, next.bootEvery, former.bootEvery = former.url, false, false, 0, 0
		former.boot("starts")
		p.run(4*time.Minute, former)
		next.booted = p.Now
		next.boot("starts")
		p.was, p.changes = p.Verdict().Reason == workspace.ReasonDuplicateHost, nil
		both := time.Duration(rapid.IntRange(0, 120).Draw(rt, "both run")) * time.Second
		p.run(both, p.hosts...)
		if byPolls := next.inPolls && !next.inBeats && !next.uptime; byPolls && both < lease/2 && p.was {
			rt.Fatalf("told after %s\n%s", both, strings.Join(p.log, "\n"))
		}
		p.run(lease+max(next.beatEvery, next.pollEvery), next)
		if p.was {
			rt.Fatalf("still told\n%s", strings.Join(p.log, "\n"))
		}
		p.run(5*time.Minute, next)
		if p.was || len(p.changes) > 2 {
			rt.Fatalf("told again: %v\n%s", p.changes, strings.Join(p.log, "\n"))
		}
	})
}
