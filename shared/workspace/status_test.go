package workspace_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

func TestAssess(t *testing.T) {
	now := at(600)
	waiting := func(f *workspace.Facts) { f.Accepted, f.Open, f.OldestOpen = 1, 1, at(500) }
	for name, c := range map[string]struct {
		facts  workspace.Facts
		status workspace.Status
		reason workspace.Reason
	}{
		"a live agent is online": {live(nil), "online", "healthy"},
		"removed goes before everything": {live(func(f *workspace.Facts) {
			f.Hold = workspace.Removed
			f.WedgedSince = t0
		}), "removed", "removed"},
		"paused": {live(func(f *workspace.Facts) {
			f.Hold = workspace.Paused
		}), "paused", "paused"},
		"created and never seen": {created(t0), "provisioning", "never_registered"},
		"the lease ran out": {live(func(f *workspace.Facts) {
			f.HeartbeatAt, f.LeaseUntil = at(400), at(490)
		}), "offline", "lease_expired"},
		"in its grace it is still online": {live(func(f *workspace.Facts) {
			f.LeaseUntil = at(580)
		}), "online", "healthy"},
		"two refusals since the last beat": {live(func(f *workspace.Facts) {
			f.RefusedFrom, f.RegisterRefused, f.RefusedSince, f.RefusedAt = f.SeenFrom, 2, at(592), at(595)
		}), "degraded", "credentials_rejected"},
		"two beats refused, a moment after an accepted one": {live(func(f *workspace.Facts) {
			f.RefusedFrom, f.BeatsRefused, f.RefusedSince, f.RefusedAt = f.SeenFrom, 2, at(592), at(595)
		}), "degraded", "credentials_rejected"},
		"two beats refused, and the next accepted one is overdue": {live(func(f *workspace.Facts) {
			f.RefusedFrom, f.BeatsRefused, f.RefusedSince, f.RefusedAt = f.SeenFrom, 2, at(570), at(595)
			f.HeartbeatAt, f.LeaseUntil = at(555), at(645)
		}), "degraded", "credentials_rejected"},
		"refused and accepted in turn": {live(func(f *workspace.Facts) {
			f.RefusedFrom, f.BeatsRefused, f.RefusedSince, f.RefusedAt = f.SeenFrom, 2, at(592), at(595)
			f.AlternatingRefusals, f.AlternatedAt = 2, at(592)
		}), "online", "healthy"},
		"refused and accepted in turn, and a beat was missed": {live(func(f *workspace.Facts) {
			f.RefusedFrom, f.BeatsRefused, f.RefusedSince, f.RefusedAt = f.SeenFrom, 2, at(560), at(595)
			f.AlternatingRefusals, f.AlternatedAt, f.HeartbeatAt = 2, at(560), at(555)
		}), "degraded", "credentials_rejected"},
		"one that was stolen, and the agent beats": {live(func(f *workspace.Facts) {
			f.RefusedFrom, f.BeatsRefused, f.RefusedSince, f.RefusedAt = "10.0.0.9", 5, at(592), at(599)
		}), "online", "healthy"},
		"registers refused elsewhere, and the agent beats": {live(func(f *workspace.Facts) {
			f.RefusedFrom, f.RegisterRefused, f.RefusedSince, f.RefusedAt = "10.0.0.9", 5, at(400), at(500)
		}), "online", "healthy"},
		"beats pass, polls are refused": {live(func(f *workspace.Facts) {
			f.RefusedFrom, f.CallsRefused, f.RefusedSince, f.RefusedAt = f.SeenFrom, 2, at(500), at(570)
			f.Declared, f.Pushable, f.PolledAt = workspace.Poll, false, at(495)
		}), "degraded", "credentials_rejected"},
		"beats pass, polls are refused, a moment after an accepted one": {live(func(f *workspace.Facts) {
			f.RefusedFrom, f.CallsRefused, f.RefusedSince, f.RefusedAt = f.SeenFrom, 2, at(592), at(595)
			f.Declared, f.Pushable, f.PolledAt = workspace.Poll, false, at(590)
		}), "degraded", "credentials_rejected"},
		"beats pass, polls are refused that fetch nothing": {live(func(f *workspace.Facts) {
			f.RefusedFrom, f.CallsRefused, f.RefusedSince, f.RefusedAt = f.SeenFrom, 2, at(500), at(570)
		}), "online", "healthy"},
		"beats pass, polls were refused once": {live(func(f *workspace.Facts) {
			f.RefusedFrom, f.CallsRefused, f.RefusedSince, f.RefusedAt = f.SeenFrom, 9, at(400), at(500)
		}), "online", "healthy"},
		"an operator issued another credential": {live(func(f *workspace.Facts) {
			f.NextCredential, f.Credential, f.RevokedAt = f.Credential, token.Hash{}, at(595)
		}), "degraded", "credentials_rejected"},
		"it moved, with an old one": {live(func(f *workspace.Facts) {
			f.RefusedFrom, f.BeatsRefused, f.RefusedSince, f.RefusedAt, f.HeartbeatAt = "10.0.0.9", 5, at(556), at(599), at(555)
		}), "degraded", "credentials_rejected"},
		"one refusal, and the beat before it": {live(func(f *workspace.Facts) {
			f.RegisterRefused, f.RefusedSince, f.RefusedAt = 1, at(595), at(595)
		}), "online", "healthy"},
		"register refused, heartbeats pass": {live(func(f *workspace.Facts) {
			f.RefusedFrom, f.RegisterRefused, f.RefusedSince, f.RefusedAt = f.SeenFrom, 2, at(300), at(400)
		}), "degraded", "credentials_rejected"},
		"that is forgiven in a day": {live(func(f *workspace.Facts) {
			f.RegisterRefused, f.RefusedSince, f.RefusedAt = 2, t0.Add(-25*time.Hour), t0.Add(-25*time.Hour)
		}), "online", "healthy"},
		"refused and gone silent": {live(func(f *workspace.Facts) {
			f.HeartbeatAt, f.LeaseUntil, f.BeatsRefused, f.RefusedAt, f.RefusedSince = at(100), at(190), 1, at(200), at(200)
		}), "offline", "credentials_rejected"},
		"refused and plainly there, lease over": {live(func(f *workspace.Facts) {
			f.HeartbeatAt, f.LeaseUntil, f.BeatsRefused, f.RefusedAt, f.RefusedSince = at(100), at(190), 1, at(590), at(590)
		}), "degraded", "credentials_rejected"},
		"credentials revoked": {live(func(f *workspace.Facts) {
			f.Credential = token.Hash{}
			f.BootstrapUntil = at(900)
		}), "degraded", "credentials_rejected"},
		"wedged": {live(func(f *workspace.Facts) {
			f.WedgedSince = at(300)
		}), "degraded", "runtime_wedged"},
		"errors": {live(func(f *workspace.Facts) { f.ErrorsSince = at(300) }), "degraded", "error_rate"},
		"busy": {live(func(f *workspace.Facts) {
			f.ActiveTasks, f.ActiveAt = 1, at(590)
		}), "online", "busy"},
		"a busy report from a clock that was fast": {live(func(f *workspace.Facts) {
			f.ActiveTasks, f.ActiveAt = 1, at(900)
		}), "online", "healthy"},
		"an old busy report is none": {live(func(f *workspace.Facts) {
			f.ActiveTasks, f.ActiveAt = 1, at(500)
		}), "online", "healthy"},
		"pushes fail": {live(func(f *workspace.Facts) {
			f.PushFailures = 3
		}), "degraded", "push_failing"},
		"mail waits, nobody has tried": {live(waiting), "unknown", "platform_suspect"},
		"mail waits, agent idle": {live(func(f *workspace.Facts) {
			waiting(f)
			f.TriedAt = f.OldestOpen
		}), "degraded", "backlog_stalled"},
		"mail waits, the first delivery is under way": {live(func(f *workspace.Facts) {
			waiting(f)
			f.InFlight = 1
		}), "online", "healthy"},
		"mail waits, the delivery takes too long": {live(func(f *workspace.Facts) {
			waiting(f)
			f.InFlight, f.OldestOpen = 1, at(450)
		}), "degraded", "backlog_stalled"},
		"mail waits, another try is under way": {live(func(f *workspace.Facts) {
			waiting(f)
			f.InFlight, f.PushFailures = 1, 1
		}), "degraded", "push_failing"},
		"poll, nothing is ever acknowledged": {live(func(f *workspace.Facts) {
			waiting(f)
			f.Declared, f.Pushable, f.PolledAt, f.OldestOpen = workspace.Poll, false, at(590), at(480)
		}), "degraded", "backlog_stalled"},
		"declared poll, never polls, pushes failed": {live(func(f *workspace.Facts) {
			f.Declared, f.PushFailures = workspace.Poll, 5
		}), "degraded", "push_failing"},
		"pushes failed, and it polls": {live(func(f *workspace.Facts) {
			f.Declared, f.PushFailures, f.PushFailedAt, f.PolledAt = workspace.Push, 5, at(580), at(590)
		}), "online", "healthy"},
		"mail waits, agent busy": {live(func(f *workspace.Facts) {
			waiting(f)
			f.ActiveTasks, f.ActiveAt = 1, at(590)
		}), "online", "busy"},
		"mail waits, one delivered": {live(func(f *workspace.Facts) {
			waiting(f)
			f.DeliveredAt = at(580)
		}), "online", "healthy"},
		"poll, mail waits, no poll": {live(func(f *workspace.Facts) {
			waiting(f)
			f.Declared = workspace.Poll
			f.Pushable = false
		}), "degraded", "inbox_unattended"},
		"poll, mail waits, it polls": {live(func(f *workspace.Facts) {
			waiting(f)
			f.Declared, f.Pushable, f.PolledAt = workspace.Poll, false, at(590)
		}), "online", "healthy"},
	} {
		t.Run(name, func(t *testing.T) {
			v := workspace.Assess(c.facts, p, now)
			if v.Status != c.status || v.Reason != c.reason {
				t.Fatalf("got %s (%s), want %s (%s)", v.Status, v.Reason, c.status, c.reason)
			}
			if v.Since.IsZero() || (v.Status != workspace.StatusOnline && v.Hint == "") {
				t.Fatalf("no since or no hint: %+v", v)
			}
		})
	}
}

