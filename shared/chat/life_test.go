package chat_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
)

// never is when an agent took another message that took none.
var never time.Time

func taken(m chat.Message, now time.Time) chat.Message {
	return m.Take(chat.ByPush, claim(now.Add(p.VisibilityTimeout)), p, never, now)
}

// failed is a message that failed n times, a second apart, from t0 on.
func failed(n int) (m chat.Message, now time.Time) {
	m, now = queued(1), t0
	for range n {
		now = now.Add(time.Second)
		m = taken(m, now).Fail("boom", p, never, 1, now)
	}
	return m, now
}

// A trouble that meets every message kills none, however long it lasts.
func TestAnOutageKillsNoMail(t *testing.T) {
	m, now := failed(200)
	if m.State != chat.Queued || len(m.Attempts) > 20 || !m.Attempts[0].At.Equal(t0.Add(time.Second)) {
		t.Fatalf("%s with %d attempts kept, the first of %s", m.State, len(m.Attempts), m.Attempts[0].At)
	}
	if m.Tries() != 200 || !strings.HasPrefix(m.Reason, "all 200 tries failed") {
		t.Fatalf("%d tries: %s", m.Tries(), m.Reason)
	}
	if m = taken(m, now.Add(p.AsideFor)).Deliver("ok", nil, "", now); m.State != chat.Delivered {
		t.Fatal(m.State)
	}
}

// A message that has used up its attempts is set aside, and dies when it fails where another one passed.
func TestAPoisonedMessageDies(t *testing.T) {
	m, now := failed(p.MaxAttempts - 1)
	if m.Aside(1, now) {
		t.Fatal("set aside with an attempt left")
	}
	m, now = failed(p.MaxAttempts)
	if !m.Aside(1, now) || m.Available(chat.Host{Epoch: 1}, now) || m.Aside(2, now) || m.Aside(1, now.Add(p.AsideFor)) {
		t.Fatalf("%+v", m)
	}
	// It failed once, others passed, and then an outage began that meets every message.
	for _, before := range []time.Time{t0, t0.Add(2 * time.Second)} {
		if m := taken(m, now).Fail("boom", p, before, 1, now); m.State != chat.Queued {
			t.Fatal("what passed before its last failure shows nothing")
		}
	}
	dead := taken(m, now).Fail("boom", p, now, 1, now)
	if dead.State != chat.Dead || dead.Reason == "" {
		t.Fatalf("%+v", dead)
	}
	back, err := dead.Redrive(p, t0.Add(2*time.Hour))
	if err != nil || back.State != chat.Queued || back.Seq != m.Seq || !back.ExpiresAt.After(t0.Add(2*time.Hour)) {
		t.Fatalf("%+v, %v", back, err)
	}
	if _, err := back.Redrive(p, t0); fault.CodeOf(err) != fault.MessageNotDead {
		t.Fatal(err)
	}
}

// A message that fails alone has used up its attempts at once, and dies when it fails again where another message
// passed. What did not pass, or passed before, kills none.
func TestWhatFailsAloneIsSetAsideAtOnce(t *testing.T) {
	m := taken(taken(queued(1), t0).Miss("closed"), t0.Add(time.Second))
	if n, last := m.FailuresBefore(); n != 1 || !last.Equal(t0) {
		t.Fatalf("%d failures before, the last at %s", n, last)
	}
	now := t0.Add(2 * time.Second)
	m = m.FailAlone("closed", p, now, 1, now)
	if m.State != chat.Queued || !m.Aside(1, now) || m.Aside(2, now) {
		t.Fatalf("%+v", m)
	}
	now = now.Add(p.AsideFor)
	for name, c := range map[string]struct {
		passedAt time.Time
		again    func(chat.Message) chat.Message
		want     chat.State
	}{
		"nothing passes": {
			t0, func(m chat.Message) chat.Message { return m.FailAlone("closed", p, t0, 1, now) }, chat.Queued,
		},
		"others pass": {
			now, func(m chat.Message) chat.Message { return m.FailAlone("closed", p, now, 1, now) }, chat.Dead,
		},
		"others pass, and it fails with an error": {
			now, func(m chat.Message) chat.Message { return m.Fail("boom", p, now, 1, now) }, chat.Dead,
		},
		"others pass, and nothing listens": {now, func(m chat.Message) chat.Message { return m.Miss("down") }, chat.Queued},
		"others pass, and it is taken": {
			now, func(m chat.Message) chat.Message { return m.Deliver("ok", nil, "", now) }, chat.Delivered,
		},
	} {
		if got := c.again(m.Take(chat.ByPush, claim(now), p, c.passedAt, now)); got.State != c.want {
			t.Errorf("%s: %s: %s", name, got.State, got.Reason)
		}
	}
	busy := taken(taken(m, now).Defer(), now)
	if n, _ := busy.FailuresBefore(); n != 0 {
		t.Fatalf("%d failures in a row, after the agent answered", n)
	}
}

