package workspace

import (
	"time"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/token"
)

// Create is the facts of a new workspace, with its first credential.
func Create(id string, minted token.Hash, mode Mode, maxTasks int, now time.Time) Facts {
	return Facts{
		Identity: Identity{
			ID: id, Version: 1, Epoch: 1, CreatedAt: now, Declared: mode, DeclaredBy: ByOperator, MaxTasks: maxTasks,
		},
		Credentials: Credentials{Credential: minted, TakenAs: ToOperator},
	}
}

// CreateAgain is the facts of a removed workspace that is created again: a new life, which inherits nothing. Only what
// tells it from the lives before goes on counting.
func CreateAgain(f Facts, minted token.Hash, mode Mode, maxTasks int, now time.Time) Facts {
	next := Create(f.ID, minted, mode, maxTasks, now)
	next.Version, next.Epoch = f.Version+1, f.Epoch+1
	next.Lives, next.FinishedLives = f.Lives+1, f.FinishedLives
	next.LivesToErase, next.ErasedLives = f.LivesToErase, f.ErasedLives
	next.AnnouncedSeq = f.AnnouncedSeq
	return next
}

// SetHold pauses, resumes (NoHold) or removes a workspace. Removing revokes its
// credentials.
func SetHold(f Facts, h Hold, p Policy, now time.Time) Facts {
	paused := f.Hold == Paused
	if h == Removed {
		f, _ = Revoke(f, p, now)
	} else {
		f.Version++
	}
	if f.Hold != h {
		f.Hold, f.HoldSince = h, now
	}
	if h == NoHold {
		f.HoldSince = time.Time{}
	}
	if paused && h == NoHold {
		f.ResumedAt = now
		f = f.awaitPoll(now)
	}
	return f
}

// Unchanged reports whether an operator's act changed nothing but the numbers that each act raises: it was so before.
func Unchanged(old, next Facts) bool {
	next.Version, next.Epoch, next.PrecedenceUntil = old.Version, old.Epoch, old.PrecedenceUntil
	return next == old
}

// Precedence is for how long an operator's act comes first that met other writes. It ends by itself: an operator's call
// that dies on its way keeps no agent out for longer.
const Precedence = 5 * time.Second

// CheckPrecedence refuses a change that an agent asks for while an operator's act comes first. Whoever has a good
// credential may change the workspace hundreds of times a second, and an act that reads, decides and writes would
// otherwise never find it unchanged. Heartbeats and polls go on. Error: operator_first.
func (f *Facts) CheckPrecedence(now time.Time) error {
	if !now.Before(f.PrecedenceUntil) {
		return nil
	}
	return fault.New(fault.OperatorFirst, "an operator changes this workspace and comes first; this call changed nothing").
		WithHint("make the same call again after the time in Retry-After", fault.ActionRetry).
		WithRetryAfter(f.PrecedenceUntil.Sub(now))
}
