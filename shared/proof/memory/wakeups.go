package memory

import (
	"context"
	"sync"
	"time"

	"github.com/rollcall/rollcall/shared/registry"
)

// Wakeup is one wake-up that was asked for.
type Wakeup struct {
	ID, Cause string
	After     time.Duration
}

// Wakeups keeps the wake-ups for a test to look at.
type Wakeups struct {
	mu   sync.Mutex
	sent []Wakeup
}

var _ registry.Wakeups = (*Wakeups)(nil)

// Send implements registry.Wakeups.
func (w *Wakeups) Send(_ context.Context, id, cause string, after time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, Wakeup{id, cause, after})
	return nil
}

// Take returns the wake-ups so far and forgets them.
func (w *Wakeups) Take() []Wakeup {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := w.sent
	w.sent = nil
	return out
}
