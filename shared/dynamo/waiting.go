package dynamo

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/waiting"
)

var _ waiting.Store = (*Store)(nil)

// placesTaken is how many places of a span are taken.
var placesTaken = named("taken")

// placesKeptFor is how long the number of a span's places is kept after it began.
const placesKeptFor = time.Hour

// placesKey is the key of the number of the places that a caller takes in a span.
func placesKey(caller string, since time.Time) item {
	return chatKey(waitPartition+caller, placesPrefix+strconv.FormatInt(since.Unix(), 10))
}

// TakePlace implements waiting.Store.
func (s *Store) TakePlace(ctx context.Context, caller string, since time.Time, most int64) (taken bool, err error) {
	var c change
	c.add(placesTaken, 1)
	c.set(named(TTLAttribute), num(since.Add(placesKeptFor).Unix()))
	c.require(placesTaken.NotExists().Or(placesTaken.LessThan(num(most))))
	err = s.countPlace(ctx, caller, since, c)
	if _, full := errors.AsType[*types.ConditionalCheckFailedException](err); full {
		return false, nil
	}
	if err != nil {
		return false, fault.Store("take a place", err)
	}
	return true, nil
}

// GivePlaceBack implements waiting.Store.
func (s *Store) GivePlaceBack(ctx context.Context, caller string, since time.Time) error {
	var c change
	c.add(placesTaken, -1)
	c.require(placesTaken.AtLeast(num(1)))
	err := s.countPlace(ctx, caller, since, c)
	if _, gone := errors.AsType[*types.ConditionalCheckFailedException](err); gone {
		return nil
	}
	if err != nil {
		return fault.Store("give a place back", err)
	}
	return nil
}

func (s *Store) countPlace(ctx context.Context, caller string, since time.Time, c change) error {
	e := c.build()
	_, err := s.DB.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Chat, Key: placesKey(caller, since), UpdateExpression: e.Update, ConditionExpression: e.Condition,
		ExpressionAttributeNames: e.Names, ExpressionAttributeValues: e.Values,
	})
	return err
}
