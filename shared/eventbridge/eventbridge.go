// Package eventbridge publishes changes of status and dead messages as EventBridge
// events. Their schemas are in docs/events.
package eventbridge

import (
	"context"
	"encoding/json"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/rollcall/rollcall/shared/chat"
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
type Bus struct{ Events *eventbridge.Client }

var (
	_ statuslog.Announcer    = Bus{}
	_ delivery.DeadAnnouncer = Bus{}
)

// Announce implements statuslog.Announcer.
func (b Bus) Announce(ctx context.Context, c statuslog.Change) error {
	return b.put(ctx, DetailType, c, c.At)
}

// AnnounceDead implements delivery.DeadAnnouncer.
func (b Bus) AnnounceDead(ctx context.Context, m chat.Message) error {
	return b.put(ctx, DeadDetailType, map[string]any{
		"workspace_id": m.Workspace,
		"message_id":   m.ID,
		"seq":          m.Seq,
		"source_id":    m.Source,
		"reason":       m.Reason,
		"attempts":     append([]chat.Attempt{}, m.Attempts...), // a list, never null
		"at":           m.SettledAt,
	}, m.SettledAt)
}

// put publishes one event, whose detail is v as JSON. PutEvents can succeed as a
// call and still refuse the event, so both are checked.
func (b Bus) put(ctx context.Context, detailType string, v any, at time.Time) error {
	detail, err := json.Marshal(v)
	if err != nil {
		return err
	}
	out, err := b.Events.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
		Source: aws.String(Source), DetailType: &detailType, Detail: aws.String(string(detail)), Time: &at,
	}}})
	if err != nil {
		return fault.Store("announce", err)
	}
	if out.FailedEntryCount > 0 {
		return fault.Store("announce", fault.New(fault.Internal, "%s", aws.ToString(out.Entries[0].ErrorMessage)))
	}
	return nil
}
