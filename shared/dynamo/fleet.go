package dynamo

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

var _ registry.FleetStore = (*Store)(nil)

// The attributes of the fleet's one item of state.
var (
	fleetSweptAt      = expression.Name("swept")
	fleetSweepEndedAt = expression.Name("ended")
	fleetOutageStart  = expression.Name("deaf")
	fleetOutageEnd    = expression.Name("heard")
	fleetSweepCursor  = expression.Name("next")
	fleetLatestChange = expression.Name("seq")
	fleetAnnounced    = expression.Name("announced")  // number of the last change that was announced
	fleetAnnouncing   = expression.Name("announcing") // until when somebody has the right to announce
)

func fleetKey() item { return chatKey(fleetPartition, fleetSort) }

// Fleet implements registry.FleetStore.
func (s *Store) Fleet(ctx context.Context) (workspace.Fleet, error) {
	it, err := s.getChat(ctx, "fleet", fleetKey())
	return workspace.Fleet{
		SweptAt: timeOf(it["swept"]), OutageStart: timeOf(it["deaf"]), OutageEnd: timeOf(it["heard"]),
		SweepEndedAt: timeOf(it["ended"]), SweepCursor: strOf(it["next"]),
	}, err
}

// updateFleet changes the fleet's state.
func (s *Store) updateFleet(ctx context.Context, what string, c change) error {
	e, err := c.build()
	if err != nil {
		return err
	}
	_, err = s.DB.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Chat, Key: fleetKey(), UpdateExpression: e.Update(),
		ExpressionAttributeNames: e.Names(), ExpressionAttributeValues: e.Values(),
	})
	if err != nil {
		return fault.Store(what, err)
	}
	return nil
}

// NoteSweep implements registry.FleetStore.
func (s *Store) NoteSweep(ctx context.Context, fl workspace.Fleet) error {
	var c change
	c.setTime(fleetSweptAt, fl.SweptAt)
	c.setTime(fleetOutageStart, fl.OutageStart)
	c.setTime(fleetOutageEnd, fl.OutageEnd)
	return s.updateFleet(ctx, "note sweep", c)
}

// NoteSweepEnd implements registry.FleetStore.
func (s *Store) NoteSweepEnd(ctx context.Context, at time.Time) error {
	var c change
	c.setTime(fleetSweepEndedAt, at)
	return s.updateFleet(ctx, "note the end of a sweep", c)
}

// NoteSweepCursor implements registry.FleetStore.
func (s *Store) NoteSweepCursor(ctx context.Context, cursor string) error {
	var c change
	if cursor == "" {
		c.remove(fleetSweepCursor)
	} else {
		c.set(fleetSweepCursor, str(cursor))
	}
	return s.updateFleet(ctx, "note sweep cursor", c)
}
