package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
)

var _ registry.Enrolments = (*Store)(nil)

const enrolmentSort = "ENROLMENT"

func enrolmentKey(id string) item {
	return item{ChatPartition: str("N#" + id), ChatSort: str(enrolmentSort)}
}

// Enrol implements registry.Enrolments.
func (s *Store) Enrol(ctx context.Context, e registry.Enrolment, by registry.Entry) error {
	it := enrolmentKey(e.ID)
	it["hash"], it["uses"], it["until"], it[TTLAttribute] = &types.AttributeValueMemberB{Value: e.Hash[:]}, num(int64(e.Uses)), millis(e.Until), num(e.Until.Unix())
	if e.Workspace != "" {
		it["workspace"] = str(e.Workspace)
	}
	return s.withAudit(ctx, types.TransactWriteItem{Put: &types.Put{TableName: &s.Chat, Item: it}}, e, by)
}

func (s *Store) withAudit(ctx context.Context, w types.TransactWriteItem, e registry.Enrolment, by registry.Entry) error {
	note, err := s.encodeNote(delivery.AuditNote(delivery.TrailOf(e), by))
	if err != nil {
		return err
	}
	_, err = s.transact(ctx, []types.TransactWriteItem{w, {Put: &types.Put{TableName: &s.Chat, Item: note}}})
	return err
}

// Enrolment implements registry.Enrolments.
func (s *Store) Enrolment(ctx context.Context, id string) (registry.Enrolment, error) {
	out, err := s.DB.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.Chat, Key: enrolmentKey(id), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return registry.Enrolment{}, fault.Store("get enrolment", err)
	}
	if len(out.Item) == 0 {
		return registry.Enrolment{}, registry.EnrolmentUnknown()
	}
	e := registry.Enrolment{ID: id, Workspace: strOf(out.Item["workspace"]), Uses: int(intOf(out.Item["uses"])), Until: timeOf(out.Item["until"])}
	if b, ok := out.Item["hash"].(*types.AttributeValueMemberB); ok && len(b.Value) == len(token.Hash{}) {
		e.Hash = token.Hash(b.Value)
	}
	return e, nil
}

// enrolmentUse takes one use, if there is one.
func (s *Store) enrolmentUse(e registry.Enrolment) types.TransactWriteItem {
	return types.TransactWriteItem{Update: &types.Update{
		TableName: &s.Chat, Key: enrolmentKey(e.ID), UpdateExpression: aws.String("ADD uses :one"), ConditionExpression: aws.String("#hash = :hash AND uses >= :least"),
		ExpressionAttributeNames:  map[string]string{"#hash": "hash"},
		ExpressionAttributeValues: item{":one": num(-1), ":least": num(1), ":hash": &types.AttributeValueMemberB{Value: e.Hash[:]}},
	}}
}

// Withdraw implements registry.Enrolments.
func (s *Store) Withdraw(ctx context.Context, id string, by registry.Entry) error {
	e, err := s.Enrolment(ctx, id)
	if err != nil {
		return err
	}
	return s.withAudit(ctx, types.TransactWriteItem{Delete: &types.Delete{TableName: &s.Chat, Key: enrolmentKey(id)}}, e, by)
}
