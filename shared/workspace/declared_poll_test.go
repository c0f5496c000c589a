package workspace_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// What pushes have shown says nothing of an agent that registers as one that polls, or without a URL: its verdict is
// that of one to which nothing was ever pushed, at each moment until it is pushed to again. The facts keep it.
func TestWhatPushesShowedIsOverOnceTheAgentDeclaresThatItPolls(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t)
		f.Takeovers, f.PreviousInstances, f.AnswerFailures = 0, "", 0
		registered := at(rapid.IntRange(0, 600).Draw(t, "registers"))
		for _, before := range dates(&f) {
			if before.After(registered) {
				*before = registered
			}
		}
		d := workspace.Declaration{Mode: workspace.Poll, From: f.SeenFrom}
		switch rapid.IntRange(0, 2).Draw(t, "declares") {
		case 1:
			d.Mode = workspace.Undeclared // and no URL
		case 2:
			d.URL, d.Pushable = "https://agent.example/", true // polls, with a URL as the last resort
		}
		f = workspace.Register(f, workspace.Admission{}, d, token.Digest("x"), token.Hash{}, p, registered)
		never := f
		never.PushTrouble = workspace.PushTrouble{URLNew: f.URLNew}
		if f.PushFailures+f.BusyAnswers > 0 {
			never.UndeliveredAt = time.Time{}
		}
		now := registered.Add(time.Duration(rapid.IntRange(0, 900).Draw(t, "later")) * time.Second)
		if never.Mode(p, now) == workspace.Push {
			return // it has not polled for so long that it is pushed to as a last resort
		}
		fl := workspace.Fleet{}
		got, want := fl.Assess(f, p, now), fl.Assess(never, p, now)
		if got.Status != want.Status || got.Reason != want.Reason || got.Action != want.Action || got.Hint != want.Hint {
			t.Fatalf("%s (%s) %s\n%s\nbut without what pushes showed %s (%s) %s\n%s", got.Status, got.Reason, got.Action,
				got.Hint, want.Status, want.Reason, want.Action, want.Hint)
		}
	})
}
