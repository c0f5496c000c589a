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
	return paged(t, cursor, limit, func(cursor string) ([]workspace.Facts, string, error) {
		return c.Page(t.Context(), cursor, limit)
	})
}

// scanned are the facts of a segment.
func (c contract) scanned(t T, s workspace.Segment) (out []workspace.Facts) {
	t.Helper()
	const limit = 3
	return paged(t, "", limit, func(cursor string) ([]workspace.Facts, string, error) {
		return c.Scan(t.Context(), s, cursor, limit)
	})
}

func paged(
	t T, cursor string, limit int, page func(cursor string) ([]workspace.Facts, string, error),
) (out []workspace.Facts) {
	t.Helper()
	for range 10_000 {
		facts, next, err := page(cursor)
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

// pages is Leases.Page and Leases.Scan.
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
			if _, _, err := c.Scan(t.Context(), workspace.All, "", limit); err == nil {
				t.Fatal("it is none")
			}
		}
	})
}

// scans is Leases.Scan of segments.
func (c contract) scans(t T) {
	t.Run("the segments list every workspace once, as it is, however many there are", func(t T) {
		want := map[string]workspace.Facts{}
		for range 7 {
			f := c.created(t)
			want[f.ID] = f
		}
		for _, of := range []int{1, 2, 5, 34} {
			got, seen := map[string]workspace.Facts{}, 0
			for number := range of {
				for _, f := range c.scanned(t, workspace.Segment{Number: number, Of: of}) {
					if _, mine := want[f.ID]; mine {
						got[f.ID] = f
						seen++
					}
				}
			}
			same(t, want, got)
			same(t, len(want), seen)
		}
	})
	t.Run("a segment that there is not is an error", func(t T) {
		for _, s := range []workspace.Segment{{Number: 2, Of: 2}, {Number: -1, Of: 2}, {Number: 1, Of: 1}} {
			if _, _, err := c.Scan(t.Context(), s, "", 1); err == nil {
				t.Fatal("there is")
			}
		}
	})
}

// many is Leases.GetAll.
func (c contract) many(t T) {
	t.Run("facts of many are read, each once, and unknown ones left out", func(t T) {
		want := map[string]workspace.Facts{}
		ids := []string{uuid.NewString()}
		for range 105 { // more than DynamoDB reads in one call
			f := c.created(t)
			want[f.ID], ids = f, append(ids, f.ID)
		}
		facts, err := c.GetAll(t.Context(), append(ids, ids[1])...)
		must(t, err)
		got := map[string]workspace.Facts{}
		for _, f := range facts {
			got[f.ID] = f
		}
		same(t, want, got)
		same(t, len(want), len(facts))
		none, err := c.GetAll(t.Context())
		must(t, err)
		same(t, 0, len(none))
	})
}
