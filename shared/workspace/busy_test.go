package workspace_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/workspace"
)

// One answer that the agent is busy, a rest that it asks for, and then a try that it takes: the status says busy once,
// in one piece, and never that pushes fail, however late the platform tries, and whatever ends the rest early.
func TestOneBusyAnswerIsToldOnce(t *testing.T) {
	objective := int(p.DeliveryObjective.Seconds())
	rapid.Check(t, func(t *rapid.T) {
		draw := func(least, most int, name string) int { return rapid.IntRange(least, most).Draw(t, name) }
		f := live(func(f *workspace.Facts) { f.Open, f.OldestOpen = 1, at(0) })
		rest := draw(1, 300, "the agent asks for")
		answered := draw(0, 20, "it answers after")
		again := answered + rest // when the next try is due
		booted, resumed, free := 0, 0, rapid.Bool().Draw(t, "its heartbeats say that it is free")
		switch {
		case rapid.Bool().Draw(t, "a new boot"):
			booted = answered + draw(1, rest+200, "it registers after")
			again = min(again, booted)
		case rapid.Bool().Draw(t, "a pause"):
			resumed = answered + draw(1, rest+200, "the pause ends after")
		}
		if free {
			again = answered
		}
		tried := again + draw(1, 200, "the platform tries late by")
		taken := tried + draw(0, 100, "the agent takes it after")
		var told []workspace.Reason
		var well time.Time
		for second := range taken + 20 {
			now := at(second)
			f.HeartbeatAt, f.LeaseUntil = now, now.Add(p.LeaseTTL)
			if free {
				f.ActiveAt = now
			}
			switch second {
			case 0, tried:
				f.TriedAt, f.InFlight, f.ClaimedUntil = now, 1, now.Add(p.DeliveryPatience)
			case booted:
				f = register(f, workspace.Declaration{Pushable: true, From: "10.0.0.1"}, now)
			case resumed:
				f.ResumedAt = now
			}
			if second == answered {
				f.InFlight, f.ClaimedUntil = 0, time.Time{}
				f.BusyAnswers, f.BusySince, f.RestUntil = 1, now, now.Add(time.Duration(rest)*time.Second)
			}
			if second == taken {
				f.InFlight, f.Open, f.ClaimedUntil, f.PushTrouble = 0, 0, time.Time{}, workspace.PushTrouble{}
				f.DeliveredAt, f.ReachedAt = now, now
			}
			v := workspace.Assess(f, p, now)
			switch v.Reason {
			case workspace.ReasonHealthy, workspace.ReasonBusy:
				if n := len(told); n == 0 || told[n-1] != v.Reason {
					told = append(told, v.Reason)
				}
			case workspace.ReasonPlatformSuspect:
				if late := second-again >= objective; !late || f.InFlight > 0 || v.Since.Before(well) {
					t.Fatalf("at %d s the platform is late since %s: %s", second, v.Since, v.Hint)
				}
				continue
			default:
				t.Fatalf("at %d s: %s: %s", second, v.Reason, v.Hint)
			}
			well = now
		}
		if whole := fmt.Sprint(told); !strings.HasPrefix("[healthy busy healthy]", strings.TrimSuffix(whole, "]")) &&
			!strings.HasSuffix("[healthy busy healthy]", strings.TrimPrefix(whole, "[")) {
			t.Fatal(whole)
		}
	})
}