func TestOnlineImplies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, now := anyFacts(t), at(600)
		v := anyFleet(t).Assess(f, p, now)
		if f.Hold == workspace.Removed && v.Status != workspace.StatusRemoved {
			t.Fatalf("a removed workspace is %s: %+v", v.Status, f)
		}
		undated := func(e workspace.Evidence) bool { return e.At.IsZero() }
		if v.Hint == "" && v.Status != workspace.StatusOnline || v.Since.IsZero() ||
			len(v.Evidence) == 0 || slices.ContainsFunc(v.Evidence, undated) {
			t.Fatalf("a verdict without hint, since or evidence: %+v", v)
		}
		if v.Status != workspace.StatusOnline {
			return
		}
		if !now.Before(f.LeaseUntil.Add(p.Grace)) || f.LastSignal().IsZero() ||
			!f.Enrolled() || !f.LastSignal().After(f.RevokedAt) || f.Hold != workspace.NoHold {
			t.Fatalf("online without a live lease and an accepted credential: %+v", f)
		}
		able := slices.MaxFunc([]time.Time{f.RegisteredAt, f.RecoveredAt, f.ResumedAt, f.FreeSince}, time.Time.Compare)
		progress := now.Sub(f.DeliveredAt) < p.DeliveryObjective ||
			now.Sub(f.PolledAt) < p.PollPatience()+p.PollNoted || // a poll stands in the facts PollNoted late

			f.Busy(p, now) >= f.Slots() ||
			(f.InFlight >= int64(f.Slots()) && (f.PushFailures == 0 || now.Sub(f.TriedAt) < p.DeliveryObjective)) ||
			(f.InFlight > 0 && now.Sub(f.PolledAt) < p.DeliveryPatience) || // at work on what it fetched
			(f.TriedAt.Before(able) && now.Sub(able) < p.DeliveryObjective) ||
			(f.PolledAt.After(f.RegisteredAt) && now.Sub(f.FreeSince) < p.DeliveryObjective) ||
			now.Sub(f.ReachedAt) < p.DeliveryObjective || now.Sub(f.BusySince) < p.BusyBelieved ||
			(f.BusyAnswers == 1 && (f.Pushing(p, now) || now.Sub(f.RestUntil) < p.DeliveryObjective)) || // it is to be tried
			(f.PushFailures == 0 && now.Before(f.AsideUntil.Add(p.DeliveryObjective))) ||
			now.Sub(f.PollAwaitedAt) < p.PollPatience() // it has time for its first poll
		if f.Open > 0 && now.Sub(f.OldestOpen) >= p.DeliveryObjective && !progress {
			t.Fatalf("online with mail older than the objective and no progress: %+v", f)
		}
	})
}

func TestRecheckAtIsWhenTheVerdictChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, fl, now := anyFacts(t), anyFleet(t), at(600)
		v := fl.Assess(f, p, now)
		changes := fl.RecheckAt(f, v, p, now)
		same := func(at time.Time) bool {
			w := fl.Assess(f, p, at)
			return w.Status == v.Status && w.Reason == v.Reason && w.Action == v.Action && w.FaultyHop() == v.FaultyHop()
		}
		if changes.IsZero() {
			if later := now.Add(time.Duration(rapid.IntRange(1, 100000).Draw(t, "later")) * time.Second); !same(later) {
				t.Fatalf("never to change, and changed by %s: %+v", later, f)
			}
			return
		}
		span := changes.Sub(now)
		before := now.Add(time.Duration(rapid.Int64Range(0, int64(span)-1).Draw(t, "before")))
		if !same(changes.Add(-1)) || !same(before) {
			t.Fatalf("changed before %s: %+v", changes, f)
		}
		if same(changes) {
			t.Fatalf("did not change at %s: %+v", changes, f)
		}
	})
}

// Whatever an agent does, in whatever order and at whatever times, no verdict but
// "removed" comes of a removed workspace, and none but an operator gets it back.
func TestNothingResurrectsARemovedWorkspace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, now := anyFacts(t), at(600)
		f.Hold, f.HoldSince = workspace.Removed, at(500)
		for range rapid.IntRange(1, 6).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(-300, 3600).Draw(t, "later")) * time.Second)
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				presented := token.Digest(rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "credential"))
				if a, err := workspace.Admit(f, true, presented, "", p, now); err == nil {
					t.Fatalf("admitted: %+v", a)
				}
			case 1:
				f, _ = refuse(f, workspace.SignalRegister, "10.0.0.1", "", now)
			case 2:
				f = beat(f, "10.0.0.2", now)
			case 3:
				f = workspace.Rotate(f, token.Digest("new"), workspace.ToOperator, at(600))
			}
			if v := anyFleet(t).Assess(f, p, now); v.Status != workspace.StatusRemoved {
				t.Fatalf("%s: %+v", v.Status, f)
			}
		}
	})
}

