package sweep

import (
	"context"
	"time"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/workspace"
)

// expire ends the open messages whose lifetime is over, and all open messages of
// a removed workspace.
func (r *run) expire(
	ctx context.Context, f workspace.Facts, open []delivery.OpenMessage, now time.Time,
) error {
	for _, m := range open {
		if f.Hold != workspace.Removed && now.Before(m.ExpiresAt) {
			continue
		}
		ended, err := r.Delivery.End(ctx, f, m.ID, now)
		if err != nil {
			return err
		}
		if ended {
			f.LostMessages = 0 // what was told before is forgotten at the first of them, if it is too old
			r.count(func(out *Result) { out.Expired++ })
		}
	}
	return nil
}
