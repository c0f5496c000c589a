package workspace_test

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// failing are the reasons that say that deliveries fail or stall.
var failing = map[workspace.Reason]bool{
	workspace.ReasonPushFailing: true, workspace.ReasonBacklogStalled: true, workspace.ReasonInboxUnattended: true,
}

// The three questions agree, whatever the facts are.
func TestStatusDeliveryAndPromiseAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, now := anyFacts(t), at(600)
		v, mode := workspace.Assess(f, p, now), workspace.EffectiveMode(f, p, now).Effective
		expected, why := workspace.Expect(f, v, mode, p, now)
		deliverable := f.Deliverable(p, now)
		switch {
		case expected == workspace.ExpectNow && failing[v.Reason]:
			t.Fatalf("promises now beside %s: %+v", v.Reason, f)
		case expected == workspace.ExpectNow && (f.PushFailures > 0 || f.Resting(p, now) || f.Open > 1 ||
			(f.Open == 1 && !now.Before(f.AsideUntil.Add(p.DeliveryObjective)))):
			t.Fatalf("promises now, and no delivery begins now: %+v", f)
		case (expected == workspace.ExpectRetrying || expected == workspace.ExpectNobody) && why == "":
			t.Fatalf("%s, and no word why: %+v", expected, f)
		case expected == workspace.ExpectNow && v.Reason == workspace.ReasonPlatformSuspect:
			t.Fatalf("promises now beside a platform that delivers nothing: %+v", f)
		case v.Reason == workspace.ReasonBacklogStalled && mode == workspace.Push && f.InFlight == 0 &&
			f.TriedAt.Before(f.OldestOpen) && f.Withheld(p, now) != workspace.WithheldBusy:
			t.Fatalf("nobody has tried to deliver its mail, and the agent is blamed: %+v", f)
		case !deliverable && expected != workspace.ExpectNobody:
			t.Fatalf("nothing is delivered, and it promises %s: %+v", expected, f)
		case deliverable && expected == workspace.ExpectNobody && mode == workspace.Push:
			t.Fatalf("mail is pushed, and nobody is said to listen: %+v", f)
		case expected == workspace.ExpectNobody && mode == workspace.Poll && deliverable &&
			!f.PolledAt.IsZero() && now.Sub(f.PolledAt).Abs() < p.DeliveryObjective &&
			(v.Reason != workspace.ReasonCredentialsRejected || f.PolledAt.After(f.RefusedSince)):
			t.Fatalf("it polls, and nobody is said to listen: %+v", f)
		case deliverable && v.Status == workspace.StatusOnline && expected == workspace.ExpectNobody:
			t.Fatalf("online, and nobody is said to listen: %+v", f)
		case deliverable && v.Reason == workspace.ReasonInboxUnattended && expected != workspace.ExpectNobody:
			t.Fatalf("it does not poll, and %s is promised: %+v", expected, f)
		case deliverable && mode == workspace.Poll && v.Status == workspace.StatusOnline && f.Busy(p, now) == 0 &&
			f.InFlight == 0 && f.NotPolling(p, now) != "" && now.Sub(f.FreeSince) > p.PollPatience():
			t.Fatalf("it does not poll, nothing explains that, and it is online: %+v", f)
		case v.Status == workspace.StatusOnline && !deliverable:
			t.Fatalf("online, and nothing is delivered: %+v", f)
		}
		if online := v.Status == workspace.StatusOnline; online != (v.Command(f.ID) == "") {
			t.Fatalf("%s (%s), and the command is %q", v.Status, v.Reason, v.Command(f.ID))
		}
		if f.WantsDrain(p, now) && !deliverable {
			t.Fatalf("a drain is wanted where nothing may be delivered: %+v", f)
		}
	})
}

// Nothing but a hold, the end of the lease or of the credential stops mail.
func TestOnlyThreeThingsStopMail(t *testing.T) {
	now := at(600)
	for name, c := range map[string]struct {
		change func(*workspace.Facts)
		want   bool
	}{
		"nothing wrong": {func(*workspace.Facts) {}, true},
		"a neighbour behind one address is refused": {func(f *workspace.Facts) {
			f.RefusedFrom, f.RegisterRefused, f.RefusedSince, f.RefusedAt = f.SeenFrom, 2, at(300), at(400)
		}, true},
		"the incident: boots are refused, heartbeats pass": {func(f *workspace.Facts) {
			f.RefusedFrom, f.RegisterRefused, f.RefusedSince, f.RefusedAt = f.SeenFrom, 9, at(500), at(599)
		}, true},
		"another was issued": {func(f *workspace.Facts) {
			f.NextCredential, f.RevokedAt = token.Digest("y"), at(590)
		}, false},
		"wedged":               {func(f *workspace.Facts) { f.WedgedSince = at(500) }, true},
		"pushes fail":          {func(f *workspace.Facts) { f.PushFailures = 9 }, true},
		"its answers fail":     {func(f *workspace.Facts) { f.AnswerFailures = 9 }, true},
		"paused":               {func(f *workspace.Facts) { f.Hold = workspace.Paused }, false},
		"removed":              {func(f *workspace.Facts) { f.Hold = workspace.Removed }, false},
		"the lease ran out":    {func(f *workspace.Facts) { f.LeaseUntil = at(500) }, false},
		"its grace still runs": {func(f *workspace.Facts) { f.LeaseUntil = at(580) }, true},
		"revoked":              {func(f *workspace.Facts) { f.Credential, f.RevokedAt = token.Hash{}, at(590) }, false},
		"it is being rotated":  {func(f *workspace.Facts) { f.NextCredential = token.Digest("y") }, true},
	} {
		f := live(c.change)
		if got := f.Deliverable(p, now); got != c.want {
			t.Errorf("%s: deliverable is %v", name, got)
		}
	}
}

