// Package eventbridge publishes changes of status and dead messages as EventBridge
// events. Their schemas are in docs/events.
package eventbridge

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/statuslog"
)

// EventBridge rules match Rollcall's events by their source and detail type.
const (
	Source         = "rollcall"
	DetailType     = "Workspace Status Changed"
	DeadDetailType = "Message Dead" // of a message whose attempts are used up
)

// Bus is the account's default event bus.
type Bus struct {
	AWS   aws.Config // all of it that a call needs: nothing is taken from the environment
	Clock clock.Clock
}

var (
	_ statuslog.Announcer    = Bus{}
	_ delivery.DeadAnnouncer = Bus{}
)

// Announce implements statuslog.Announcer.
func (b Bus) Announce(ctx context.Context, changes []statuslog.Change) (refused []statuslog.Change, err error) {
	var entries []entry
	for _, c := range changes {
		e, err := entryOf(DetailType, c, c.At)
		if err != nil {
			return changes, err
		}
		entries = append(entries, e)
	}
	failed, err := b.put(ctx, entries)
	for _, i := range failed {
		refused = append(refused, changes[i])
	}
	return refused, err
}

// AnnounceDead implements delivery.DeadAnnouncer.
func (b Bus) AnnounceDead(ctx context.Context, m chat.Message) error {
	source := &m.Source
	if m.Source == "" {
		source = nil // as in a row of the activity log: null is a user
	}
	e, err := entryOf(DeadDetailType, map[string]any{
		"workspace_id": m.Workspace,
		"message_id":   m.ID,
		"seq":          m.Seq,
		"source_id":    source,
		"reason":       m.FullReason(),
		"attempts":     append([]chat.Attempt{}, m.Attempts...), // a list, never null
		"at":           m.SettledAt,
	}, m.SettledAt)
	if err != nil {
		return err
	}
	_, err = b.put(ctx, []entry{e})
	return err
}

// entryOf is an event whose detail is v as JSON.
func entryOf(detailType string, v any, at time.Time) (entry, error) {
	detail, err := json.Marshal(v)
	seconds := strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', -1, 64)
	return entry{Source: Source, DetailType: detailType, Detail: string(detail), Time: json.Number(seconds)}, err
}

// put publishes events, ten at most. PutEvents can succeed as a call and still refuse some of them, so both are
// checked. It returns the places of those that are not published.
func (b Bus) put(ctx context.Context, entries []entry) (failed []int, err error) {
	out, err := b.putEvents(ctx, putEvents{entries})
	if err != nil {
		for i := range entries {
			failed = append(failed, i)
		}
		return failed, fault.Store("announce", err)
	}
	if out.FailedEntryCount == 0 {
		return nil, nil
	}
	for i, e := range out.Entries {
		if e.EventID == "" {
			failed = append(failed, i)
			err = fault.Store("announce", fault.New(fault.Internal, "%s", e.ErrorMessage))
		}
	}
	return failed, err
}
