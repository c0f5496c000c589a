package sweep

import (
	"context"
	"time"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// expire ends the open messages whose lifetime is over, and all open messages of
// a removed workspace.
func (r *run) expire(
	ctx context.Context, f workspace.Facts, open []delivery.OpenMessage, now time.Time,
) error {
	if f.Hold == workspace.Removed {
		return r.endMail(ctx, f, f.Life(), now)
	}
	for _, m := range open {
		if now.Before(m.ExpiresAt) {
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

// endMail ends the open mail of a life that is over.
func (r *run) endMail(ctx context.Context, f workspace.Facts, life workspace.Life, now time.Time) error {
	n, err := r.Delivery.EndMail(ctx, f, life, now)
	r.count(func(out *Result) { out.Expired += n })
	if fault.CodeOf(err) == fault.Conflict {
		return nil // it moved: the next sweep looks again
	}
	return err
}

// formerLives ends what is left of a workspace's former lives. They are finished when
// no call can be under way that began in one, and nothing is open or left to do.
func (r *run) formerLives(ctx context.Context, f workspace.Facts, now time.Time) error {
	left := now.Sub(f.CreatedAt) < delivery.AcceptPatience
	for _, life := range f.FormerLives() {
		if err := r.endMail(ctx, f, life, now); err != nil {
			return err
		}
		undone, err := r.Delivery.LeftToDo(ctx, life)
		if err != nil {
			return err
		}
		left = left || undone
	}
	if left || f.FinishedLives == f.Lives {
		return nil
	}
	next := f
	next.FinishedLives = f.Lives
	next.Version++
	return r.save(ctx, f, next)
}

// save saves facts, unless they changed meanwhile: then the next sweep looks again.
func (r *run) save(ctx context.Context, f, next workspace.Facts) error {
	err := r.Registry.Leases.Save(ctx, f, next, registry.SaveExtras{})
	if fault.CodeOf(err) == fault.Conflict {
		return nil
	}
	return err
}