// A restart destroys work: no verdict asks for it while the agent is at work. No verdict says that an agent is idle
// and at work.
func TestNoRestartOfAnAgentAtWork(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, now := anyFacts(t), at(600)
		v := workspace.Assess(f, p, now)
		busy := f.Busy(p, now) > 0
		pushed := f.InFlight > 0 && f.ClaimedUntil.After(now)
		if v.Action == "restart" && f.Leased(p, now) && (busy || pushed) {
			t.Fatalf("%s (%s) asks for a restart: %+v", v.Status, v.Reason, f)
		}
		if strings.Contains(v.Hint, "it is idle") && strings.Contains(v.Hint, "it is at work now") {
			t.Fatalf("%s (%s) contradicts itself: %s", v.Status, v.Reason, v.Hint)
		}
	})
}

// What agents at work look like, and agents that fail, and what is said of them.
func TestVerdictsOverMail(t *testing.T) {
	now := at(600)
	mail := func(f *workspace.Facts, open, flying int64, oldest int) {
		f.Open, f.InFlight, f.OldestOpen = open, flying, at(oldest)
	}
	polls := func(f *workspace.Facts, last int) {
		f.Declared, f.Pushable, f.PolledAt = workspace.Poll, false, at(last)
	}
	for name, c := range map[string]struct {
		change   func(*workspace.Facts)
		reason   workspace.Reason
		action   string
		hop      workspace.Hop
		expected workspace.Expectation
	}{
		"three slots, one message in hand": {func(f *workspace.Facts) {
			mail(f, 1, 1, 530)
			f.MaxTasks, f.ClaimedUntil, f.TriedAt, f.ActiveTasks, f.ActiveAt = 3, at(680), at(530), 1, at(590)
		}, "healthy", "", "", "now"},
		"a poller at work acknowledges after it": {func(f *workspace.Facts) {
			polls(f, 595)
			mail(f, 1, 1, 400)
			f.ActiveTasks, f.ActiveAt = 1, at(590)
		}, "busy", "", "", "next_poll"},
		"one thread, at work for longer than the objective": {func(f *workspace.Facts) {
			polls(f, 500)
			mail(f, 1, 1, 499)
		}, "healthy", "", "", "when_idle"},
		"it fetched mail, and says that it is idle": {func(f *workspace.Facts) {
			polls(f, 500)
			mail(f, 1, 1, 499)
			f.ActiveAt = at(590)
		}, "inbox_unattended", "restart", "", "nobody_is_listening"},
		"a Retry-After that runs": {func(f *workspace.Facts) {
			mail(f, 1, 0, 500)
			f.BusyAnswers, f.BusySince, f.RestUntil, f.TriedAt = 1, at(501), at(680), at(501)
		}, "busy", "", "", "when_idle"},
		"busy for ever, and its heartbeats say that it is idle": {func(f *workspace.Facts) {
			mail(f, 1, 0, 100)
			f.BusyAnswers, f.BusySince, f.RestUntil, f.TriedAt, f.ActiveAt = 9, at(101), at(610), at(595), at(590)
		}, "push_failing", "inspect", "agent", "retrying"},
		"busy, and its heartbeats say the same": {func(f *workspace.Facts) {
			mail(f, 1, 0, 300)
			f.BusyAnswers, f.BusySince, f.TriedAt = 9, at(301), at(595)
			f.ActiveTasks, f.ActiveAt, f.AtWorkSince = 1, at(590), at(290)
		}, "busy", "", "", "when_idle"},
		"nobody has tried": {func(f *workspace.Facts) {
			mail(f, 1, 0, 500)
			f.ActiveAt = at(590)
		}, "platform_suspect", "wait", "", "when_idle"},
		"nothing listens at its URL": {func(f *workspace.Facts) {
			mail(f, 1, 0, 550)
			f.PushFailures, f.PushFault, f.PushError = 3, workspace.FaultRefused, "connection refused"
		}, "push_failing", "check_url", "network", "retrying"},
		"it answers with an error": {func(f *workspace.Facts) {
			mail(f, 1, 0, 550)
			f.PushFailures, f.PushFault, f.PushError = 3, workspace.FaultRPC, "error -32603: no quota"
		}, "push_failing", "inspect", "agent", "retrying"},
		"one failure is no verdict, and no promise": {func(f *workspace.Facts) {
			f.PushFailures, f.PushFault, f.PushError = 1, workspace.FaultRefused, "connection refused"
		}, "healthy", "", "", "retrying"},
		"it takes its mail, and fails each task": {func(f *workspace.Facts) {
			f.AnswerFailures, f.AnswerError, f.AnswersFailingSince = 3, "invalid x-api-key", at(500)
		}, "answers_failing", "inspect", "", "now"},
		"its last message ended undelivered": {func(f *workspace.Facts) {
			f.UndeliveredAt, f.DeliveredAt = at(500), at(100)
		}, "push_failing", "check_url", "network", "retrying"},
		"and a probe has reached it since": {func(f *workspace.Facts) {
			f.UndeliveredAt, f.ReachedAt = at(500), at(550)
		}, "healthy", "", "", "now"},
		"undeclared, its pushes fail, and it polls": {func(f *workspace.Facts) {
			f.PushFailures, f.PushFailedAt, f.PolledAt = 3, at(580), at(599)
		}, "healthy", "", "", "next_poll"},
	} {
		t.Run(name, func(t *testing.T) {
			f := live(c.change)
			v := workspace.Assess(f, p, now)
			got, why := workspace.Expect(f, v, workspace.EffectiveMode(f, p, now).Effective, p, now)
			if v.Reason != c.reason || v.Action != c.action || v.Hop != c.hop || got != c.expected {
				t.Errorf("%s, %q, at fault %q, expected %s (%s): %s", v.Reason, v.Action, v.Hop, got, why, v.Hint)
			}
		})
	}
}

