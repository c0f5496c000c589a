package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

var _ registry.FleetStore = (*Store)(nil)

// The attributes of the fleet's one item of state.
var (
	fleetSweptAt      = named("swept")
	fleetSweepEndedAt = named("ended")
	fleetOutageStart  = named("deaf")
	fleetOutageEnd    = named("heard")
	fleetSweepCursor  = named("next")
	fleetSeen         = named("seen")
	fleetCounted      = named("counted")
	fleetWorkspaces   = named("workspaces")
	fleetAgents       = named("agents")
	fleetQueueCursor  = named("queues")
	fleetLatestChange = named("seq")
)

func fleetKey() item { return chatKey(fleetPartition, fleetSort) }

// Fleet implements registry.FleetStore.
func (s *Store) Fleet(ctx context.Context) (workspace.Fleet, error) {
	it, err := s.getChat(ctx, "fleet", fleetKey())
	return workspace.Fleet{
		SweptAt: timeOf(it["swept"]), OutageStart: timeOf(it["deaf"]), OutageEnd: timeOf(it["heard"]),
		SweepEndedAt: timeOf(it["ended"]), SweepCursor: strOf(it["next"]),
		Seen: int(intOf(it["seen"])), Counted: int(intOf(it["counted"])),
		Workspaces: int(intOf(it["workspaces"])), Agents: int(intOf(it["agents"])),
		QueueCursor: strOf(it["queues"]),
	}, err
}

// Agents implements registry.FleetStore. It is read often and need not be the newest, so that it is half the price.
func (s *Store) Agents(ctx context.Context) (int, error) {
	out, err := s.DB.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.Chat, Key: fleetKey()})
	if err != nil {
		return 0, fault.Store("get the size of the fleet", err)
	}
	return int(intOf(out.Item["agents"])), nil
}

// updateFleet changes the fleet's state.
func (s *Store) updateFleet(ctx context.Context, what string, c change) error {
	e := c.build()
	_, err := s.DB.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Chat, Key: fleetKey(), UpdateExpression: e.Update,
		ExpressionAttributeNames: e.Names, ExpressionAttributeValues: e.Values,
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
func (s *Store) NoteSweepEnd(ctx context.Context, fl workspace.Fleet) error {
	var c change
	c.setTime(fleetSweepEndedAt, fl.SweepEndedAt)
	c.set(fleetWorkspaces, num(int64(fl.Workspaces)))
	c.set(fleetAgents, num(int64(fl.Agents)))
	c.setOrRemove(fleetQueueCursor, fl.QueueCursor)
	return s.updateFleet(ctx, "note the end of a sweep", c)
}

// NotePass implements registry.FleetStore.
func (s *Store) NotePass(ctx context.Context, p workspace.Pass) error {
	var c change
	c.setOrRemove(fleetSweepCursor, p.Cursor)
	c.set(fleetSeen, num(int64(p.Seen)))
	c.set(fleetCounted, num(int64(p.Calls)))
	return s.updateFleet(ctx, "note a pass", c)
}

// setOrRemove sets a text, or removes the attribute when it is "".
func (c *change) setOrRemove(to attribute, text string) {
	if text == "" {
		c.remove(to)
		return
	}
	c.set(to, str(text))
}