func TestWhatIsRefusedForGoodDiesAtOnce(t *testing.T) {
	if m := taken(queued(1), t0).Refuse("role missing", t0); m.State != chat.Dead || m.Tried() {
		t.Fatalf("%+v", m)
	}
}

// Neither a busy agent nor one that can't be reached uses up an attempt.
func TestNoAnswerUsesUpNoAttempt(t *testing.T) {
	for name, ends := range map[string]func(chat.Message) chat.Message{
		"busy":        chat.Message.Defer,
		"unreachable": func(m chat.Message) chat.Message { return m.Miss("connection refused") },
	} {
		m, now := queued(1), t0
		for range 100 {
			if !m.Available(chat.Host{Epoch: 1}, now) {
				t.Fatalf("%s: not available", name)
			}
			m = ends(taken(m, now))
			now = now.Add(time.Second)
		}
		for range p.MaxAttempts - 1 {
			m = taken(m, now).Fail("boom", p, now, 1, now)
			now = now.Add(time.Second)
		}
		if m.State != chat.Queued || m.Aside(1, now) || len(m.Attempts) > 20 {
			t.Fatalf("%s: %s with %d attempts kept", name, m.State, len(m.Attempts))
		}
	}
}

func TestALostDelivererCounts(t *testing.T) {
	m, now := queued(1), t0
	for range p.MaxAttempts {
		m = taken(m, now)
		if m.Available(chat.Host{Epoch: 1}, now.Add(p.VisibilityTimeout-1)) {
			t.Fatal("available under a live claim")
		}
		if now = now.Add(p.VisibilityTimeout); !m.Available(chat.Host{Epoch: 1}, now) {
			t.Fatal("time did not make it available")
		}
	}
	aside := taken(m, now)
	if !aside.Aside(0, now) {
		t.Fatalf("it would hold up the others for ever: %+v", aside)
	}
	now = now.Add(p.AsideFor)
	again := taken(aside, now)
	if again.State != chat.InFlight {
		t.Fatal("lost deliverers alone show nothing of the message")
	}
	now = now.Add(p.VisibilityTimeout)
	if m := again.Take(chat.ByPush, claim(now), p, now, now); m.State != chat.Dead {
		t.Fatal(m.State)
	}
}

func TestRest(t *testing.T) {
	for failures, want := range map[int]time.Duration{
		1: 2 * time.Second, 2: 4 * time.Second, 5: 32 * time.Second, 6: time.Minute, 1000: time.Minute,
	} {
		if got := p.Rest(failures, 0); got != want {
			t.Errorf("after %d: %s, want %s", failures, got, want)
		}
		if got := p.Rest(failures, 0.999); got < want/2 || got > want {
			t.Errorf("after %d: %s, want between a half and the whole of %s", failures, got, want)
		}
	}
	for asked, want := range map[time.Duration]time.Duration{
		0: p.BusyRetry, time.Second: time.Second, 24 * time.Hour: p.BusyMax,
	} {
		if got := p.BusyRest(asked); got != want {
			t.Errorf("asked for %s: %s, want %s", asked, got, want)
		}
	}
}

