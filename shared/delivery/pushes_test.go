package delivery_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// whilePushed are the steps of whoever is about while a message is pushed, by their names in order.
var whilePushed = append([]string{"it polls", "mail and another URL", "a cancel and mail"}, whileProbed...)

// pusher is a prober that counts the pushes of messages.
func pusher(t *testing.T) *prober {
	p := &prober{
		World:  world.New(t, workspace.Push, "http://agent/0"),
		counts: func(m chat.Message) bool { return !probeOnly(m) },
	}
	p.Agent = p.push
	return p
}

// Each push holds a run of dispatch until it ends. So two of one workspace are under way at a time for each task slot,
// and no more, whatever its agent does meanwhile: it registers other URLs, polls, sends itself mail and cancels it.
// After they have ended, none is counted, and its mail goes on.
func TestPushesUnderWayAreBounded(t *testing.T) {
	answers := []delivery.PushResult{{}, hangs, nobodyListens, {Handover: delivery.Busy}, noQuota}
	most := 0
	rapid.Check(t, func(r *rapid.T) {
		p := pusher(t)
		steps := rapid.SliceOfN(rapid.SampledFrom(whilePushed), 0, 8)
		p.script = rapid.SliceOfN(steps, 1, 12).Draw(r, "while each is under way")
		p.answers = rapid.SliceOfN(rapid.SampledFrom(answers), 0, 12).Draw(r, "answers")
		for _, step := range append([]string{"mail", "mail", "a drain"}, steps.Draw(r, "then")...) {
			p.step(step)
		}
		if most = max(most, p.most); p.most > 2 {
			r.Fatalf("%d pushes were under way at a time", p.most)
		}
		if n := counted(p.World); n != 0 {
			r.Fatalf("all have ended, and %d are counted", n)
		}
		p.script, p.answers = nil, nil
		mailGoesOn(r, p.World)
	})
	if most < 2 {
		t.Error("no history has two pushes at a time")
	}
}

// counted is how many pushes are counted as under way.
func counted(w *world.World) int64 {
	f := w.Facts()
	return f.PushesUnderWay(w.Registry.Policy, w.Now)
}

// mailGoesOn lets time pass until the mail is delivered to an agent that takes it.
func mailGoesOn(t interface{ Fatalf(string, ...any) }, w *world.World) {
	w.Register(registry.Registration{Mode: workspace.Push, URL: "http://agent/new"})
	for end := w.Now.Add(2 * w.Registry.Policy.RestLimit); w.Facts().Open > 0; w.Now = w.Now.Add(10 * time.Second) {
		if w.Now.After(end) {
			t.Fatalf("mail waits: %+v", w.Facts())
		}
		w.Heartbeat(0)
		w.SweepOnce()
		for range w.Wakeups.Take() {
			w.DrainOnce()
		}
	}
	if n := counted(w); n != 0 {
		t.Fatalf("no mail waits, and %d pushes are counted", n)
	}
}

// hanging is an agent of which each push hangs until it is told to answer.
type hanging struct {
	underWay, most atomic.Int32
	answer         chan struct{}
}

// Push implements delivery.Agents.
func (h *hanging) Push(_ context.Context, _ delivery.Target, m chat.Message) delivery.PushResult {
	if probeOnly(m) {
		return delivery.PushResult{}
	}
	h.most.Store(max(h.most.Load(), h.underWay.Add(1)))
	<-h.answer
	h.underWay.Add(-1)
	return delivery.PushResult{}
}

// An agent registers one URL after another, and lets the pushes to each hang. It holds as many drains as it could with
// two URLs. Its mail goes on when they end.
func TestURLAfterURLThatHangs(t *testing.T) {
	for _, slots := range []int{1, 2, 5} {
		t.Run(fmt.Sprint(slots, " slots"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := world.New(t, workspace.Push, "http://agent/")
				_, err := w.Registry.Create(t.Context(), registry.CreateInput{ID: world.ID, MaxTasks: slots, Adopt: true}, w.Now)
				w.NoError(err)
				agent := &hanging{answer: make(chan struct{})}
				w.Agents = agent
				for i := range 4 * slots {
					w.Send(fmt.Sprint("m", i))
				}
				for i := range 8 {
					w.Register(registry.Registration{Mode: workspace.Push, URL: fmt.Sprint("http://agent/", i)})
					for range slots {
						go func() { _, _ = w.Drain(t.Context(), world.ID, "test") }()
					}
					synctest.Wait()
				}
				if n := int(agent.most.Load()); n != 2*slots {
					t.Errorf("%d pushes were under way at a time", n)
				}
				close(agent.answer)
				synctest.Wait()
				mailGoesOn(t, w)
			})
		})
	}
}

// Pushes whose drains died are counted until they would be over, and keep nothing waiting for longer: a drain is woken
// then.
func TestPushesOfDrainsThatDiedAreForgotten(t *testing.T) {
	p := pusher(t)
	for i := range 2 {
		p.step("mail")
		p.claimAndDie()
		if n := counted(p.World); n != int64(i+1) {
			t.Fatalf("%d pushes are counted after %d drains died", n, i+1)
		}
		p.step("another URL")
	}
	p.Wakeups.Take()
	if p.drain(false); p.Facts().Delivered > 0 {
		t.Fatal("a third push was made")
	}
	sent := p.Wakeups.Take()
	if len(sent) != 1 || sent[0].After <= 0 || sent[0].After > p.Policy.VisibilityTimeout {
		t.Fatalf("wake-ups: %+v", sent)
	}
	p.Now = p.Now.Add(sent[0].After)
	p.Heartbeat(0)
	if p.drain(false); p.Facts().Delivered == 0 || counted(p.World) != 0 { // one is set aside for a while
		t.Fatalf("after they would be over: %+v", p.Facts().Mailbox)
	}
}

// claimAndDie is a drain that dies while it pushes.
func (p *prober) claimAndDie() {
	ledger := p.Delivery.Ledger
	p.Delivery.Ledger = &endsNoPush{ledger}
	_, _ = p.Drain(p.T.Context(), world.ID, "test")
	p.Delivery.Ledger = ledger
}

// endsNoPush is a ledger to which the end of a push does not come.
type endsNoPush struct{ delivery.Ledger }

// WriteMessages implements delivery.Ledger.
func (l *endsNoPush) WriteMessages(
	ctx context.Context, life workspace.Life, moves []chat.Move, u delivery.MailboxUpdate,
) error {
	if u.PushEnded != "" {
		return fault.New(fault.PlatformUnavailable, "the drain died")
	}
	return l.Ledger.WriteMessages(ctx, life, moves, u)
}
