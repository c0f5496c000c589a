package storetest

import (
	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/workspace"
)

// all are the facts of every workspace, page by page.
func (c contract) all(t T) (out []workspace.Facts) {
	t.Helper()
	return c.from(t, "", 3)
}

// from are the facts from a cursor on.
func (c contract) from(t T, cursor string, limit int) (out []workspace.Facts) {
	t.Helper()
	for range 10_000 {
		facts, next, err := c.Page(t.Context(), cursor, limit)
		must(t, err)
		if len(facts) > limit {
			t.Fatalf("%d facts on a page of %d", len(facts), limit)
		}
		out = append(out, facts...)
		if cursor = next; cursor == "" {
			return out
		}
	}
	t.Fatal("the pages have no end")
	return nil
}

// pages is Leases.Page.
func (c contract) pages(t T) {
	t.Run("it lists every workspace once", func(t T) {
		want, got := map[string]int{}, map[string]int{}
		for range 7 {
			want[c.created(t).ID] = 1
		}
		for _, f := range c.all(t) {
			if want[f.ID] > 0 {
				got[f.ID]++
			}
		}
		same(t, want, got)
	})
	t.Run("a cursor of a workspace that is gone is as good as another", func(t T) {
		c.created(t)
		seen := map[string]bool{}
		for _, f := range c.from(t, uuid.NewString(), 3) {
			if seen[f.ID] {
				t.Fatalf("%s is listed twice", f.ID)
			}
			seen[f.ID] = true
		}
	})
	t.Run("a page of nothing is an error", func(t T) {
		for _, limit := range []int{0, -1} {
			if _, _, err := c.Page(t.Context(), "", limit); err == nil {
				t.Fatal("it is none")
			}
		}
	})
}
