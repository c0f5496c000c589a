package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/workspace"
)

// written is a ledger that takes everything, or fails.
type written struct {
	delivery.Ledger
	fails error
}

func (w written) WriteMessages(context.Context, workspace.Life, []chat.Move, delivery.MailboxUpdate) error {
	return w.fails
}

func toItself(m chat.Move) chat.Move {
	m.To.Source = m.To.Workspace
	return m
}

func TestWhatIsWrittenIsCounted(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	queued := chat.Message{State: chat.Queued, AcceptedAt: now}
	end := func(s chat.State, after time.Duration, probe bool) chat.Move {
		to := chat.Message{Workspace: "w", State: s, AcceptedAt: now, SettledAt: now.Add(after), Probe: probe}
		return chat.Move{From: queued, To: to}
	}
	failed := delivery.MailboxUpdate{Push: &delivery.PushUpdate{FailedAt: now, Fault: workspace.FaultDNS}}
	for name, c := range map[string]struct {
		moves []chat.Move
		u     delivery.MailboxUpdate
		fails error
		want  []string
	}{
		"ends of several": {
			moves: []chat.Move{
				end(chat.Delivered, 40*time.Millisecond, false), end(chat.Delivered, time.Second, false),
				end(chat.Dead, 0, false), end(chat.Expired, 0, false), end(chat.Cancelled, 0, false),
			},
			want: []string{`"DeliveryAge":[40,1000]`, `"MessagesDelivered":2`, `"MessagesDead":1`, `"MessagesExpired":1`},
		},
		"a message to oneself": {
			moves: []chat.Move{toItself(end(chat.Delivered, time.Second, false)), end(chat.Delivered, time.Minute, false)},
			want:  []string{`"DeliveryAge":[60000]`, `"MessagesDelivered":2`},
		},
		"a push that failed":             {u: failed, want: []string{`"PushFailures":1`, `"Hop":"network"`}},
		"a probe is no message":          {moves: []chat.Move{end(chat.Delivered, time.Second, true)}},
		"what ended before ends no more": {moves: []chat.Move{{From: chat.Message{State: chat.Dead}, To: queued}}},
		"what was not written": {
			moves: []chat.Move{end(chat.Dead, 0, false)}, u: failed, fails: errors.New("no store"),
		},
	} {
		var log bytes.Buffer
		meter := Meter{slog.New(slog.NewJSONHandler(&log, nil)), memory.Clock{Time: func() time.Time { return now }}, "Beta"}
		ledger := meteredLedger{written{fails: c.fails}, meter}
		if err := ledger.WriteMessages(t.Context(), workspace.Life{Workspace: "w"}, c.moves, c.u); !errors.Is(err, c.fails) {
			t.Error(err)
		}
		for _, want := range c.want {
			if !strings.Contains(log.String(), want) {
				t.Errorf("%s: %s is not in %s", name, want, log.String())
			}
		}
		if len(c.want) == 0 && log.Len() > 0 {
			t.Errorf("%s: %s", name, log.String())
		}
		for line := range strings.Lines(log.String()) {
			var members map[string]any
			if err := json.Unmarshal([]byte(line), &members); err != nil || fmt.Sprint(members["Stack"]) != "Beta" {
				t.Errorf("%s: %v: %s", name, err, line)
			}
		}
	}
}