// Mail that was lost is told for a day, whatever the status is.
func TestLostMailIsTold(t *testing.T) {
	f := live(func(f *workspace.Facts) { f.LostMessages, f.LostAt, f.LostWhy = 2, at(500), "no key" })
	v := workspace.Assess(f, p, at(600))
	if v.Status != workspace.StatusOnline || len(v.Remarks) != 1 || v.Remarks[0].Command != "rollcall redrive w" ||
		!strings.Contains(v.Remarks[0].Text, "2 messages") || !strings.Contains(v.Remarks[0].Text, "no key") {
		t.Fatalf("%+v", v)
	}
	if text := (workspace.Fleet{}).Explain(f, p, at(600)).Text(); !strings.Contains(text, "rollcall redrive w") {
		t.Error(text)
	}
	if v := workspace.Assess(f, p, at(500).Add(p.LostMailMemory)); len(v.Remarks) != 0 {
		t.Fatalf("%+v", v)
	}
	f.LostMessages = 0 // redriven
	if v := workspace.Assess(f, p, at(600)); len(v.Remarks) != 0 {
		t.Fatalf("%+v", v)
	}
}

// Whatever the facts are, the command beside lost mail is the step that its words say, and what ended the mail says
// which. It puts mail back only where nobody could take it, and its agent takes mail now. Where the message may be what
// failed, each offer to put it back comes after the look at what ended it.
func TestTheStepAfterLostMailFollowsFromWhatEndedIt(t *testing.T) {
	redriven, looked := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t)
		if rapid.Bool().Draw(t, "it is well") {
			f = live(func(*workspace.Facts) {})
		}
		f.LostMessages = rapid.Int64Range(1, 3).Draw(t, "lost")
		f.LostInVain = rapid.Int64Range(0, f.LostMessages).Draw(t, "in vain")
		f.LostAt = at(rapid.IntRange(0, 600).Draw(t, "lost at"))
		f.LostWhy = rapid.SampledFrom([]string{"", "no key", "run rollcall receipts w"}).Draw(t, "why")
		e := (workspace.Fleet{}).Explain(f, p, at(600))
		if strings.Contains(quoted.ReplaceAllString(e.Next, "")+e.Command, "rollcall redrive") {
			t.Fatalf("the verdict itself offers a redrive: %+v", e)
		}
		i := slices.IndexFunc(e.Remarks, func(r workspace.Remark) bool { return r.Code == workspace.RemarkMailLost })
		if (i < 0) != (f.Hold == workspace.Removed) {
			t.Fatalf("%+v", e)
		}
		if i < 0 {
			return
		}
		v := workspace.Assess(f, p, at(600))
		expected, _ := workspace.Expect(f, v, f.Mode(p, at(600)), p, at(600))
		arrives := expected == workspace.ExpectNow || expected == workspace.ExpectNextPoll ||
			expected == workspace.ExpectWhenIdle
		look, redrive := "rollcall receipts "+f.ID+" --lost", "rollcall redrive "+f.ID
		r, want := e.Remarks[i], look
		text := quoted.ReplaceAllString(r.Text, "")
		if f.LostInVain == 0 && v.Status == workspace.StatusOnline && arrives {
			redriven++
			want = redrive
		} else {
			looked++
			if first, _, _ := strings.Cut(text, redrive); !strings.Contains(first, look) {
				t.Fatalf("%q", text)
			}
		}
		if r.Command != want {
			t.Fatalf("%q of %q, want %q", r.Command, text, want)
		}
		if f.LostInVain > 0 && (!strings.Contains(text, "First see what ended") ||
			!strings.Contains(text, redrive+" MESSAGE puts one back") ||
			!strings.Contains(text, "rollcall dismiss "+f.ID+" --lost")) {
			t.Fatalf("%q", text)
		}
	})
	if redriven == 0 || looked == 0 {
		t.Fatalf("%d redrives, %d looks", redriven, looked)
	}
}

var quoted = regexp.MustCompile(`“[^”]*”`)