func TestALostProbeIsEvidence(t *testing.T) {
	lost := live(func(f *workspace.Facts) { f.UndeliveredAt = at(500) })
	if v := workspace.Assess(lost, p, at(600)); v.Reason != workspace.ReasonPushFailing {
		t.Fatalf("%s (%s)", v.Status, v.Reason)
	}
	lost.Declared = workspace.Poll
	lost.Pushable = false
	if v := workspace.Assess(lost, p, at(600)); v.Reason != workspace.ReasonInboxUnattended {
		t.Fatalf("%s (%s)", v.Status, v.Reason)
	}
	lost.PolledAt = at(590)
	if v := workspace.Assess(lost, p, at(600)); v.Status != workspace.StatusOnline {
		t.Fatalf("it polls: %s (%s)", v.Status, v.Reason)
	}
}

// Since is when it became so, not when something else was.
func TestSince(t *testing.T) {
	back := beat(live(func(f *workspace.Facts) { f.HeartbeatAt, f.LeaseUntil = at(100), at(190) }), "10.0.0.1", at(600))
	failing := live(func(f *workspace.Facts) { f.DeliveredAt, f.PushFailures, f.PushFailingSince = at(10), 3, at(540) })
	revoked, _ := workspace.Revoke(live(nil), p, at(598))
	for name, c := range map[string]struct {
		facts workspace.Facts
		since int
	}{"online after a silence": {back, 600}, "pushes fail": {failing, 540}, "revoked": {revoked, 598}} {
		if v := workspace.Assess(c.facts, p, at(600)); !v.Since.Equal(at(c.since)) {
			t.Errorf("%s: %s since %s", name, v.Reason, v.Since)
		}
	}
}
