// Package announce tells the event bus of changed verdicts and of dead messages.
package eventbridge

import (
	"context"
	"encoding/json"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/statuslog"
)

// Source and DetailType are what a rule matches Rollcall's events by.
const (
	Source     = "rollcall"
	DetailType = "Workspace Status Changed"
	// DeadDetailType is that of a message whose attempts were used up.
	DeadDetailType = "Message Dead"
)

// Bus is EventBridge's default bus.
type Bus struct{ Events *eventbridge.Client }

var _ statuslog.Announcer = Bus{}

// Announce implements statuslog.Announcer.
func (b Bus) Announce(ctx context.Context, c statuslog.Change) error {
	return b.put(ctx, DetailType, c, c.At)
}

// AnnounceDead implements statuslog.Announcer.
func (b Bus) AnnounceDead(ctx context.Context, m chat.Message) error {
	return b.put(ctx, DeadDetailType, map[string]any{
		"workspace_id": m.Workspace, "message_id": m.ID, "seq": m.Seq, "source_id": m.Source, "reason": m.Reason, "attempts": m.Attempts, "at": m.SettledAt,
	}, m.SettledAt)
}

func (b Bus) put(ctx context.Context, kind string, v any, at time.Time) error {
	detail, err := json.Marshal(v)
	if err != nil {
		return err
	}
	out, err := b.Events.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
		Source: aws.String(Source), DetailType: &kind, Detail: aws.String(string(detail)), Time: &at,
	}}})
	if err != nil {
		return fault.Store("announce", err)
	}
	if out.FailedEntryCount > 0 {
		return fault.Store("announce", fault.New(fault.Internal, "%s", aws.ToString(out.Entries[0].ErrorMessage)))
	}
	return nil
}
