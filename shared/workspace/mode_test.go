package workspace_test

import (
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/workspace"
)

func TestEffectiveMode(t *testing.T) {
	now := at(600)
	for name, c := range map[string]struct {
		change func(*workspace.Facts)
		want   workspace.Mode
	}{
		"undeclared with a URL is push":  {nil, workspace.Push},
		"undeclared without one is poll": {func(f *workspace.Facts) { f.Pushable = false }, workspace.Poll},
		"declared poll is poll": {func(f *workspace.Facts) {
			f.Declared, f.PolledAt = workspace.Poll, at(590)
		}, workspace.Poll},
		"declared poll, and it is at work": {func(f *workspace.Facts) {
			f.Declared, f.PolledAt, f.ActiveTasks, f.ActiveAt = workspace.Poll, at(300), 1, at(590)
		}, workspace.Poll},
		"declared poll, and it has just registered": {func(f *workspace.Facts) {
			f.Declared, f.PollAwaitedAt = workspace.Poll, at(590)
		}, workspace.Poll},
		"declared poll, and it does not poll": {func(f *workspace.Facts) {
			f.Declared, f.PolledAt = workspace.Poll, at(500)
		}, workspace.Push},
		"declared push without URL is poll": {func(f *workspace.Facts) {
			f.Declared, f.Pushable = workspace.Push, false
		}, workspace.Poll},
		"declared poll, never polls, has mail and a URL": {func(f *workspace.Facts) {
			f.Declared, f.Open, f.OldestOpen = workspace.Poll, 1, at(500)
		}, workspace.Push},
		"declared push, pushes fail, it polls": {func(f *workspace.Facts) {
			f.Declared, f.PushFailures, f.PushFailedAt, f.PolledAt = workspace.Push, 3, at(580), at(590)
		}, workspace.Poll},
		"pushes failed, it registers with a URL, and polls": {func(f *workspace.Facts) {
			f.PushFailures, f.PushFailedAt, f.RegisteredAt, f.PolledAt = 3, at(580), at(585), at(590)
		}, workspace.Push},
		"pushes fail again after it registered, and it polls": {func(f *workspace.Facts) {
			f.PushFailures, f.PushFailedAt, f.RegisteredAt, f.PolledAt = 4, at(586), at(585), at(590)
		}, workspace.Poll},
	} {
		t.Run(name, func(t *testing.T) {
			if d := workspace.EffectiveMode(live(c.change), p, now); d.Effective != c.want || d.Reason == "" {
				t.Fatalf("%+v", d)
			}
		})
	}
}

// The reason says what stands in the way: a URL is there, and the runtime serves none.
func TestWhyAPushIsNotPossible(t *testing.T) {
	for url, want := range map[string]string{
		"":                          "it has no URL and runtime that can be pushed to",
		"https://agent.example.com": "its runtime serves no URL, so the one that it registered is not called",
	} {
		f := register(live(nil), workspace.Declaration{Mode: workspace.Push, URL: url}, at(600))
		if d := workspace.EffectiveMode(f, p, at(600)); d.Effective != workspace.Poll || !strings.Contains(d.Reason, want) {
			t.Errorf("%q: %+v", url, d)
		}
	}
}

func TestAStalePollHealsAtRegister(t *testing.T) {
	f := workspace.Adopt(live(nil), workspace.Adoption{Mode: workspace.Poll, Pushable: true}, at(600))
	if got := workspace.EffectiveMode(f, p, at(600)).Effective; got != workspace.Poll {
		t.Fatal(got)
	}
	f = register(f, workspace.Declaration{Pushable: true}, at(601))
	if got := workspace.EffectiveMode(f, p, at(601)).Effective; got != workspace.Push {
		t.Fatal(got)
	}
}
