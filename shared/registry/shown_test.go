package registry_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// busyCard is a store in which the card of a workspace may be replaced before each read.
type busyCard struct {
	*memory.Store
	before func()
}

func (b busyCard) Profile(ctx context.Context, id string) (workspace.Profile, error) {
	b.before()
	return b.Store.Profile(ctx, id)
}

func (b busyCard) Card(ctx context.Context, id string) ([]byte, error) {
	b.before()
	return b.Store.Card(ctx, id)
}

// A card that is shown is the one that has the name beside it, whenever it is replaced: by a long one, a short one, or
// none. It is shown if it stays as it is for two reads.
func TestACardIsShownWithItsOwnName(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		store, written := memory.NewStore(workspace.DefaultPolicy()), 0
		f := workspace.Facts{Identity: workspace.Identity{ID: "w"}}
		write := func() {
			name, long := fmt.Sprint(written), rapid.SampledFrom([]int{0, workspace.InlineCard}).Draw(rt, "spaces")
			card := fmt.Appendf(nil, `{"name":%q%s}`, name, strings.Repeat(" ", long))
			old := f
			f.Version++
			change := workspace.ProfileChange{CardName: &name, Card: card, DropCard: true}
			if rapid.IntRange(0, 9).Draw(rt, "purged") == 0 {
				change = workspace.Replace(workspace.Profile{})
			}
			if written++; written == 1 {
				old = workspace.Facts{}
			}
			if err := store.Save(t.Context(), old, f, registry.SaveExtras{Profile: &change}); err != nil {
				rt.Fatal(err)
			}
		}
		write()
		reads, replacedBefore := 0, 0
		often := rapid.IntRange(1, 3).Draw(rt, "one in")
		r := registry.Registry{Profiles: busyCard{store, func() {
			if reads++; rapid.IntRange(1, often).Draw(rt, "is replaced") == 1 {
				replacedBefore = reads
				write()
			}
		}}}
		p, err := r.ShownProfile(t.Context(), "w")
		if err != nil {
			rt.Fatal(err)
		}
		switch own := fmt.Sprintf(`{"name":%q`, p.CardName); {
		case len(p.Card) > 0 && !strings.HasPrefix(string(p.Card), own):
			rt.Fatalf("%q has the card %.20q", p.CardName, p.Card)
		case len(p.Card) == 0 && p.CardName != "" && (reads < 10 || replacedBefore < reads):
			rt.Fatalf("no card is shown after %d reads, of which two saw the same one", reads)
		}
	})
}
