package memory

import (
	"context"
	"sync"
	"time"

	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/webhook"
)

// Wakeup is one wake-up that was asked for.
type Wakeup struct {
	ID, Cause string
	After     time.Duration
	Slow      bool
	Callbacks bool
}

// Wakeups keeps the wake-ups for a test to look at.
type Wakeups struct {
	mu   sync.Mutex
	sent []Wakeup
}

var (
	_ registry.Wakeups = (*Wakeups)(nil)
	_ webhook.Bell     = (*Wakeups)(nil)
)

// Send implements registry.Wakeups.
func (w *Wakeups) Send(_ context.Context, id, cause string, after time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, Wakeup{ID: id, Cause: cause, After: after})
	return nil
}

// SendSlow implements registry.Wakeups.
func (w *Wakeups) SendSlow(_ context.Context, id, cause string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, Wakeup{ID: id, Cause: cause, Slow: true})
	return nil
}

// SendCallbacks implements registry.Wakeups.
func (w *Wakeups) SendCallbacks(_ context.Context, id, cause string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, Wakeup{ID: id, Cause: cause, Callbacks: true})
	return nil
}

// RingWebhooks implements webhook.Bell.
func (w *Wakeups) RingWebhooks(_ context.Context, after time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent = append(w.sent, Wakeup{Cause: "webhooks", After: after})
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