// What is said of an agent that has just become able to take mail that is overdue: it is not at fault.
func TestAnAgentThatIsBackIsNotAtFault(t *testing.T) {
	now := at(600)
	for name, c := range map[string]struct {
		change func(*workspace.Facts)
		reason workspace.Reason
		action string
	}{
		"it came back":              {func(f *workspace.Facts) { f.RecoveredAt = at(599) }, "healthy", ""},
		"it registered":             {func(f *workspace.Facts) { f.RegisteredAt = at(599) }, "healthy", ""},
		"it was resumed":            {func(f *workspace.Facts) { f.ResumedAt = at(599) }, "healthy", ""},
		"it has just become free":   {func(f *workspace.Facts) { f.FreeSince, f.ActiveAt = at(599), at(599) }, "healthy", ""},
		"nobody has tried it since": {func(f *workspace.Facts) { f.RecoveredAt = at(500) }, "platform_suspect", "wait"},
		"it took none when tried": {func(f *workspace.Facts) {
			f.RecoveredAt, f.TriedAt = at(580), at(590)
		}, "backlog_stalled", "restart"},
		"it is tried for the first time": {func(f *workspace.Facts) {
			f.RecoveredAt, f.TriedAt, f.InFlight, f.ClaimedUntil = at(530), at(531), 1, at(681)
		}, "healthy", ""},
		"the one that waits is set aside": {func(f *workspace.Facts) {
			f.TriedAt, f.AsideUntil = at(590), at(640)
		}, "healthy", ""},
		"it was set aside, and nothing else passes": {func(f *workspace.Facts) {
			f.TriedAt, f.AsideUntil, f.PushFailures, f.PushFault = at(590), at(640), 5, workspace.FaultRPC
		}, "push_failing", "inspect"},
		"it has just taken a probe": {func(f *workspace.Facts) { f.TriedAt, f.ReachedAt = at(590), at(599) }, "healthy", ""},
		"it failed when tried": {func(f *workspace.Facts) {
			f.RecoveredAt, f.TriedAt, f.PushFailures, f.PushFault = at(590), at(591), 1, workspace.FaultRefused
			f.PushFailingSince = at(591)
		}, "push_failing", "check_url"},
		"it is to poll, and came back": {func(f *workspace.Facts) {
			f.Declared, f.Pushable, f.RecoveredAt = workspace.Poll, false, at(599)
		}, "inbox_unattended", "wait"},
		"it polled, and has just become free": {func(f *workspace.Facts) {
			f.Declared, f.Pushable, f.PolledAt, f.FreeSince, f.ActiveAt = workspace.Poll, false, at(300), at(599), at(599)
		}, "healthy", ""},
		"it registers again and again, and never polls": {func(f *workspace.Facts) {
			f.Declared, f.Pushable, f.RegisteredAt = workspace.Poll, false, at(598)
			f.PolledAt, f.FreeSince, f.ActiveAt = at(300), at(599), at(599)
		}, "inbox_unattended", "wait"},
		"it has just fetched what waited": {func(f *workspace.Facts) {
			f.Declared, f.Pushable, f.PolledAt, f.FetchedSince, f.InFlight = workspace.Poll, false, at(595), at(595), 1
		}, "healthy", ""},
		"it is to poll, and does not": {func(f *workspace.Facts) {
			f.Declared, f.Pushable, f.RecoveredAt = workspace.Poll, false, at(500)
		}, "inbox_unattended", "restart"},
		"it was busy once, and a new boot is yet to be tried": {func(f *workspace.Facts) {
			f.BusyAnswers, f.BusySince, f.TriedAt, f.RegisteredAt = 1, at(300), at(300), at(599)
		}, "healthy", ""},
		"nothing listened at its URL, and a new boot is yet to be tried": {func(f *workspace.Facts) {
			f.PushFailures, f.PushFault, f.TriedAt, f.RegisteredAt = 3, workspace.FaultRefused, at(300), at(599)
		}, "push_failing", "wait"},
		"it is busy for ever, and registers again": {func(f *workspace.Facts) {
			f.BusyAnswers, f.BusySince, f.TriedAt, f.RegisteredAt = 2, at(300), at(580), at(599)
		}, "push_failing", "wait"},
		"it is busy for ever, and registered again": {func(f *workspace.Facts) {
			f.BusyAnswers, f.BusySince, f.TriedAt, f.RegisteredAt = 2, at(300), at(599), at(580)
		}, "push_failing", "inspect"},
		"it is to poll, and has just registered": {func(f *workspace.Facts) {
			f.Declared, f.Pushable, f.RegisteredAt, f.PollAwaitedAt = workspace.Poll, false, at(599), at(599)
		}, "healthy", ""},
	} {
		f := live(func(f *workspace.Facts) { f.Open, f.OldestOpen = 1, at(200) })
		c.change(&f)
		v := workspace.Assess(f, p, now)
		if v.Reason != c.reason || v.Action != c.action {
			t.Errorf("%s: %s, %q: %s", name, v.Reason, v.Action, v.Hint)
		}
	}
}

