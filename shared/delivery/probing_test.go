package delivery_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// probeOnly reports whether a push is of a probe that no message stands behind.
func probeOnly(m chat.Message) bool { return m.Probe && m.Claim.Token == "" }

// somethingToProbe are the states of a workspace in which a drain pushes a probe that no message stands behind.
var somethingToProbe = map[string]func(*testing.T) *world.World{
	"its URL is new":          func(t *testing.T) *world.World { return world.New(t, workspace.Push, "http://agent/0") },
	"it hung, and mail waits": hung,
	"it hung, and no mail waits": func(t *testing.T) *world.World {
		w := hung(t)
		for _, id := range []string{"a", "b"} {
			_, err := w.Cancel(t.Context(), world.ID, id, "the test", w.Now)
			w.NoError(err)
		}
		return w
	},
}

// whileProbed are the steps of whoever is about while a probe is under way, by their names in order.
var whileProbed = []string{
	"heartbeat", "sweep", "a drain", "a slow drain", "woken drains", "mail", "a cancel", "another URL", "the same URL",
	"time",
}

// prober counts the pushes of a kind that are under way at a time, and takes the steps of a script meanwhile.
type prober struct {
	*world.World
	counts   func(chat.Message) bool
	script   [][]string // what happens while one such push after another is under way
	answers  []delivery.PushResult
	underWay int
	most     int
	sent     int
	url      int
}

func (p *prober) push(m chat.Message) (r delivery.PushResult) {
	if len(p.answers) > 0 {
		r, p.answers = p.answers[0], p.answers[1:]
	}
	if !p.counts(m) {
		return r
	}
	p.underWay++
	p.most = max(p.most, p.underWay)
	if len(p.script) > 0 {
		steps := p.script[0]
		p.script = p.script[1:]
		for _, step := range steps {
			p.step(step)
		}
	}
	p.underWay--
	return r
}

func (p *prober) step(name string) {
	switch name {
	case "heartbeat":
		p.Heartbeat(0)
	case "sweep":
		p.SweepOnce()
	case "a drain":
		p.drain(false)
	case "a slow drain":
		p.drain(true)
	case "woken drains":
		for _, up := range p.Wakeups.Take() {
			p.drain(up.Slow)
		}
	case "mail":
		p.sent++
		p.Send(fmt.Sprint("m", p.sent))
	case "a cancel":
		_, _ = p.Cancel(p.T.Context(), world.ID, fmt.Sprint("m", p.sent), "the test", p.Now) // where there is one
	case "another URL":
		p.url++
		p.boot(workspace.Push)
	case "the same URL":
		p.boot(workspace.Push)
	case "it polls":
		p.boot(workspace.Poll)
		p.PollAfter("")
	case "mail and another URL":
		p.step("mail")
		p.step("another URL")
	case "a cancel and mail":
		p.step("a cancel")
		p.step("mail")
	case "time":
		p.Now = p.Now.Add(time.Second)
	}
}

func (p *prober) boot(mode workspace.Mode) {
	p.Register(registry.Registration{Mode: mode, URL: fmt.Sprint("http://agent/", p.url)})
}

func (p *prober) drain(slow bool) {
	run := p.Drain
	if slow {
		run = p.DrainSlow
	}
	_, err := run(p.T.Context(), world.ID, "test")
	p.NoError(err)
}

// While a probe is under way that no message stands behind, no second one begins, whatever wakes drains of the
// workspace: so it holds one run of a lane. Its agent calls, sends itself mail and registers another URL as it likes.
func TestOneProbeIsUnderWayAtATime(t *testing.T) {
	answers := []delivery.PushResult{{}, hangs, nobodyListens, {Handover: delivery.Busy}, noQuota}
	for name, state := range somethingToProbe {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(r *rapid.T) {
				steps := rapid.SliceOfN(rapid.SampledFrom(whileProbed), 0, 14) // of a second each at the most
				p := &prober{
					World: state(t), counts: probeOnly,
					script:  rapid.SliceOfN(steps, 1, 6).Draw(r, "while each is under way"),
					answers: rapid.SliceOfN(rapid.SampledFrom(answers), 0, 12).Draw(r, "answers"),
				}
				p.Agent = p.push
				for _, step := range append([]string{"a drain", "a slow drain"}, steps.Draw(r, "then")...) {
					p.step(step)
				}
				if p.most != 1 {
					r.Fatalf("%d probes were under way at a time", p.most)
				}
			})
		})
	}
}

