package workspace_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// What is created again is as what was never there before, but for the numbers that tell
// its lives, its hosts and its changes apart.
func TestWhatIsCreatedAgainInheritsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t)
		f.Lives, f.Version, f.Epoch = rapid.Int64Range(0, 3).Draw(t, "lives"), 9, 5
		f.FinishedLives, f.AnnouncedSeq = rapid.Int64Range(0, f.Lives).Draw(t, "finished"), 7
		again := workspace.CreateAgain(f, token.Digest("new"), workspace.Push, 2, at(600))
		want := workspace.Create(f.ID, token.Digest("new"), workspace.Push, 2, at(600))
		want.Version, want.Epoch, want.AnnouncedSeq = 10, 6, 7
		want.Lives, want.FinishedLives = f.Lives+1, f.FinishedLives
		if again != want {
			t.Fatalf("%+v, want %+v", again, want)
		}
		if n := int64(len(again.FormerLives())); n != again.Lives-again.FinishedLives {
			t.Fatalf("%d former lives of %+v", n, again.Identity)
		}
	})
}

// No two lives of any workspaces have one key, and it names its life.
func TestTheKeyOfALife(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		life := workspace.Life{
			Workspace: rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9._-]{0,5}`).Draw(t, "id"),
			Number:    rapid.Int64Range(0, 99).Draw(t, "life"),
		}
		if got := workspace.ParseLife(life.Key()); got != life {
			t.Fatalf("%q is %+v, want %+v", life.Key(), got, life)
		}
	})
}