// No verdict claims to have begun while another one was true.
func TestAVerdictBeginsWhenItIsFirstTrue(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*workspace.Facts)
		reason workspace.Reason
		since  time.Time
	}{
		"the grace counts as online": {func(f *workspace.Facts) {
			f.HeartbeatAt, f.LeaseUntil = at(400), at(490)
		}, "lease_expired", at(490).Add(p.Grace)},
		"mail was overdue after one failure": {func(f *workspace.Facts) {
			f.Open, f.OldestOpen, f.PushFailures, f.PushFailingSince = 1, at(500), 1, at(501)
		}, "push_failing", at(560)},
		"there were three failures before mail was overdue": {func(f *workspace.Facts) {
			f.Open, f.OldestOpen, f.PushFailures, f.PushFailingSince, f.PushDegradedAt = 1, at(500), 5, at(501), at(510)
		}, "push_failing", at(510)},
		"two drains failed at once": {func(f *workspace.Facts) {
			f.PushFailures, f.PushFailingSince, f.PushFailedAt = 3, at(500), at(505)
		}, "push_failing", at(505)},
		"it was at work until then": {func(f *workspace.Facts) {
			f.Open, f.OldestOpen, f.FreeSince, f.TriedAt, f.ActiveAt = 1, at(100), at(570), at(571), at(590)
		}, "backlog_stalled", at(570)},
		"it asked for time, and asked again": {func(f *workspace.Facts) {
			f.BusyAnswers, f.BusySince, f.PushDegradedAt, f.TriedAt = 2, at(200), at(500), at(500)
		}, "push_failing", at(500)},
		"it fetched its mail late, and acknowledges nothing": {func(f *workspace.Facts) {
			f.Declared, f.Pushable, f.Open, f.InFlight, f.OldestOpen = workspace.Poll, false, 1, 1, at(100)
			f.PolledAt, f.FetchedSince, f.ActiveAt = at(595), at(470), at(596)
		}, "backlog_stalled", at(590)},
		"it may have been at work on what it fetched": {func(f *workspace.Facts) {
			f.Declared, f.Pushable, f.Open, f.InFlight, f.OldestOpen = workspace.Poll, false, 1, 1, at(300)
			f.PolledAt = at(301)
		}, "inbox_unattended", at(301).Add(p.DeliveryPatience)},
	} {
		v := workspace.Assess(live(c.change), p, at(600))
		if v.Reason != c.reason || !v.Since.Equal(c.since) {
			t.Errorf("%s: %s since %s, want %s", name, v.Reason, v.Since, c.since)
		}
	}
}

// A register lets the agent be tried at once, and proves nothing of what failed.
func TestARegisterProvesNoHandover(t *testing.T) {
	f := live(func(f *workspace.Facts) {
		f.PushFailures, f.PushFailingSince, f.PushError, f.RestUntil = 4, at(400), "connection refused", at(640)
		f.BusyAnswers, f.BusySince = 2, at(500)
	})
	again := register(f, workspace.Declaration{URL: "http://agent/2", Pushable: true, From: "10.0.0.1"}, at(600))
	if again.Resting(p, at(600)) || again.BusyAnswers != 2 || again.PushFailures != 4 || !again.NeedsProbe(p, at(600)) {
		t.Fatalf("%+v", again.PushTrouble)
	}
	if v := workspace.Assess(again, p, at(600)); v.Reason != workspace.ReasonPushFailing {
		t.Fatalf("%s (%s)", v.Status, v.Reason)
	}
}

// A rest longer than any is a wrong clock's.
func TestAFastClockGivesNoRest(t *testing.T) {
	f := live(func(f *workspace.Facts) { f.RestUntil = at(600).Add(time.Hour) })
	if f.Resting(p, at(600)) {
		t.Fatal("it is left alone for an hour")
	}
	jumped := at(600).Add(5 * time.Minute) // and so is one that began in the future, however short it is
	f = live(func(f *workspace.Facts) {
		f.PushFailures, f.PushFailedAt, f.RestUntil = 1, jumped, jumped.Add(2*time.Second)
	})
	if f.Resting(p, at(600)) {
		t.Fatal("it is left alone for five minutes")
	}
	f = live(func(f *workspace.Facts) { f.Open, f.OldestOpen, f.TriedAt, f.ResumedAt = 1, at(100), at(300), jumped })
	if v := workspace.Assess(f, p, at(600)); v.Status == workspace.StatusOnline {
		t.Fatalf("a resume in the future hides that mail waits: %+v", v)
	}
}

// A workspace that is removed and created again has lost no mail of its own; one that is removed offers no redrive.
func TestARemovedWorkspaceOffersNoRedrive(t *testing.T) {
	f := live(func(f *workspace.Facts) { f.LostMessages, f.LostAt, f.LostWhy = 2, at(500), "no key" })
	f = workspace.SetHold(f, workspace.Removed, p, at(599))
	if v := workspace.Assess(f, p, at(600)); len(v.Remarks) != 0 {
		t.Fatalf("%+v", v.Remarks)
	}
	f = workspace.CreateAgain(f, token.Digest("new"), workspace.Push, 1, at(600))
	if v := workspace.Assess(f, p, at(601)); f.LostMessages != 0 || len(v.Remarks) != 0 {
		t.Fatalf("%+v", v.Remarks)
	}
}

// An agent that says that it is idle, with a message in its hands for long, is not said to work: that message is what
// there is to wait for.
func TestWhatAnIdleAgentHasInItsHands(t *testing.T) {
	f := live(func(f *workspace.Facts) {
		f.MaxTasks, f.ActiveAt = 2, at(590)
		f.Open, f.InFlight, f.OldestOpen, f.TriedAt, f.ClaimedUntil = 2, 1, at(400), at(500), at(640)
	})
	v := workspace.Assess(f, p, at(600))
	if v.Reason != workspace.ReasonBacklogStalled || v.Action != "wait" ||
		!strings.Contains(v.Hint, "idle") || !strings.Contains(v.Hint, "it works on a message") ||
		strings.Contains(v.Hint, "it is at work now") {
		t.Errorf("%s %s: %s", v.Reason, v.Action, v.Hint)
	}
}

