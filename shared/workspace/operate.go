package workspace

import (
	"time"

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
	next.Version, next.Epoch = old.Version, old.Epoch
	return next == old
}
