package workspace_test

import (
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/workspace"
)

// Every verdict has its words, and those of a fault name the hop and the step.
func TestExplain(t *testing.T) {
	p, now := workspace.DefaultPolicy(), time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	live := workspace.Facts{
		Identity:    workspace.Identity{ID: "w", CreatedAt: now.Add(-time.Hour), RegisteredAt: now.Add(-time.Hour)},
		Credentials: workspace.Credentials{Credential: [32]byte{1}},
		Liveness:    workspace.Liveness{HeartbeatAt: now, LeaseUntil: now.Add(p.LeaseTTL), SeenFrom: "a"},
	}
	with := func(change func(*workspace.Facts)) workspace.Facts { f := live; change(&f); return f }
	for reason, c := range map[workspace.Reason]struct {
		f    workspace.Facts
		hop  workspace.Hop
		says string
	}{
		workspace.ReasonRemoved: {with(func(f *workspace.Facts) {
			f.Hold, f.HoldSince = workspace.Removed, now
		}), workspace.HopOperator, "removed"},
		workspace.ReasonPaused: {with(func(f *workspace.Facts) {
			f.Hold, f.HoldSince = workspace.Paused, now
		}), workspace.HopOperator, "rollcall resume w"},
		workspace.ReasonNeverRegistered: {created(now), workspace.HopAgent, "never called"},
		workspace.ReasonCredentialsRejected: {with(func(f *workspace.Facts) {
			f.RefusedFrom, f.RegisterRefused, f.RefusedSince, f.RefusedAt = f.SeenFrom, 3, now, now
		}), workspace.HopCredential, "rollcall repair w"},
		workspace.ReasonLeaseExpired: {with(func(f *workspace.Facts) {
			f.LeaseUntil = now.Add(-time.Hour)
		}), workspace.HopAgent, "silent"},
		workspace.ReasonPlatformSuspect: {with(func(f *workspace.Facts) {
			f.HeartbeatAt, f.LeaseUntil = now.Add(-3*time.Minute), now.Add(-time.Minute)
		}), workspace.HopPlatform, "see whether the platform works"},
		workspace.ReasonDuplicateHost: {with(func(f *workspace.Facts) {
			f.Takeovers, f.TakeoversSince, f.TakenOverAt, f.PreviousInstances = 2, now, now, "b"
		}), workspace.HopAgent, "two agents"},
		workspace.ReasonRuntimeWedged: {with(func(f *workspace.Facts) {
			f.WedgedSince = now
		}), workspace.HopAgent, "stuck"},
		workspace.ReasonInboxUnattended: {with(func(f *workspace.Facts) {
			f.Open, f.OldestOpen = 1, now.Add(-time.Hour)
		}), workspace.HopAgent, "doesn't fetch"},
		workspace.ReasonPushFailing: {with(func(f *workspace.Facts) {
			f.Pushable, f.PushFailures, f.PushError = true, 4, "refused"
		}), workspace.HopNetwork, "refused"},
		workspace.ReasonBacklogStalled: {with(func(f *workspace.Facts) {
			f.Pushable, f.Open, f.OldestOpen, f.TriedAt = true, 1, now.Add(-time.Hour), now.Add(-time.Minute)
		}), workspace.HopQueue, "rollcall receipts w"},
		workspace.ReasonAnswersFailing: {with(func(f *workspace.Facts) {
			f.Pushable, f.AnswerFailures, f.AnswerError = true, 3, "invalid x-api-key"
			f.AnswersFailingSince = now
		}), workspace.HopAgent, "invalid x-api-key"},
		workspace.ReasonInboxFull: {with(func(f *workspace.Facts) {
			f.PolledAt, f.Open, f.OldestOpen, f.FullSince, f.FullAt, f.FullBy = now, 500, now, now, now, "flooder"
		}), workspace.HopQueue, "the most of them from flooder"},
		workspace.ReasonErrorRate: {with(func(f *workspace.Facts) {
			f.ErrorsSince, f.SampleError = now, "boom"
		}), workspace.HopAgent, "boom"},
		workspace.ReasonBusy: {with(func(f *workspace.Facts) {
			f.ActiveTasks, f.ActiveAt = 1, now
		}), workspace.HopNone, "when it is free"},
		workspace.ReasonHealthy: {with(func(f *workspace.Facts) {
			f.PolledAt = now
		}), workspace.HopNone, "next poll"},
	} {
		e := workspace.Fleet{SampledAt: now, StoreFailed: reason == workspace.ReasonPlatformSuspect}.Explain(c.f, p, now)
		if e.Reason != reason || e.Hop != c.hop || e.Summary == "" || len(e.Evidence) == 0 ||
			!strings.Contains(e.Text(), c.says) {
			t.Errorf("%s: %+v\n%s", reason, e, e.Text())
		}
		if c.hop != workspace.HopNone && e.Next == "" {
			t.Errorf("%s: no next step", reason)
		}
	}
	e := workspace.Fleet{}.Explain(live, p, now)
	if e.Hop != workspace.HopAgent || e.Next == "" ||
		!strings.Contains(e.Text(), "has never polled for its mail: a message sent now waits") {
		t.Errorf("one that beats and never polls: %+v\n%s", e, e.Text())
	}
}