// What the sender of a message is told holds none of the facts' texts, which are addresses, errors and words of others,
// and no operator's step, whatever the facts and the fleet are.
func TestASenderIsToldNoTextOfTheFacts(t *testing.T) {
	const text = "7.7.7.7"
	rapid.Check(t, func(t *rapid.T) {
		f, now := anyFacts(t), at(600)
		fields := reflect.ValueOf(&f).Elem()
		for _, name := range workspace.FieldsOf[workspace.Facts]() {
			if field := fields.FieldByName(name); field.Type() == reflect.TypeFor[string]() && name != "ID" {
				field.SetString(text)
			}
		}
		fl := workspace.Fleet{SampledAt: now, SweptAt: now.Add(-10 * time.Minute)}
		for range rapid.IntRange(0, 9).Draw(t, "silent agents") {
			fl.LeaseEnds = append(fl.LeaseEnds, now.Add(-p.Grace-time.Second))
		}
		v, mode := fl.Assess(f, p, now), workspace.EffectiveMode(f, p, now).Effective
		_, why := workspace.Expect(f, v, mode, p, now)
		for _, told := range []string{why, v.Summary()} {
			if strings.Contains(told, text) || strings.Contains(told, "rollcall") || strings.Contains(told, " agents fell") {
				t.Fatalf("%s: %q of %+v", v.Reason, told, f)
			}
		}
	})
}

// An agent that acknowledges by number, says that it is idle and acknowledges nothing is to be restarted, and that
// stands: its next poll does not make it seem to be at work.
func TestAPollTakesBackNoIdleness(t *testing.T) {
	f := live(func(f *workspace.Facts) {
		f.Declared, f.Epoch, f.AcksEpoch = workspace.Poll, 1, 1
		f.Open, f.InFlight, f.OldestOpen, f.FetchedSince, f.HandedAt = 1, 1, at(300), at(300), at(300)
	})
	for s := 480; s < 540; s += 5 {
		f.PolledAt = at(s)
		if s%20 == 0 {
			f.HeartbeatAt, f.ActiveAt, f.ActiveTasks = at(s+1), at(s+1), 0
		}
		f.LeaseUntil = at(s + 90)
		v := workspace.Assess(f, p, at(s+2))
		if v.Reason != workspace.ReasonBacklogStalled || v.Action != "restart" || v.FaultyHop() != workspace.HopAgent {
			t.Errorf("at %d: %s, %s, at fault: %s: %s", s, v.Reason, v.Action, v.FaultyHop(), v.Hint)
		}
	}
}

// A sender is never told "now" of an agent that is known not to take a message now: nobody listens, pushes to it fail,
// it is not pushed to at all, or others go before. A worse reason hides none of that.
func TestNowIsNeverPromisedInVain(t *testing.T) {
	well := live(func(f *workspace.Facts) { f.Pushable = true })
	mode := workspace.EffectiveMode(well, p, at(600)).Effective
	expected, _ := workspace.Expect(well, workspace.Assess(well, p, at(600)), mode, p, at(600))
	if expected != workspace.ExpectNow {
		t.Fatalf("of an agent that is well, %s is promised", expected)
	}
	rapid.Check(t, func(t *rapid.T) {
		f, now := anyFacts(t), at(600)
		for name, spoil := range map[string]func(*workspace.Facts){
			"a hold":        func(f *workspace.Facts) { f.Hold = workspace.Paused },
			"a removal":     func(f *workspace.Facts) { f.Hold = workspace.Removed },
			"silence":       func(f *workspace.Facts) { f.LeaseUntil = now.Add(-p.Grace) },
			"no credential": func(f *workspace.Facts) { f.Credential, f.NextCredential = token.Hash{}, token.Hash{} },
			"a revocation": func(f *workspace.Facts) {
				f.RevokedAt = f.LastSignal()
				if f.RevokedAt.IsZero() {
					f.RevokedAt = now
				}
			},
			"a refused boot": func(f *workspace.Facts) {
				f.HeartbeatAt, f.PolledAt, f.CalledAt, f.RegisteredAt = at(590), time.Time{}, time.Time{}, at(-100)
				f.ReachedAt, f.DeliveredAt = at(500), at(500)
				f.RegisterRefused, f.RegisterRefusedAt = max(1, f.RegisterRefused), at(598)
				f.RefusedSince, f.RefusedAt, f.RefusedFrom = at(598), at(598), f.SeenFrom
			},
			"a refused push": func(f *workspace.Facts) { f.PushFailures, f.PushFault = 1, workspace.FaultRefused },
			"a push in vain": func(f *workspace.Facts) { f.PushFailures, f.PushFault = 3, workspace.FaultRPC },
			"a message lost": func(f *workspace.Facts) {
				f.UndeliveredAt, f.DeliveredAt, f.ReachedAt, f.PolledAt = now, at(500), at(500), at(500)
			},
			"no URL":         func(f *workspace.Facts) { f.Pushable = false },
			"an ended URL":   func(f *workspace.Facts) { f.Pushable, f.URLEndedAt = false, at(500) },
			"a full slot":    func(f *workspace.Facts) { f.ActiveTasks, f.ActiveAt, f.DeliveredAt = f.Slots(), now, at(500) },
			"a rest":         func(f *workspace.Facts) { f.RestUntil, f.TriedAt, f.BusyAnswers = at(660), now, 0 },
			"mail before it": func(f *workspace.Facts) { f.Open, f.InFlight, f.OldestOpen = f.Open+3, 0, at(599) },
			"busy for too long": func(f *workspace.Facts) {
				f.BusyAnswers, f.BusySince, f.TriedAt, f.ActiveTasks = 9, at(-500), at(500), 0
			},
		} {
			g := f
			spoil(&g)
			mode := workspace.EffectiveMode(g, p, now).Effective
			expected, _ := workspace.Expect(g, workspace.Assess(g, p, now), mode, p, now)
			if expected == workspace.ExpectNow {
				t.Fatalf("with %s, now is promised: %+v", name, g)
			}
		}
	})
}