// A message driven anyhow ends at most once, never leaves its end but by
// redrive, and its deltas always sum to what it is.
func TestLife(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, now := queued(1), t0
		var sum chat.Delta
		tries := 0
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, "tick")) * time.Second)
			was := m
			m = anyStep(t, m, now)
			redrives := was.State == chat.Dead || was.State == chat.Expired
			if !was.State.Open() && m.State != was.State && !redrives {
				t.Fatalf("left its end: %s to %s", was.State, m.State)
			}
			if !m.State.Open() && (m.Reason == "" || m.SettledAt.IsZero()) {
				t.Fatalf("ended without a reason or a time: %+v", m)
			}
			switch {
			case m.State == chat.InFlight && was.Version != m.Version:
				tries++
			case m.State == chat.Queued && m.Reason == "redriven by an operator" && was.Version != m.Version:
				tries = 0 // also of one whose time was up, and of which nobody had written that down
			}
			if m.Tries() != tries || len(m.Attempts) > 20 {
				t.Fatalf("%d tries, said to be %d, and %d kept", tries, m.Tries(), len(m.Attempts))
			}
			d := chat.DeltaOf([]chat.Move{{From: was, To: m}})
			sum.Open, sum.Delivered, sum.Expired = sum.Open+d.Open, sum.Delivered+d.Delivered, sum.Expired+d.Expired
			sum.Cancelled, sum.Dead, sum.InFlight = sum.Cancelled+d.Cancelled, sum.Dead+d.Dead, sum.InFlight+d.InFlight
			if sum.Open+sum.Delivered+sum.Expired+sum.Cancelled+sum.Dead != 0 {
				t.Fatalf("not conserved: %+v", sum)
			}
		}
	})
}

// anyStep is one step of a message's life, if it can be taken.
func anyStep(t *rapid.T, m chat.Message, now time.Time) chat.Message {
	passed := t0.Add(time.Duration(rapid.IntRange(-1, 4000).Draw(t, "passed")) * time.Second)
	flying := []string{"fail", "miss", "leave", "leave again", "refuse", "defer", "deliver", "recall"}
	steps := []string{"take", "expire", "cancel", "redrive"}
	if m.State == chat.InFlight {
		steps = append(steps, flying...)
	}
	switch rapid.SampledFrom(steps).Draw(t, "step") {
	case "take":
		if m.Available(chat.Host{Epoch: 1}, now) {
			via := rapid.SampledFrom([]chat.Via{chat.ByPush, chat.ByPoll}).Draw(t, "via")
			return m.Take(via, claim(now.Add(p.VisibilityTimeout)), p, passed, now)
		}
	case "fail":
		return m.Fail("boom", p, passed, 1, now)
	case "miss":
		return m.Miss("refused")
	case "leave":
		return m.Leave("closed")
	case "leave again":
		return m.LeaveAgain("closed", p, passed, now)
	case "refuse":
		return m.Refuse("malformed", now)
	case "defer":
		return m.Defer()
	case "deliver":
		return m.Deliver("ok", nil, rapid.SampledFrom([]string{"", "no key"}).Draw(t, "failure"), now)
	case "recall":
		return m.Recall(rapid.Bool().Draw(t, "unanswered"))
	case "expire":
		if m.Due(now) {
			return m.Expire(now)
		}
	case "cancel":
		if next, err := m.Cancel("test", now); err == nil {
			return next
		}
	case "redrive":
		if next, err := m.Redrive(p, now); err == nil {
			return next
		}
	}
	return m
}

// What a reader was told has ended does not end otherwise, and is not open again but by a redrive that says so.
func TestWhatIsToldToHaveEndedStaysEnded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, claimed := queued(1), rapid.Bool().Draw(t, "claimed")
		via := rapid.SampledFrom([]chat.Via{chat.ByPush, chat.ByPoll}).Draw(t, "via")
		if claimed {
			until := m.ExpiresAt.Add(time.Duration(rapid.IntRange(-60, 60).Draw(t, "claim")) * time.Second)
			m = m.Take(via, claim(until), p, never, t0)
		}
		now := m.ExpiresAt.Add(time.Duration(rapid.IntRange(-90, 90).Draw(t, "now")) * time.Second)
		told := m.At(now).State
		_, cancelled := m.Cancel("someone", now)
		back, redriven := m.Redrive(p, now)
		switch {
		case told != chat.Expired && (cancelled != nil || redriven == nil):
			t.Fatalf("%s: cancel %v, redrive %v", told, cancelled, redriven)
		case told == chat.Expired && (cancelled == nil || redriven != nil || back.State != chat.Queued):
			t.Fatalf("%s: cancel %v, redrive %v: %s", told, cancelled, redriven, back.State)
		case told == chat.Expired && (!m.Due(now) || (claimed && via == chat.ByPoll)):
			t.Fatalf("told to have expired, and it may be acknowledged: %+v", m)
		case told == chat.Queued && m.Due(now):
			t.Fatalf("told to be queued, and it has expired: %+v", m)
		}
	})
}
