package workspace_test

import (
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/workspace"
)

// asksForRestart reports whether a verdict asks for a restart.
func asksForRestart(v workspace.Verdict) bool {
	hint := strings.ToLower(v.Hint)
	return v.Action == "restart" || v.Action == "start" || strings.Contains(hint, "restart it") ||
		strings.Contains(hint, "restart the agent")
}

// unmoved says, of each reason whose trouble does not outlive a register, why no hint of it asks for a restart in vain.
var unmoved = map[workspace.Reason]string{
	workspace.ReasonRemoved:             "it takes no register",
	workspace.ReasonPaused:              "a restart is not asked for",
	workspace.ReasonNeverRegistered:     "an accepted register ends it",
	workspace.ReasonCredentialsRejected: "an accepted register ends it, and a refused one is told",
	workspace.ReasonPlatformSuspect:     "a restart is not asked for",
	workspace.ReasonLeaseExpired:        "an accepted register ends it, and of several short runs it tells",
	workspace.ReasonDuplicateHost:       "a register of the one that is left ends it",
	workspace.ReasonRestartLoop:         "a restart is not asked for",
	workspace.ReasonInboxFull:           "a restart is not asked for",
	workspace.ReasonErrorRate:           "a restart is not asked for",
	workspace.ReasonBusy:                "nothing is wrong",
	workspace.ReasonHealthy:             "nothing is wrong",
}

// After a restart that did not help, no hint asks for the same again without saying so: of each trouble that outlives a
// register, the verdict is looked at before the restart, and after it, once it has had its time.
func TestNoHintAsksAgainForARestartThatDidNotHelp(t *testing.T) {
	const restartAt, later = 900, 1200
	mail := func(f *workspace.Facts) { f.Open, f.Accepted, f.OldestOpen = 1, 1, at(300) }
	looked := map[workspace.Reason]bool{}
	for name, c := range map[string]struct {
		reason workspace.Reason
		before func(*workspace.Facts)
		after  func(*workspace.Facts) // what the agent does once it has registered again
	}{
		"never polls": {workspace.ReasonInboxUnattended, func(f *workspace.Facts) {
			f.Declared, f.Pushable, f.PollAwaitedAt = workspace.Poll, false, t0
		}, nil},
		"no longer polls": {workspace.ReasonInboxUnattended, func(f *workspace.Facts) {
			f.Declared, f.Pushable, f.PollAwaitedAt, f.PolledAt = workspace.Poll, false, t0, at(200)
		}, nil},
		"polls, and acknowledges nothing": {workspace.ReasonBacklogStalled, func(f *workspace.Facts) {
			mail(f)
			f.Declared, f.Pushable, f.PollAwaitedAt, f.PolledAt = workspace.Poll, false, t0, at(restartAt-1)
			f.FetchedSince, f.HandedAt, f.InFlight = at(301), at(301), 1
		}, func(f *workspace.Facts) { f.PolledAt = at(later - 1) }},
		"fetches, and acknowledges nothing by number": {workspace.ReasonBacklogStalled, func(f *workspace.Facts) {
			mail(f)
			f.Declared, f.Pushable, f.PollAwaitedAt, f.PolledAt = workspace.Poll, false, t0, at(restartAt-1)
			f.FetchedSince, f.HandedAt, f.InFlight, f.AcksEpoch = at(301), at(301), 1, f.Epoch
		}, func(f *workspace.Facts) { f.PolledAt, f.AcksEpoch = at(later-1), f.Epoch }},
		"is stuck": {workspace.ReasonRuntimeWedged, func(f *workspace.Facts) {
			f.WedgedSince = at(500)
		}, func(f *workspace.Facts) { f.WedgedSince = at(restartAt + 1) }},
		"fails its tasks": {workspace.ReasonAnswersFailing, func(f *workspace.Facts) {
			f.AnswerFailures, f.AnswersFailingSince, f.AnswersDegradedAt = 3, at(500), at(520)
		}, func(f *workspace.Facts) { f.AnswerFailures, f.AnswerFailedAt = 4, at(restartAt+30) }},
		"refuses the platform's signatures": {workspace.ReasonPushFailing, func(f *workspace.Facts) {
			f.PushFailures, f.PushFailingSince, f.PushFailedAt = 3, at(500), at(600)
			f.PushDegradedAt, f.PushFault = at(600), workspace.FaultUnauthorized
		}, func(f *workspace.Facts) { f.PushFailures, f.PushFailedAt, f.TriedAt = 5, at(later-1), at(later-1) }},
		"leaves a message unfetched until it ends": {workspace.ReasonInboxUnattended, func(f *workspace.Facts) {
			f.Declared, f.Pushable, f.PollAwaitedAt, f.UndeliveredAt = workspace.Poll, false, t0, at(500)
		}, nil},
		"is idle, and takes no mail": {workspace.ReasonBacklogStalled, func(f *workspace.Facts) {
			mail(f)
			f.TriedAt, f.InFlight, f.FreeSince, f.ActiveAt = at(restartAt-1), 1, at(100), at(restartAt-1)
		}, func(f *workspace.Facts) { f.TriedAt, f.ActiveAt = at(later-1), at(later-1) }},
	} {
		looked[c.reason] = true
		f := live(func(f *workspace.Facts) {
			f.Epoch, f.HeartbeatAt, f.LeaseUntil = 3, at(restartAt-1), at(restartAt+89)
			c.before(f)
		})
		v := workspace.Assess(f, p, at(restartAt))
		if v.Reason != c.reason || !asksForRestart(v) {
			t.Errorf("%s: before a restart it is %s (%s): %s", name, v.Status, v.Reason, v.Hint)
			continue
		}
		d := workspace.Declaration{Mode: f.Declared, Pushable: f.Pushable, From: f.SeenFrom}
		f = register(f, d, at(restartAt))
		f.HeartbeatAt, f.LeaseUntil = at(later-1), at(later+89)
		if c.after != nil {
			c.after(&f)
		}
		v = workspace.Assess(f, p, at(later))
		says := strings.Contains(v.Hint, at(restartAt).Format(time.RFC3339))
		asks := (v.Action == "restart" || v.Action == "start") && !strings.Contains(v.Hint, "if that does not help")
		if v.Reason != c.reason || asks || !says ||
			!strings.Contains(v.Hint, "not help") {
			t.Errorf("%s: after a restart it is %s (%s), %s: %s", name, v.Status, v.Reason, v.Action, v.Hint)
		}
	}
	for _, reason := range workspace.Reasons() {
		if looked[reason] == (unmoved[reason] != "") {
			t.Errorf("%s: is it looked at, or does it say why not?", reason)
		}
	}
}