// The next poll is promised only of an agent that may poll: one whose URL has ended registers first, unless it has
// polled since it registered last, or said that it does.
func TestNoPollIsPromisedOfAnAgentThatIsPushedTo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, now := anyFacts(t), at(600)
		f.Declared = rapid.SampledFrom([]workspace.Mode{workspace.Push, workspace.Undeclared}).Draw(t, "declared")
		f.Pushable, f.URLEndedAt, f.RegisteredAt = false, at(rapid.IntRange(0, 600).Draw(t, "ended")), at(-10)
		f.PolledAt = rapid.SampledFrom([]time.Time{{}, at(-20)}).Draw(t, "polled")
		v, mode := workspace.Assess(f, p, now), workspace.EffectiveMode(f, p, now).Effective
		expected, _ := workspace.Expect(f, v, mode, p, now)
		if expected == workspace.ExpectNextPoll || expected == workspace.ExpectNow {
			t.Fatalf("%s is promised, %s (%s): %+v", expected, v.Status, v.Reason, f)
		}
		f.PolledAt, f.RegisteredAt = at(599), at(500) // it polls all the same
		v = workspace.Assess(f, p, now)
		if e, _ := workspace.Expect(f, v, mode, p, now); v.Status == workspace.StatusOnline && f.Open == 0 &&
			f.ActiveTasks == 0 && e == workspace.ExpectNobody {
			t.Fatalf("it polls, and nobody is there: %s (%s): %+v", v.Status, v.Reason, f)
		}
	})
}

// Whatever the facts are, the receipt of a message that waits says what it waits for. What ends the wait fits the
// reason: nobody is told to wait for an agent whose workspace an operator holds.
func TestAMessageThatWaitsSaysForWhat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, now := anyFacts(t), at(600)
		f.Open++ // this one
		v, mode := workspace.Assess(f, p, now), workspace.EffectiveMode(f, p, now).Effective
		waits := workspace.WaitsFor(f, v, mode, 1, at(900), p, now)
		f.Open--
		expected, why := workspace.Expect(f, v, mode, p, now) // of what is before it
		if alone := f.Open == f.InFlight; alone && strings.Contains(waits, "before it") {
			t.Fatalf("it is alone: %q", waits)
		}
		if waits == "" || !strings.HasSuffix(waits, why) {
			t.Fatalf("%s (%s): %q", expected, why, waits)
		}
		ends := strings.TrimSuffix(waits, why)
		if until := strings.Contains(ends, "2026-11-24T12:15:00Z"); until != (expected != workspace.ExpectNow) {
			t.Fatalf("%s: when it expires is not said: %q", expected, waits)
		}
		if paused := strings.Contains(waits, "an operator resumes"); paused != (v.Reason == workspace.ReasonPaused) {
			t.Fatalf("%s: %q", v.Reason, waits)
		}
		if nobody := strings.Contains(waits, "it waits until"); nobody != (expected == workspace.ExpectNobody) {
			t.Fatalf("%s: %q", expected, waits)
		}
	})
}

// An agent that registered with a wrong URL is not told to wait: what failed since was not before it came back.
func TestAFailureSinceTheRegisterIsTold(t *testing.T) {
	now := at(600)
	for name, c := range map[string]struct {
		change func(*workspace.Facts)
		action string
	}{
		"pushes failed before it came back": {nil, "wait"},
		"a probe failed since":              {func(f *workspace.Facts) { f.PushFailedAt = at(585) }, "check_url"},
		"a message failed since": {
			func(f *workspace.Facts) { f.TriedAt, f.PushFailedAt = at(584), at(585) }, "check_url",
		},
		"what was tried before failed since": {
			func(f *workspace.Facts) { f.RegisteredAt, f.FreeSince, f.PushFailedAt = t0, at(580), at(585) }, "check_url",
		},
		"a probe was answered by busy since, and the rest is over": {
			func(f *workspace.Facts) { f.BusyAnswers, f.BusySince, f.RestUntil = 1, at(585), at(595) }, "check_url",
		},
		"a probe was answered by busy once more since": {
			func(f *workspace.Facts) { f.BusyAnswers, f.BusySince, f.RestUntil = 2, at(300), at(595) }, "check_url",
		},
		"it took a probe since": {
			func(f *workspace.Facts) { f.ProbePushedAt, f.ProbePassed = at(585), true }, "wait",
		},
		"its last message ended undelivered since": {
			func(f *workspace.Facts) {
				f.PushTrouble = workspace.PushTrouble{PushFailures: 1, PushFault: workspace.FaultRefused, PushFailedAt: at(500)}
				f.Open, f.OldestOpen, f.UndeliveredAt = 0, time.Time{}, at(590)
			}, "check_url",
		},
		"its last message ended undelivered before": {
			func(f *workspace.Facts) {
				f.PushTrouble = workspace.PushTrouble{PushFailures: 1, PushFault: workspace.FaultRefused, PushFailedAt: at(500)}
				f.Open, f.OldestOpen, f.UndeliveredAt = 0, time.Time{}, at(500)
			}, "wait",
		},
	} {
		f := live(func(f *workspace.Facts) {
			f.RegisteredAt, f.Open, f.OldestOpen, f.TriedAt = at(580), 1, at(300), at(500)
			f.PushFailures, f.PushFailingSince, f.PushFailedAt = 3, at(400), at(500)
			f.PushFault, f.PushError = workspace.FaultRefused, "connection refused"
		})
		if c.change != nil {
			c.change(&f)
		}
		v := workspace.Assess(f, p, now)
		if v.Reason != workspace.ReasonPushFailing || v.Action != c.action {
			t.Errorf("%s: %s, %q: %s", name, v.Reason, v.Action, v.Hint)
		}
	}
}

