package statuslog_test

import (
	"context"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/statuslog"
)

// holed is a log of which some changes are kept: the store forgets old ones in no order.
type holed struct {
	statuslog.Store // nil
	latest          int64
	kept            []int64
}

func (h *holed) LatestChange(context.Context) (int64, error) { return h.latest, nil }

func (h *holed) Changes(_ context.Context, after int64, limit int) (out []statuslog.Change, err error) {
	for _, seq := range h.kept {
		if seq > after && len(out) < limit {
			out = append(out, statuslog.Change{Seq: seq})
		}
	}
	return out, nil
}

func drawHoled(t *rapid.T) *holed {
	h := &holed{latest: rapid.Int64Range(0, 8).Draw(t, "latest")}
	for seq := int64(1); seq <= h.latest; seq++ {
		if rapid.Bool().Draw(t, "kept") {
			h.kept = append(h.kept, seq)
		}
	}
	return h
}

// Whatever the store has forgotten, who follows is given each change from where it was, or is told to begin again. Who
// begins is given changes without a gap, and a number from which it can go on.
func TestNobodyIsLedOverAHole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHoled(t)
		log := &statuslog.Log{Store: h, Clock: &passing{}}
		at, limit := rapid.Int64Range(0, h.latest).Draw(t, "since"), rapid.IntRange(1, 4).Draw(t, "limit")
		for at < h.latest {
			found, err := log.Follow(t.Context(), at, limit, 0, nil)
			if fault.CodeOf(err) == fault.CursorGone {
				if slices.Contains(h.kept, at+1) {
					t.Fatalf("%d is kept, and who is at %d is sent away", at+1, at)
				}
				break
			}
			if err != nil || len(found) == 0 {
				t.Fatalf("at %d: %v, %v", at, found, err)
			}
			for _, c := range found {
				if c.Seq != at+1 {
					t.Fatalf("at %d: %v", at, found)
				}
				at = c.Seq
			}
		}
		newest, last, err := log.Newest(t.Context(), limit)
		if err != nil || last != h.latest {
			t.Fatalf("who begins is given %d of %d: %v", last, h.latest, err)
		}
		for i, c := range newest {
			if c.Seq != last-int64(len(newest)-1-i) {
				t.Fatalf("the newest up to %d are %v", last, newest)
			}
		}
		if found, err := log.Follow(t.Context(), last, limit, 0, nil); err != nil || len(found) > 0 {
			t.Fatalf("who has begun at %d is given %v, %v", last, found, err)
		}
	})
}
