package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/metrics"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Meter writes metrics to the log, where CloudWatch reads them. One without a log
// writes nothing.
type Meter struct {
	Log   *slog.Logger
	Clock clock.Clock
	Stack string
}

// Write writes one line of metrics. Dimensions may be nil.
func (m Meter) Write(ctx context.Context, values map[string]any, dimensions map[string]string) {
	if m.Log == nil || len(values) == 0 {
		return
	}
	var attrs []any
	for name, value := range metrics.Line(m.Clock.Now(), m.Stack, values, dimensions) {
		attrs = append(attrs, name, value)
	}
	m.Log.InfoContext(ctx, "metrics", attrs...)
}

// meteredLedger counts what is written to a ledger: every end of a message, and
// every push that failed, is one of its writes.
type meteredLedger struct {
	delivery.Ledger
	meter Meter
}

// WriteMessages implements delivery.Ledger.
func (l meteredLedger) WriteMessages(
	ctx context.Context, life workspace.Life, moves []chat.Move, u delivery.MailboxUpdate,
) error {
	if err := l.Ledger.WriteMessages(ctx, life, moves, u); err != nil {
		return err
	}
	l.meter.Write(ctx, ends(moves), nil)
	if p := u.Push; p != nil && !p.FailedAt.IsZero() {
		l.meter.Write(ctx, map[string]any{metrics.PushFailures: 1}, map[string]string{metrics.Hop: string(p.Fault.Hop())})
	}
	return nil
}

// ends are the metrics of the messages that the moves end. Probes are no messages
// of anybody. What a workspace sends to itself says nothing of how long others wait.
func ends(moves []chat.Move) map[string]any {
	values, ages := map[string]any{}, []int64(nil)
	count := func(name string) {
		n, _ := values[name].(int)
		values[name] = n + 1
	}
	for _, m := range moves {
		if m.To.Probe || !m.From.State.Open() || m.To.State.Open() {
			continue
		}
		switch m.To.State {
		case chat.Delivered:
			count(metrics.MessagesDelivered)
			if m.To.Source != m.To.Workspace {
				ages = append(ages, max(0, m.To.SettledAt.Sub(m.To.AcceptedAt).Milliseconds()))
			}
		case chat.Dead:
			if m.To.ByWish {
				continue // what its sender wrote is why
			}
			count(metrics.MessagesDead)
		case chat.Expired:
			count(metrics.MessagesExpired)
		}
	}
	if len(ages) > 0 {
		values[metrics.DeliveryAge] = ages
	}
	return values
}

// meteredAnnouncer counts what is announced.
type meteredAnnouncer struct {
	Announcer
	meter Meter
}

// Announce implements statuslog.Announcer.
func (a meteredAnnouncer) Announce(ctx context.Context, changes []statuslog.Change) ([]statuslog.Change, error) {
	refused, err := a.Announcer.Announce(ctx, changes)
	if n := len(changes) - len(refused); n > 0 {
		a.meter.Write(ctx, map[string]any{metrics.ChangesAnnounced: n}, nil)
	}
	return refused, err
}

// Milliseconds is a duration as metrics have it.
func Milliseconds(d time.Duration) int64 { return max(0, d.Milliseconds()) }
