package sweep

import (
	"context"
	"time"

	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/workspace"
)

// erase erases the lives that an operator has purged, and then the facts of the last
// one. What takes longer than a sweep has, the next one goes on with.
func (r *run) erase(ctx context.Context, f workspace.Facts, now time.Time) error {
	lives := f.Erasable(delivery.AcceptPatience, now)
	for _, life := range lives {
		for left := true; left; {
			if rest, ends := clock.Left(ctx); ends && rest < spareTime {
				return nil
			}
			var err error
			if left, err = r.Delivery.Ledger.Erase(ctx, life); err != nil {
				return err
			}
		}
	}
	if len(lives) == 0 {
		return nil
	}
	next := workspace.Erased(f, lives[len(lives)-1].Number+1)
	return r.save(ctx, f, next)
}