// cameBack is what is said of failures while a new try is due, with when the agent became able to take mail.
var cameBack = regexp.MustCompile(`that was before [a-z ]+ at (\S+);`)

// ables are what a hint can say to have made the agent able to take mail, and when that was.
var ables = map[string]func(workspace.Facts) time.Time{
	"the agent registered at":           func(f workspace.Facts) time.Time { return f.RegisteredAt },
	"its pause ended at":                func(f workspace.Facts) time.Time { return f.ResumedAt },
	"the agent came back at":            func(f workspace.Facts) time.Time { return f.RecoveredAt },
	"the agent said that it is free at": func(f workspace.Facts) time.Time { return f.FreeSince },
	"a poll is awaited since": func(f workspace.Facts) time.Time {
		awaited := slices.MaxFunc([]time.Time{f.PolledAt, f.PollAwaitedAt}, time.Time.Compare)
		if awaited.IsZero() {
			awaited = slices.MaxFunc([]time.Time{f.RegisteredAt, f.CreatedAt}, time.Time.Compare)
		}
		return awaited
	},
}

// What a hint says to have made an agent able to take mail is what did: one that only said that it is free did not come
// back.
func TestAHintSaysWhatMadeTheAgentAble(t *testing.T) {
	seen := map[string]bool{}
	for trouble := range 4 {
		rapid.Check(t, func(t *rapid.T) { seeHint(t, trouble, seen) })
	}
	for words := range ables {
		if !seen[words] && !testing.Short() { // a short test draws too few
			t.Errorf("no hint said %q", words)
		}
	}
}

// seeHint checks the hint over one kind of trouble, and notes what it says.
func seeHint(t *rapid.T, trouble int, seen map[string]bool) {
	when := func(name string) time.Time {
		return rapid.SampledFrom([]time.Time{at(510), at(560), at(590), at(599)}).Draw(t, name)
	}
	f := live(func(f *workspace.Facts) {
		f.RegisteredAt, f.ResumedAt = when("registered"), when("resumed")
		f.RecoveredAt, f.FreeSince = when("back"), when("free")
		f.HeartbeatAt, f.ActiveAt, f.TriedAt = at(599), at(599), when("tried")
		f.Open, f.OldestOpen = 1, at(300)
		switch trouble {
		case 0:
			f.PushFailures, f.PushFailingSince, f.PushFailedAt = 3, at(490), at(500)
		case 1:
			f.Declared, f.Pushable, f.PollAwaitedAt = workspace.Poll, false, when("to poll")
		case 2:
			f.Declared, f.Pushable, f.InFlight = workspace.Poll, false, 1
			f.PolledAt, f.FetchedSince = at(595), at(300)
		case 3:
			f.Declared, f.Pushable, f.Open, f.OldestOpen = workspace.Poll, false, 0, time.Time{}
			f.UndeliveredAt, f.PollAwaitedAt = at(595), when("to poll")
		}
	})
	hint := workspace.Assess(f, p, at(600)).Hint
	for words, of := range ables {
		if !strings.Contains(hint, words) {
			continue
		}
		seen[words] = true
		if said := words + " " + of(f).UTC().Format(time.RFC3339); !strings.Contains(hint, said) {
			t.Fatalf("%s: %s", said, hint)
		}
	}
}

// Nothing that is said to have been before the agent came back was after it.
func TestNothingIsBeforeWhatItCameAfter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		when := func(name string) time.Time { return at(rapid.IntRange(500, 600).Draw(t, name)) }
		f := live(func(f *workspace.Facts) {
			f.RegisteredAt, f.TriedAt, f.HeartbeatAt = when("registered"), when("tried"), at(595)
			f.Open, f.OldestOpen = 1, at(300)
			f.FreeSince = rapid.SampledFrom([]time.Time{{}, when("free")}).Draw(t, "free since")
			switch rapid.IntRange(0, 2).Draw(t, "trouble") {
			case 0:
				f.PushFailures, f.PushFailingSince, f.PushFailedAt = 3, at(490), when("failed")
				f.ProbePushedAt = rapid.SampledFrom([]time.Time{{}, when("probed")}).Draw(t, "probe")
				f.ProbePassed = rapid.Bool().Draw(t, "passed")
			case 1:
				f.BusyAnswers, f.BusySince = 9, at(rapid.IntRange(200, 600).Draw(t, "busy since"))
			case 2:
				f.Open, f.OldestOpen, f.UndeliveredAt = 0, time.Time{}, when("undelivered")
			}
		})
		v := workspace.Assess(f, p, at(600))
		said := cameBack.FindStringSubmatch(v.Hint)
		if (v.Action == "wait") != (said != nil) && v.Reason == workspace.ReasonPushFailing {
			t.Fatalf("%q: %s", v.Action, v.Hint)
		}
		if said == nil {
			return
		}
		back, err := time.Parse(time.RFC3339, said[1])
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range v.Evidence {
			failed := strings.Contains(e.Fact, "failed") || strings.Contains(e.Fact, "that it is busy") ||
				strings.Contains(e.Fact, "did not take a probe") || strings.Contains(e.Fact, "ended without")
			if failed && !e.At.Before(back) {
				t.Fatalf("%s: %s, and the hint says: %s", e.At, e.Fact, v.Hint)
			}
		}
	})
}
