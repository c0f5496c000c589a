package workspace_test

import (
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/workspace"
)

// A call that is refused for what it sends is noted once in RefusalWriteEvery, and is not replaced by one of another
// kind while it stands. It ends with an accepted call of its kind, and with no other.
func TestAFailedCallEndsWithAnAcceptedOneOfItsKind(t *testing.T) {
	p := workspace.DefaultPolicy()
	t0 := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	polling := workspace.Facts{
		Identity: workspace.Identity{ID: "w", CreatedAt: t0, RegisteredAt: t0, Declared: workspace.Poll},
		Liveness: workspace.Liveness{
			LeaseUntil: t0.Add(time.Hour), HeartbeatAt: t0, PolledAt: t0, CalledAt: t0, SeenFrom: "a",
		},
		Mailbox: workspace.Mailbox{
			Counters: workspace.Counters{Open: 1, InFlight: 1}, OldestOpen: t0, FetchedSince: t0, HandedAt: t0,
		},
	}
	told := func(f workspace.Facts, at time.Time) bool {
		return strings.Contains(workspace.Fleet{}.Explain(f, p, at).Text(), "“no (invalid_request)”")
	}
	kinds := []workspace.SignalKind{workspace.FailedPoll, workspace.FailedAck, workspace.FailedHeartbeat}
	for _, kind := range kinds {
		at := t0.Add(time.Second)
		failed, changed := workspace.FailCall(polling, kind, workspace.FailedWhy(kind, "no (invalid_request)"), p, at)
		if !changed || !told(failed, at) {
			t.Fatalf("%s: noted is %t: %s", kind, changed, workspace.Fleet{}.Explain(failed, p, at).Text())
		}
		for _, other := range kinds {
			why, next := workspace.FailedWhy(other, "x"), at.Add(p.RefusalWriteEvery)
			if _, changed := workspace.FailCall(failed, other, why, p, at.Add(time.Second)); changed {
				t.Errorf("%s: at once, %s is noted too", kind, other)
			}
			_, changed := workspace.FailCall(failed, other, why, p, next)
			if changed != (other == kind) {
				t.Errorf("%s, and %s later: noted is %t", kind, other, changed)
			}
			accepted := failed
			at := at.Add(time.Second)
			switch other {
			case workspace.FailedPoll:
				accepted.PolledAt = at
			case workspace.FailedAck:
				accepted.DeliveredAt = at
			default:
				accepted.HeartbeatAt = at
			}
			if told(accepted, at) != (other != kind) {
				t.Errorf("%s refused, and %s accepted: told is %t", kind, other, other == kind)
			}
		}
		if told(failed, at.Add(p.RefusalDecay)) {
			t.Errorf("%s: it is told for ever", kind)
		}
		registers, changed := workspace.FailRegister(failed, "bad (url_forbidden)", "a", p, at.Add(time.Second))
		if !changed || told(registers, at.Add(time.Second)) {
			t.Errorf("%s: a refused register does not go first", kind)
		}
		if _, changed := workspace.FailCall(registers, kind, "x", p, at.Add(time.Minute)); changed {
			t.Errorf("%s: it replaces a refused register", kind)
		}
	}
}
