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
