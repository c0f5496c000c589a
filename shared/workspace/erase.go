package workspace

import "time"

// Erase asks that nothing is kept of a removed workspace but that there was one, and its audit trail: its lives up to
// the present one are to be erased.
func Erase(f Facts) Facts {
	f.Version++
	f.LivesToErase = f.Lives + 1
	return f
}

// Erasable are the lives that may be erased now: an operator wants it, nothing of them is open or left to do, and no
// call can be under way any more that stores something of them. patience is longer than such a call may run.
func (f *Facts) Erasable(patience time.Duration, now time.Time) (lives []Life) {
	for n := f.ErasedLives; n < f.LivesToErase; n++ {
		over := n < f.FinishedLives
		if n == f.Lives {
			over = f.Hold == Removed && f.Open == 0 && f.OutboxItems == 0 && now.Sub(f.HoldSince) >= patience
		}
		if !over {
			break
		}
		lives = append(lives, Life{f.ID, n})
	}
	return lives
}

// Erased is the facts once these many lives of the workspace are erased. Of a present life that is, only that it was
// removed stays.
func Erased(f Facts, lives int64) Facts {
	next := f
	if lives > f.Lives {
		next = Facts{
			Identity: Identity{
				ID: f.ID, Version: f.Version, Epoch: f.Epoch, Hold: f.Hold, CreatedAt: f.CreatedAt, HoldSince: f.HoldSince,
				Lives: f.Lives, FinishedLives: f.FinishedLives, LivesToErase: f.LivesToErase, Team: f.Team,
			},
			Announced: f.Announced,
		}
		next.RevokedAt = f.RevokedAt
	}
	next.Version++
	next.ErasedLives = lives
	return next
}
