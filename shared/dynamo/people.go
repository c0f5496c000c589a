package dynamo

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/people"
)

var _ people.Store = (*Store)(nil)

// The attributes of a person's credential.
const (
	personHash      = "hash"
	personName      = "name"
	personScope     = "scope"
	personTeam      = "team"
	personCreatedAt = "created"
	personCreatedBy = "creator"
	personUntil     = "until"
	personUsedAt    = "used"
	personUsedFrom  = "from"
	personEndedAt   = "ended"
	personEndedBy   = "ender"
	personEndedFrom = "endedfrom"
	personMakers    = "makers"
)

// personKey is the key of a credential by its public id. All stand in one
// partition: they are few, and read seldom (people.People keeps them for seconds).
func personKey(id string) item { return chatKey(peoplePartition, id) }

// AddPerson implements people.Store.
func (s *Store) AddPerson(ctx context.Context, p people.Person, by activity.AuditEntry) error {
	it := personKey(p.ID)
	it[personHash], it[personName], it[personScope] = hashValue(p.Hash), str(p.Name), str(string(p.Scope))
	it[personCreatedAt], it[personCreatedBy] = millis(p.CreatedAt), str(p.CreatedBy)
	it[personUntil], it[TTLAttribute] = millis(p.ExpiresAt), num(p.ExpiresAt.Add(people.KeptFor).Unix())
	if p.Team != "" {
		it[personTeam] = str(p.Team)
	}
	if len(p.Makers) > 0 {
		it[personMakers] = str(strings.Join(p.Makers, " ")) // no id has a space
	}
	if !p.UsedAt.IsZero() {
		it[personUsedAt], it[personUsedFrom] = millis(p.UsedAt), str(p.UsedFrom)
	}
	if !p.EndedAt.IsZero() {
		it[personEndedAt], it[personEndedBy] = millis(p.EndedAt), str(p.EndedBy.Who)
		it[personEndedFrom] = str(p.EndedBy.From)
	}
	return s.transactAudited(ctx, activity.Platform, by, s.chatPut(it))
}

func decodePerson(it item) people.Person {
	return people.Person{
		ID: strOf(it[ChatSort]), Name: strOf(it[personName]), Scope: people.Scope(strOf(it[personScope])),
		Team: strOf(it[personTeam]), Hash: hashOf(it[personHash]), CreatedAt: timeOf(it[personCreatedAt]),
		CreatedBy: strOf(it[personCreatedBy]), Makers: makersOf(it), ExpiresAt: timeOf(it[personUntil]),
		UsedAt: timeOf(it[personUsedAt]), UsedFrom: strOf(it[personUsedFrom]), EndedAt: timeOf(it[personEndedAt]),
		EndedBy: activity.Actor{Who: strOf(it[personEndedBy]), From: strOf(it[personEndedFrom])},
	}
}

// makersOf is nil when there are none.
func makersOf(it item) []string {
	if it[personMakers] == nil {
		return nil
	}
	return strings.Fields(strOf(it[personMakers]))
}

// Person implements people.Store.
func (s *Store) Person(ctx context.Context, id string) (people.Person, error) {
	if id == "" {
		return people.Person{}, people.Unknown() // DynamoDB has no empty key
	}
	it, err := s.getChat(ctx, "person", personKey(id))
	if err != nil {
		return people.Person{}, err
	}
	if len(it) == 0 {
		return people.Person{}, people.Unknown()
	}
	return decodePerson(it), nil
}

// People implements people.Store.
func (s *Store) People(ctx context.Context) (all []people.Person, err error) {
	q := queryChat{what: "people", key: named(ChatPartition).Equal(str(peoplePartition))}
	return all, s.query(ctx, q, func(it item) (bool, error) {
		all = append(all, decodePerson(it))
		return false, nil
	})
}

// EndPerson implements people.Store: one update, which no write of another call makes fail (insist).
func (s *Store) EndPerson(
	ctx context.Context, id string, by activity.Actor, at time.Time,
) (people.Person, error) {
	if id == "" {
		return people.Person{}, people.Unknown() // DynamoDB has no empty key
	}
	var c change
	c.setOnce(named(personEndedAt), millis(at))
	c.setOnce(named(personEndedBy), str(by.Who))
	c.setOnce(named(personEndedFrom), str(by.From))
	c.remove(named(personHash))
	c.require(named(ChatPartition).Exists())
	e := c.build()
	var out *dynamodb.UpdateItemOutput
	err := s.insist(ctx, func() (err error) {
		out, err = s.DB.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &s.Chat, Key: personKey(id), UpdateExpression: e.Update, ConditionExpression: e.Condition,
			ExpressionAttributeNames: e.Names, ExpressionAttributeValues: e.Values, ReturnValues: types.ReturnValueAllNew,
		})
		return err
	})
	if _, missing := errors.AsType[*types.ConditionalCheckFailedException](err); missing {
		return people.Person{}, people.Unknown()
	}
	if err != nil {
		return people.Person{}, fault.Store("end person", err)
	}
	return decodePerson(out.Attributes), nil
}

// RemovePerson implements people.Store.
func (s *Store) RemovePerson(ctx context.Context, id string) error {
	if id == "" {
		return people.Unknown()
	}
	reasons, err := s.transact(ctx, []types.TransactWriteItem{s.chatDelete(personKey(id))})
	if len(reasons) > 0 && reasonIs(reasons[0], "ConditionalCheckFailed") {
		return people.Unknown()
	}
	return err
}

// NotePersonUse implements people.Store.
func (s *Store) NotePersonUse(ctx context.Context, id, from string, at time.Time) error {
	var c change
	c.set(named(personUsedAt), millis(at))
	c.set(named(personUsedFrom), str(from))
	c.require(named(ChatPartition).Exists())
	e := c.build()
	_, err := s.DB.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Chat, Key: personKey(id), UpdateExpression: e.Update, ConditionExpression: e.Condition,
		ExpressionAttributeNames: e.Names, ExpressionAttributeValues: e.Values,
	})
	if _, gone := errors.AsType[*types.ConditionalCheckFailedException](err); gone {
		return people.Unknown()
	}
	if err != nil {
		return fault.Store("note use", err)
	}
	return nil
}