// holding is an agent that answers its first probe when it is told to.
type holding struct {
	begun  atomic.Int32
	answer chan struct{}
}

// Push implements delivery.Agents.
func (h *holding) Push(context.Context, delivery.Target, chat.Message) delivery.PushResult {
	if h.begun.Add(1) == 1 {
		<-h.answer
	}
	return delivery.PushResult{}
}

type profileStore = registry.Profiles

// meeting are the profiles, at which drains wait for each other.
type meeting struct {
	profileStore
	all sync.WaitGroup
}

// Profile implements registry.Profiles.
func (m *meeting) Profile(ctx context.Context, id string) (workspace.Profile, error) {
	m.all.Done()
	m.all.Wait()
	return m.profileStore.Profile(ctx, id)
}

// Of drains that find at the same moment that there is something to probe, one probes, and the others end at once.
func TestOfManyDrainsOneProbes(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	agent, profiles := &holding{answer: make(chan struct{})}, &meeting{profileStore: w.Store}
	w.Delivery.Agents, w.Registry.Profiles = agent, profiles
	const drains = 12
	profiles.all.Add(drains)
	ended := make(chan error, drains)
	for range drains {
		go func() {
			_, err := w.Drain(t.Context(), world.ID, "test")
			ended <- err
		}()
	}
	for range drains - 1 {
		w.NoError(<-ended)
	}
	if n := agent.begun.Load(); n > 1 {
		t.Errorf("%d drains have probed", n)
	}
	close(agent.answer)
	w.NoError(<-ended)
	if f := w.Facts(); f.URLNew || !f.ProbedAt.IsZero() || agent.begun.Load() != 1 {
		t.Fatalf("%d probes, and then %+v", agent.begun.Load(), f.Mailbox)
	}
}

// While its agent is probed, a workspace's calls wake no drain, unless for mail that needs no probe.
func TestNothingWakesADrainWhileItIsProbed(t *testing.T) {
	for name, state := range somethingToProbe {
		w := state(t)
		held := 0
		w.Agent = func(chat.Message) delivery.PushResult {
			if held++; held > 1 {
				return delivery.PushResult{}
			}
			w.Wakeups.Take()
			for range 10 {
				w.Now = w.Now.Add(time.Second)
				w.Heartbeat(0)
				w.SweepOnce()
				w.Register(registry.Registration{Mode: workspace.Push, URL: "http://agent/other"})
			}
			if got := w.Wakeups.Take(); len(got) > 0 {
				t.Errorf("%s: %+v", name, got)
			}
			w.Send("m")
			if got := w.Wakeups.Take(); (len(got) > 0) == w.Facts().Hung() {
				t.Errorf("%s: for mail, %+v", name, got)
			}
			return delivery.PushResult{}
		}
		w.DrainOnce()
		if wakeUps(w, time.Minute); held < 2 || w.Receipt("m").State != chat.Delivered {
			t.Errorf("%s: after %d pushes, the message is %s", name, held, w.Receipt("m").State)
		}
	}
}

// A probe holds no mail: what is sent to a URL that is new is pushed while the probe of it is under way.
func TestMailDoesNotWaitForTheProbeOfANewURL(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	w.Agent = func(m chat.Message) delivery.PushResult {
		if probeOnly(m) {
			w.Send("m1")
			w.DrainOnce()
			w.Want("while it is probed", w.Taken, "m1")
		}
		return delivery.PushResult{}
	}
	w.DrainOnce()
	if f := w.Facts(); f.Delivered != 1 || !f.ProbedAt.IsZero() {
		t.Fatalf("%+v", f.Mailbox)
	}
}

