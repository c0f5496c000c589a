package workspace_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/workspace"
)

// Nothing of a life is erased that somebody still needs, and nothing that nobody asked to erase.
func TestErasable(t *testing.T) {
	const patience = 30 * time.Second
	holds := []workspace.Hold{workspace.NoHold, workspace.Paused, workspace.Removed}
	rapid.Check(t, func(t *rapid.T) {
		number := func(name string) int64 { return rapid.Int64Range(0, 3).Draw(t, name) }
		f := workspace.Facts{Identity: workspace.Identity{
			ID: "w", Lives: number("lives"), Hold: rapid.SampledFrom(holds).Draw(t, "hold"),
			HoldSince: t0.Add(-time.Duration(number("minutes")) * 20 * time.Second),
		}}
		f.FinishedLives = min(number("finished"), f.Lives)
		f.LivesToErase, f.ErasedLives = min(number("to erase"), f.Lives+1), number("erased")
		f.Open, f.OutboxItems = number("open"), number("outbox")
		lives := f.Erasable(patience, t0)
		for i, life := range lives {
			switch {
			case life.Number != f.ErasedLives+int64(i) || life.Number >= f.LivesToErase:
				t.Fatal("nobody asked for it", life)
			case life.Number < f.FinishedLives:
			case life != f.Life() || f.Hold != workspace.Removed || f.Open+f.OutboxItems > 0 || t0.Sub(f.HoldSince) < patience:
				t.Fatal("it is still needed", life)
			}
		}
		if len(lives) == 0 {
			return
		}
		after := workspace.Erased(f, lives[len(lives)-1].Number+1)
		if len(after.Erasable(patience, t0)) > 0 || after.Life() != f.Life() || after.Hold != f.Hold {
			t.Fatalf("%+v", after)
		}
	})
}
