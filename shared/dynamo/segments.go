package dynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// The attributes of a segment's item: a worker claims it, and notes in it how far it is.
var (
	segmentNumber     = named("number")
	segmentOf         = named("of")
	segmentTask       = named("task")
	segmentUntil      = named("until")
	segmentCursor     = named("next")
	segmentSeen       = named("seen")
	segmentCalls      = named("calls")
	segmentEndedAt    = named("ended")
	segmentWorkspaces = named("workspaces")
	segmentAgents     = named("agents")
)

func segmentKey(number int) item {
	return chatKey(sweepPartition, fmt.Sprintf("%s%05d", segmentPrefix, number))
}

func decodeSegment(it item) workspace.SegmentState {
	n := func(name string) int { return int(intOf(it[name])) }
	return workspace.SegmentState{
		Segment: workspace.Segment{Number: n("number"), Of: n("of")},
		Pass:    workspace.Pass{Cursor: strOf(it["next"]), Seen: n("seen"), Calls: n("calls")},
		Task:    timeOf(it["task"]), HeldUntil: timeOf(it["until"]), EndedAt: timeOf(it["ended"]),
		Workspaces: n("workspaces"), Agents: n("agents"),
	}
}

// ClaimSegment implements registry.FleetStore.
func (s *Store) ClaimSegment(
	ctx context.Context, seg workspace.Segment, task, now, until time.Time,
) (was workspace.SegmentState, claimed bool, err error) {
	var c change
	c.set(segmentNumber, num(int64(seg.Number)))
	c.set(segmentTask, millis(task))
	c.set(segmentUntil, millis(until))
	c.require(segmentUntil.NotExists().Or(segmentUntil.AtMost(millis(now))))
	c.require(segmentTask.NotExists().Or(segmentTask.LessThan(millis(task))))
	old, claimed, err := s.updateSegment(ctx, seg.Number, c)
	if !claimed {
		return workspace.SegmentState{}, false, err
	}
	return decodeSegment(old), true, err
}

// NoteSegment implements registry.FleetStore.
func (s *Store) NoteSegment(ctx context.Context, until time.Time, is workspace.SegmentState) error {
	var c change
	c.set(segmentNumber, num(int64(is.Number)))
	c.set(segmentOf, num(int64(is.Of)))
	c.set(segmentSeen, num(int64(is.Seen)))
	c.set(segmentCalls, num(int64(is.Calls)))
	c.set(segmentWorkspaces, num(int64(is.Workspaces)))
	c.set(segmentAgents, num(int64(is.Agents)))
	c.setTime(segmentTask, is.Task)
	c.setTime(segmentUntil, is.HeldUntil)
	c.setTime(segmentEndedAt, is.EndedAt)
	c.setOrRemove(segmentCursor, is.Cursor)
	c.require(segmentUntil.Equal(millis(until)))
	was, done, err := s.updateSegment(ctx, is.Number, c)
	if err != nil || done {
		return err
	}
	// The same update may have been sent twice, after a lost reply: then it is stored.
	is.Task, is.HeldUntil, is.EndedAt = asStored(is.Task), asStored(is.HeldUntil), asStored(is.EndedAt)
	if len(was) > 0 && decodeSegment(was) == is {
		return nil
	}
	return conflict(nil)
}

// updateSegment changes the item of a segment, and returns it as it was; done says whether its condition held.
func (s *Store) updateSegment(ctx context.Context, number int, c change) (was item, done bool, err error) {
	e := c.build()
	out, err := s.DB.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Chat, Key: segmentKey(number), UpdateExpression: e.Update, ConditionExpression: e.Condition,
		ExpressionAttributeNames: e.Names, ExpressionAttributeValues: e.Values, ReturnValues: types.ReturnValueAllOld,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return failed.Item, false, nil
	}
	if err != nil {
		return nil, false, fault.Store("segment of a sweep", err)
	}
	return out.Attributes, true, nil
}

// SegmentStates implements registry.FleetStore.
func (s *Store) SegmentStates(ctx context.Context) (out []workspace.SegmentState, err error) {
	q := queryChat{what: "segments", key: named(ChatPartition).Equal(str(sweepPartition))}
	err = s.query(ctx, q, func(it item) (bool, error) {
		out = append(out, decodeSegment(it))
		return false, nil
	})
	return out, err
}
