package dynamo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

var (
	_ delivery.News       = (*Store)(nil)
	_ registry.FleetStore = (*Store)(nil)
)

// The fleet's partition: one item of state (the last sweep, the last gap, the
// number of the newest change, how far changes were announced and who is at it)
// and one item a change.
const (
	fleetPartition = "FLEET"
	fleetState     = "STATE"
	changePrefix   = "V#"
)

func fleetKey() item {
	return item{ChatPartition: str(fleetPartition), ChatSort: str(fleetState)}
}

func changeKey(seq int64) item {
	return item{ChatPartition: str(fleetPartition), ChatSort: str(fmt.Sprintf("%s%015d", changePrefix, seq))}
}

func (s *Store) state(ctx context.Context) (item, error) {
	out, err := s.DB.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.Chat, Key: fleetKey(), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, fault.Store("get fleet", err)
	}
	return out.Item, nil
}

// Fleet implements registry.Fleets.
func (s *Store) Fleet(ctx context.Context) (workspace.Fleet, error) {
	it, err := s.state(ctx)
	return workspace.Fleet{SweptAt: timeOf(it["swept"]), OutageStart: timeOf(it["deaf"]), OutageEnd: timeOf(it["heard"]), SweepCursor: strOf(it["next"])}, err
}

// NoteSweep implements registry.Fleets.
func (s *Store) NoteSweep(ctx context.Context, fl workspace.Fleet) error {
	set, values := "SET swept = :swept", item{":swept": millis(fl.SweptAt)}
	if !fl.OutageStart.IsZero() {
		set, values[":deaf"], values[":heard"] = set+", deaf = :deaf, heard = :heard", millis(fl.OutageStart), millis(fl.OutageEnd)
	}
	_, err := s.DB.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &s.Chat, Key: fleetKey(), UpdateExpression: &set, ExpressionAttributeValues: values})
	if err != nil {
		return fault.Store("note sweep", err)
	}
	return nil
}

// NoteSweepCursor implements registry.Fleets.
func (s *Store) NoteSweepCursor(ctx context.Context, next string) error {
	in := &dynamodb.UpdateItemInput{TableName: &s.Chat, Key: fleetKey(), UpdateExpression: aws.String("REMOVE #next"), ExpressionAttributeNames: map[string]string{"#next": "next"}}
	if next != "" {
		in.UpdateExpression, in.ExpressionAttributeValues = aws.String("SET #next = :next"), item{":next": str(next)}
	}
	if _, err := s.DB.UpdateItem(ctx, in); err != nil {
		return fault.Store("note how far a sweep came", err)
	}
	return nil
}

// recordTries bounds the races for the next number of the fleet's log; sweepers
// are its only writers, and seldom more than one.
const recordTries = 5

// Record implements delivery.News.
func (s *Store) Record(ctx context.Context, old, next workspace.Facts, c delivery.Change) (delivery.Change, error) {
	for range recordTries {
		last, err := s.Latest(ctx)
		if err != nil {
			return c, err
		}
		c.Seq = last + 1
		event := changeKey(c.Seq)
		if err := encodeRecord(event, c, c.At.Add(s.Retention)); err != nil {
			return c, err
		}
		note, err := delivery.StatusNote(c)
		if err != nil {
			return c, err
		}
		history, err := s.encodeNote(note)
		if err != nil {
			return c, err
		}
		condition, values := "attribute_not_exists(seq)", item{":next": num(c.Seq)}
		if last > 0 {
			condition, values[":last"] = "seq = :last", num(last)
		}
		reasons, err := s.transact(ctx, []types.TransactWriteItem{
			s.saved(old, next),
			{Update: &types.Update{TableName: &s.Chat, Key: fleetKey(), UpdateExpression: aws.String("SET seq = :next"), ConditionExpression: &condition, ExpressionAttributeValues: values}},
			{Put: &types.Put{TableName: &s.Chat, Item: event}},
			{Put: &types.Put{TableName: &s.Chat, Item: history}},
		})
		if len(reasons) == 4 && aws.ToString(reasons[0].Code) == "None" {
			continue // only the fleet's number had moved on
		}
		return c, err
	}
	return c, fault.New(fault.Conflict, "the fleet's log kept moving")
}

// Changes implements delivery.News.
func (s *Store) Changes(ctx context.Context, after int64, limit int) ([]delivery.Change, error) {
	in := &dynamodb.QueryInput{
		TableName: &s.Chat, ConsistentRead: aws.Bool(true), Limit: aws.Int32(int32(limit)),
		KeyConditionExpression:    aws.String(ChatPartition + " = :pk AND " + ChatSort + " BETWEEN :first AND :end"),
		ExpressionAttributeValues: item{":pk": str(fleetPartition), ":first": changeKey(max(0, after) + 1)[ChatSort], ":end": str(changePrefix + "9")},
	}
	var out []delivery.Change
	for len(out) < limit {
		page, err := s.DB.Query(ctx, in)
		if err != nil {
			return nil, fault.Store("query changes", err)
		}
		for _, it := range page.Items {
			var c delivery.Change
			if err := json.Unmarshal([]byte(strOf(it["rec"])), &c); err != nil {
				return nil, fault.Store("decode change", err)
			}
			out = append(out, c)
		}
		if in.ExclusiveStartKey = page.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 {
			break
		}
	}
	return out[:min(limit, len(out))], nil
}

// Latest implements delivery.News.
func (s *Store) Latest(ctx context.Context) (int64, error) {
	it, err := s.state(ctx)
	return intOf(it["seq"]), err
}

// Announcing implements delivery.News.
func (s *Store) Announcing(ctx context.Context, now, until time.Time) (int64, bool, error) {
	out, err := s.DB.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Chat, Key: fleetKey(), UpdateExpression: aws.String("SET announcing = :until"),
		ConditionExpression:       aws.String("attribute_not_exists(announcing) OR announcing <= :now"),
		ExpressionAttributeValues: item{":until": millis(until), ":now": millis(now)}, ReturnValues: types.ReturnValueAllNew,
	})
	if _, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fault.Store("begin to announce", err)
	}
	return intOf(out.Attributes["announced"]), true, nil
}

// Announced implements delivery.News.
func (s *Store) Announced(ctx context.Context, last int64) error {
	_, err := s.DB.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Chat, Key: fleetKey(), UpdateExpression: aws.String("SET announced = :last REMOVE announcing"), ExpressionAttributeValues: item{":last": num(last)},
	})
	if err != nil {
		return fault.Store("note what was announced", err)
	}
	return nil
}
