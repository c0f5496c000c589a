// Package announce tells the event bus of changed verdicts.
package announce

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
)

// Source and DetailType are what a rule matches Rollcall's events by.
const (
	Source     = "rollcall"
	DetailType = "Workspace Status Changed"
)

// Bus is EventBridge's default bus.
type Bus struct{ Events *eventbridge.Client }

var _ delivery.Announcer = Bus{}

// Announce implements delivery.Announcer.
func (b Bus) Announce(ctx context.Context, c delivery.Change) error {
	detail, err := json.Marshal(c)
	if err != nil {
		return err
	}
	out, err := b.Events.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
		Source: aws.String(Source), DetailType: aws.String(DetailType), Detail: aws.String(string(detail)), Time: &c.At,
	}}})
	if err != nil {
		return fault.Store("announce", err)
	}
	if out.FailedEntryCount > 0 {
		return fault.Store("announce", fault.New(fault.Internal, "%s", aws.ToString(out.Entries[0].ErrorMessage)))
	}
	return nil
}
