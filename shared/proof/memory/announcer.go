package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/statuslog"
)

// Announcer keeps the announced changes for a test to look at.
type Announcer struct {
	mu      sync.Mutex
	changes []statuslog.Change
	Dead    []string // ids of messages that were announced dead
}

// AnnounceDead implements delivery.DeadAnnouncer.
func (a *Announcer) AnnounceDead(_ context.Context, m chat.Message) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.Dead = append(a.Dead, m.ID)
	return nil
}

var (
	_ statuslog.Announcer    = (*Announcer)(nil)
	_ delivery.DeadAnnouncer = (*Announcer)(nil)
)

// Announce implements statuslog.Announcer.
func (a *Announcer) Announce(_ context.Context, changes []statuslog.Change) ([]statuslog.Change, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(changes) > statuslog.AnnounceAtOnce {
		return changes, fmt.Errorf("memory: %d events in one call", len(changes))
	}
	a.changes = append(a.changes, changes...)
	return nil, nil
}

// Take returns the changes so far in the order of the log, and forgets them.
func (a *Announcer) Take() []statuslog.Change {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := a.changes
	slices.SortStableFunc(out, func(a, b statuslog.Change) int { return cmp.Compare(a.Seq, b.Seq) })
	a.changes = nil
	return out
}