// What a probe of the former URL showed says nothing of the present one, which is tried as soon as that has ended.
func TestAURLThatIsNewWhileTheFormerIsProbedIsTriedNext(t *testing.T) {
	for name, answer := range map[string]delivery.PushResult{
		"the former one takes it": {}, "the former one hangs": hangs, "nobody listens at the former one": nobodyListens,
	} {
		w := world.New(t, workspace.Push, "http://agent/0")
		w.Agent = func(chat.Message) delivery.PushResult {
			if len(w.PushedURLs) > 1 {
				return delivery.PushResult{}
			}
			w.Now = w.Now.Add(10 * time.Second)
			w.Register(registry.Registration{Mode: workspace.Push, URL: "http://agent/1"})
			return answer
		}
		w.Wakeups.Take()
		w.DrainOnce()
		if f := w.Facts(); !f.URLNew || f.PushFailures > 0 || f.Probing(w.Registry.Policy, w.Now) {
			t.Errorf("%s: %+v", name, f.PushTrouble)
		}
		wakeUps(w, time.Second)
		w.Want(name, w.PushedURLs, "http://agent/0", "http://agent/1")
		if w.Facts().URLNew {
			t.Errorf("%s: the present URL was reached", name)
		}
	}
}

// A drain that dies while it probes keeps nobody from the next probe for longer than one may take, and a clock that
// jumped keeps nobody from it at all. What is noted of probes that are messages is as before after it.
func TestADeadProbeIsOverInTime(t *testing.T) {
	for name, state := range somethingToProbe {
		for ahead, held := range map[time.Duration]bool{0: true, 10 * time.Minute: false, 24 * time.Hour: false} {
			w := state(t)
			f, p := w.Facts(), w.Registry.Policy
			w.NoError(w.Store.WriteMessages(t.Context(), world.Life, nil, delivery.MailboxUpdate{
				Probe: &delivery.ProbeClaim{Seen: f.ProbedAt, Next: w.Now.Add(ahead + p.ProbePatience)},
			}))
			w.Agent = always(delivery.PushResult{})
			w.PushedURLs = nil
			w.DrainOnce()
			w.Now = w.Now.Add(p.ProbePatience - time.Second)
			w.DrainOnce()
			if (len(w.PushedURLs) == 0) != held {
				t.Errorf("%s, by a clock that is %s ahead: %d pushes meanwhile", name, ahead, len(w.PushedURLs))
			}
			w.Now = w.Now.Add(time.Second)
			w.Wakeups.Take()
			w.Heartbeat(0)
			wakeUps(w, time.Second)
			if f := w.Facts(); len(w.PushedURLs) == 0 || f.NeedsProbe(p, w.Now) || f.Open > 0 || f.Probing(p, w.Now) {
				t.Errorf("%s, by a clock that is %s ahead: %d pushes, then %+v", name, ahead, len(w.PushedURLs), f.Mailbox)
			}
		}
	}
	w := world.New(t, workspace.Push, "http://agent/")
	if _, err := w.Probe(t.Context(), world.ID, w.Now); err != nil {
		t.Fatal(err)
	}
	w.DrainOnce()
	w.Now = w.Now.Add(time.Minute)
	w.Register(registry.Registration{Mode: workspace.Push, URL: "http://agent/1"})
	before := w.Facts().ProbedAt
	if w.DrainOnce(); before.IsZero() || !w.Facts().ProbedAt.Equal(before) {
		t.Errorf("the last probe was accepted at %s, and then at %s", before, w.Facts().ProbedAt)
	}
}

// Mail that waits for a probe goes on when the drain has died that pushed it.
func TestMailGoesOnAfterADeadProbe(t *testing.T) {
	w := hung(t)
	until := w.Now.Add(w.Registry.Policy.ProbePatience)
	w.NoError(w.Store.WriteMessages(t.Context(), world.Life, nil, delivery.MailboxUpdate{
		Probe: &delivery.ProbeClaim{Next: until},
	}))
	w.Agent = always(delivery.PushResult{})
	if _, err := w.DrainSlow(t.Context(), world.ID, "enqueue"); err != nil {
		t.Fatal(err)
	}
	if n := wakeUps(w, w.Registry.Policy.ProbePatience); n == 0 || w.Now.Before(until) || w.Facts().Open > 0 {
		t.Fatalf("%d wake-ups until %s: %+v", n, w.Now, w.Facts().Mailbox)
	}
}
