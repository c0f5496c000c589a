package chat_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
)

func TestFailuresBackOffAndEndDead(t *testing.T) {
	m, now := queued(1), t0
	for n := 1; n <= p.MaxAttempts; n++ {
		m = m.Take(chat.ByPush, claim(now.Add(p.VisibilityTimeout)), p, now).Fail("boom", p, 0, now)
		if n < p.MaxAttempts && (m.State != chat.Queued || m.NotBefore.Sub(now) != p.BackoffBase<<(n-1)) {
			t.Fatalf("after %d: %s, backoff %s", n, m.State, m.NotBefore.Sub(now))
		}
		now = m.NotBefore
	}
	if m.State != chat.Dead || len(m.Attempts) != p.MaxAttempts {
		t.Fatalf("%+v", m)
	}
	back, err := m.Redrive(p, t0.Add(2*time.Hour))
	if err != nil || back.State != chat.Queued || back.Seq != m.Seq || !back.ExpiresAt.After(t0.Add(2*time.Hour)) {
		t.Fatalf("%+v, %v", back, err)
	}
	if _, err := back.Redrive(p, t0); fault.CodeOf(err) != fault.MessageNotDead {
		t.Fatal(err)
	}
}

func TestBusyUsesUpNoAttempt(t *testing.T) {
	m, now := queued(1), t0
	for range 50 {
		m = m.Take(chat.ByPush, claim(now.Add(p.VisibilityTimeout)), p, now).Defer(0, p, now)
		now = m.NotBefore
	}
	if m.State != chat.Queued || len(m.Attempts) > 20 {
		t.Fatalf("%s with %d attempts kept", m.State, len(m.Attempts))
	}
}

// Attempts that don't count are forgotten before those that do: else five would
// never be enough.
func TestBusyAnswersDontHideFailures(t *testing.T) {
	p, now := chat.DefaultPolicy(), time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	m := chat.Message{ID: "m", State: chat.Queued, ExpiresAt: now.Add(time.Hour)}
	failures := 0
	for tries := 0; m.State.Open(); tries++ {
		m = m.Take(chat.ByPush, chat.Claim{}, p, now)
		if tries%10 == 9 {
			m = m.Fail("boom", p, 0, now)
			failures++
		} else {
			m = m.Defer(0, p, now)
		}
		if len(m.Attempts) > 20 || failures > p.MaxAttempts {
			t.Fatalf("%d attempts kept after %d failures", len(m.Attempts), failures)
		}
	}
	if m.State != chat.Dead || failures != p.MaxAttempts {
		t.Fatalf("%s after %d failures", m.State, failures)
	}
}

func TestALostDelivererCountsAndTheLastOneEndsIt(t *testing.T) {
	m, now := queued(1), t0
	for range p.MaxAttempts {
		m = m.Take(chat.ByPush, claim(now.Add(p.VisibilityTimeout)), p, now)
		if m.Available(now.Add(p.VisibilityTimeout - 1)) {
			t.Fatal("available under a live claim")
		}
		if now = now.Add(p.VisibilityTimeout); !m.Available(now) {
			t.Fatal("time did not make it available")
		}
	}
	if m = m.Take(chat.ByPush, claim(now), p, now); m.State != chat.Dead {
		t.Fatal(m.State)
	}
}

// A message driven anyhow ends at most once, never leaves its end but by
// redrive, and its deltas always sum to what it is.
func TestLife(t *testing.T) {
	steps := []string{"take", "fail", "defer", "deliver", "expire", "cancel", "redrive"}
	rapid.Check(t, func(t *rapid.T) {
		m, now := queued(1), t0
		var sum chat.Delta
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, "tick")) * time.Second)
			was := m
			switch rapid.SampledFrom(steps).Draw(t, "step") {
			case "take":
				if m.Available(now) {
					via := rapid.SampledFrom([]chat.Via{chat.ByPush, chat.ByPoll}).Draw(t, "via")
					m = m.Take(via, claim(now.Add(p.VisibilityTimeout)), p, now)
				}
			case "fail":
				if m.State == chat.InFlight {
					m = m.Fail("boom", p, rapid.Float64Range(0, 0.99).Draw(t, "jitter"), now)
				}
			case "defer":
				if m.State == chat.InFlight {
					m = m.Defer(0, p, now)
				}
			case "deliver":
				if m.State == chat.InFlight {
					m = m.Deliver("ok", nil, now)
				}
			case "expire":
				if m.Due(now) {
					m = m.Expire(now)
				}
			case "cancel":
				if next, err := m.Cancel("test", now); err == nil {
					m = next
				}
			case "redrive":
				if next, err := m.Redrive(p, now); err == nil {
					m = next
				} else if m.State == chat.Dead {
					t.Fatal(err)
				}
			}
			if !was.State.Open() && m.State != was.State && was.State != chat.Dead {
				t.Fatalf("left its end: %s to %s", was.State, m.State)
			}
			if !m.State.Open() && (m.Reason == "" || m.SettledAt.IsZero()) {
				t.Fatalf("ended without a reason or a time: %+v", m)
			}
			d := chat.DeltaOf([]chat.Move{{From: was, To: m}})
			sum.Open, sum.Delivered, sum.Expired = sum.Open+d.Open, sum.Delivered+d.Delivered, sum.Expired+d.Expired
			sum.Cancelled, sum.Dead, sum.InFlight = sum.Cancelled+d.Cancelled, sum.Dead+d.Dead, sum.InFlight+d.InFlight
			if 1+sum.Open+sum.Delivered+sum.Expired+sum.Cancelled+sum.Dead != 1 {
				t.Fatalf("not conserved: %+v", sum)
			}
		}
	})
}
