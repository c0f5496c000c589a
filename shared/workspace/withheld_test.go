package workspace_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/workspace"
)

// What keeps a drain from trying is told as what it is, and never as a platform that is late.
func TestWhatKeepsADrainFromTryingIsNoLatePlatform(t *testing.T) {
	seen := map[workspace.Withheld]int{}
	rapid.Check(t, func(t *rapid.T) {
		f, now := anyFacts(t), at(600)
		says := rapid.SampledFrom([]string{"anything", "slots taken", "slots taken for long"}).Draw(t, "it says")
		if says != "anything" {
			mostlyWell(t, &f)
			f.Open, f.OldestOpen, f.Declared, f.Pushable = 1, at(rapid.IntRange(-600, 600).Draw(t, "oldest")), "", true
			f.InFlight, f.DeliveredAt = min(f.InFlight, 1), at(rapid.IntRange(-600, 600).Draw(t, "delivered"))
			f.ActiveTasks, f.FreeSince = f.Slots(), time.Time{}
			f.ActiveAt = at(rapid.IntRange(500, 600).Draw(t, "said at"))
		}
		if says == "slots taken for long" {
			f = live(func(f *workspace.Facts) {
				f.Open, f.OldestOpen, f.AtWorkSince = 1, at(rapid.IntRange(-600, 0).Draw(t, "oldest")), at(-30)
				f.ActiveTasks, f.ActiveAt = f.Slots(), at(590)
			})
		}
		noneAhead(&f, now) // by what a wrong clock dates, a drain may be withheld that the verdict takes for due
		v := workspace.Assess(f, p, now)
		why := f.Withheld(p, now)
		if why != "" && v.Reason == workspace.ReasonPlatformSuspect {
			t.Fatalf("nothing is pushed (%s), and the platform is suspected: %s: %+v", why, v.Hint, f)
		}
		if why == "" && !f.WantsDrain(p, now) || why != "" && f.WantsDrain(p, now) {
			t.Fatalf("nothing keeps a drain from trying but %q, and one is wanted: %t", why, f.WantsDrain(p, now))
		}
		if v.Reason == workspace.ReasonBacklogStalled && why == workspace.WithheldBusy {
			text := workspace.Fleet{}.Explain(f, p, now).Text()
			if !strings.Contains(text, "task slots are taken") || v.FaultyHop() != workspace.HopAgent ||
				strings.Contains(text, "rollcall sweep") {
				t.Fatalf("the agent's own report is not named: %s", text)
			}
			mode := workspace.EffectiveMode(f, p, now).Effective
			if expected, why := workspace.Expect(f, v, mode, p, now); expected == workspace.ExpectNow || why == "" {
				t.Fatalf("%s (%s) is promised: %+v", expected, why, f)
			}
		}
		if v.Reason == workspace.ReasonBacklogStalled {
			seen[why]++
		}
	})
	if seen[workspace.WithheldBusy] == 0 {
		t.Errorf("no facts are of an agent whose slots stay taken: %v", seen)
	}
}

// What is said of an agent that reports that all its task slots are taken, while a message waits.
func TestAnAgentWhoseSlotsStayTaken(t *testing.T) {
	waits := func(f *workspace.Facts) {
		f.Open, f.OldestOpen, f.AtWorkSince = 1, at(0), at(-30)
		f.ActiveTasks, f.ActiveAt = 1, at(590)
	}
	for name, c := range map[string]struct {
		change   func(*workspace.Facts)
		reason   workspace.Reason
		since    time.Time
		expected workspace.Expectation
	}{
		"for less than ten minutes": {func(f *workspace.Facts) { f.OldestOpen = at(1) }, "busy", at(-30), "when_idle"},
		"nobody has tried, as it is busy": {
			func(*workspace.Facts) {}, "backlog_stalled", at(600), "when_idle",
		},
		"it was tried before, and answered that it is busy": {func(f *workspace.Facts) {
			f.TriedAt, f.BusyAnswers, f.BusySince, f.RestUntil = at(2), 1, at(2), at(30)
		}, "backlog_stalled", at(600), "when_idle"},
		"it registered since, and says it again": {func(f *workspace.Facts) {
			f.RegisteredAt, f.AtWorkSince = at(400), at(401)
		}, "backlog_stalled", at(600), "when_idle"},
		"it has one message in its hands": {func(f *workspace.Facts) {
			f.InFlight, f.TriedAt, f.ClaimedUntil, f.DeliveredAt = 1, at(590), at(680), at(-5)
		}, "backlog_stalled", at(600), "when_idle"},
		"one of its two slots is free, and nobody has tried": {func(f *workspace.Facts) {
			f.MaxTasks = 2
		}, "platform_suspect", at(60), "when_idle"},
		"it said so longer ago than a lease": {func(f *workspace.Facts) {
			f.ActiveAt = at(500)
		}, "platform_suspect", at(590), "when_idle"},
	} {
		f := live(waits)
		c.change(&f)
		v := workspace.Assess(f, p, at(600))
		got, why := workspace.Expect(f, v, workspace.EffectiveMode(f, p, at(600)).Effective, p, at(600))
		if v.Reason != c.reason || !v.Since.Equal(c.since) || got != c.expected {
			t.Errorf("%s: %s since %s, promises %s (%s): %s", name, v.Reason, v.Since, got, why, v.Hint)
		}
	}
	text := workspace.Fleet{}.Explain(live(waits), p, at(600)).Text()
	for _, want := range []string{
		"1 of its 1 task slots are taken", "at fault: the agent", "rollcall log w", "restart the agent",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not said: %s", want, text)
		}
	}
}

// What is said of an agent to whose former URLs pushes are under way, while a message waits: senders are promised no
// delivery now, and everybody is told why, and until when.
func TestPushesToFormerURLsAreTold(t *testing.T) {
	for name, c := range map[string]struct {
		pushes int64
		tried  time.Time
		slots  int
		told   bool
	}{
		"as many as may be":          {2, at(590), 1, true},
		"more, as it had more slots": {7, at(590), 1, true},
		"one, and it may have two":   {1, at(590), 1, false},
		"it has two slots":           {2, at(590), 2, false},
		"their drains have died":     {2, at(440), 1, false},
		"a clock that jumped":        {2, at(700), 1, false},
	} {
		f := live(func(f *workspace.Facts) {
			f.Open, f.OldestOpen, f.Pushable, f.RegisteredAt = 1, at(580), true, at(595)
			f.TriedAt, f.MaxTasks = c.tried, c.slots
			*f.Counted(f.LastPushCounter(p)) = c.pushes
		})
		v := workspace.Assess(f, p, at(600))
		expected, why := workspace.Expect(f, v, workspace.EffectiveMode(f, p, at(600)).Effective, p, at(600))
		until := "is sent when one of them ends, at " + at(740).UTC().Format(time.RFC3339)
		told := func(e workspace.Evidence) bool { return strings.Contains(e.Fact, until) }
		evidence := slices.ContainsFunc(v.Evidence, told)
		promised := expected == workspace.ExpectWhenIdle && strings.Contains(why, "pushes to it are under way")
		if promised != c.told || evidence != c.told {
			t.Errorf("%s: %s (%s), evidence %v", name, expected, why, v.Evidence)
		}
	}
}
