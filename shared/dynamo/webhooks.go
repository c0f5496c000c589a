package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/webhook"
)

var _ webhook.Store = (*Store)(nil)

// hookVersion is the attribute that a webhook's writes are on condition of.
const hookVersion = "v"

// hookKey is the key of a webhook by its id. All stand in one partition: they are few.
func hookKey(id string) item { return chatKey(hookPartition, id) }

// hookPut is the write of a webhook, on condition of the version that is stored.
func (s *Store) hookPut(h webhook.Hook, on condition) (types.TransactWriteItem, error) {
	raw, err := chat.Marshal(h)
	if err != nil {
		return types.TransactWriteItem{}, fault.Store("encode webhook", err)
	}
	it := hookKey(h.ID)
	it[recordAttribute], it[hookVersion] = str(string(raw)), num(h.Version)
	e := of(on)
	return types.TransactWriteItem{Put: &types.Put{
		TableName: &s.Chat, Item: it, ConditionExpression: e.Condition,
		ExpressionAttributeNames: e.Names, ExpressionAttributeValues: e.Values,
	}}, nil
}

// hookCount is the item that has the number of webhooks: a function that only has to know whether there is one reads it
// and no list.
var hookCount = chatKey(hookPartition, "#")

// countHook is the write that counts a webhook.
func (s *Store) countHook(n int64) types.TransactWriteItem {
	var c change
	c.add(named("n"), n)
	return c.write(s.Chat, hookCount)
}

// AnyHook implements webhook.Store.
func (s *Store) AnyHook(ctx context.Context) (bool, error) {
	out, err := s.DB.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.Chat, Key: hookCount})
	if err != nil {
		return false, fault.Store("get the number of webhooks", err)
	}
	return intOf(out.Item["n"]) > 0, nil
}

// AddHook implements webhook.Store.
func (s *Store) AddHook(ctx context.Context, h webhook.Hook, by activity.AuditEntry) error {
	return s.writeHook(ctx, h, named(ChatPartition).NotExists(), &by, s.countHook(1))
}

// SaveHook implements webhook.Store.
func (s *Store) SaveHook(ctx context.Context, h webhook.Hook, by *activity.AuditEntry) error {
	return s.writeHook(ctx, h, named(hookVersion).Equal(num(h.Version-1)), by)
}

// writeHook writes a webhook, with an audit line if there is one, and whatever belongs to it.
func (s *Store) writeHook(
	ctx context.Context, h webhook.Hook, on condition, by *activity.AuditEntry, also ...types.TransactWriteItem,
) error {
	put, err := s.hookPut(h, on)
	if err != nil {
		return err
	}
	writes := append([]types.TransactWriteItem{put}, also...)
	if by != nil {
		return s.transactAudited(ctx, activity.Platform, *by, writes...)
	}
	_, err = s.transact(ctx, writes)
	return err
}

// Hook implements webhook.Store.
func (s *Store) Hook(ctx context.Context, id string) (webhook.Hook, error) {
	if id == "" || id == strOf(hookCount[ChatSort]) {
		return webhook.Hook{}, webhook.Unknown() // DynamoDB has no empty key
	}
	it, err := s.getChat(ctx, "webhook", hookKey(id))
	if err != nil {
		return webhook.Hook{}, err
	}
	if len(it) == 0 {
		return webhook.Hook{}, webhook.Unknown()
	}
	return decodeRecord[webhook.Hook](it)
}

// Hooks implements webhook.Store.
func (s *Store) Hooks(ctx context.Context) (all []webhook.Hook, err error) {
	q := queryChat{what: "webhooks", key: named(ChatPartition).Equal(str(hookPartition))}
	return all, s.query(ctx, q, func(it item) (bool, error) {
		if strOf(it[ChatSort]) == strOf(hookCount[ChatSort]) {
			return false, nil
		}
		h, err := decodeRecord[webhook.Hook](it)
		all = append(all, h)
		return false, err
	})
}

// RemoveHook implements webhook.Store.
func (s *Store) RemoveHook(ctx context.Context, id string, by activity.AuditEntry) error {
	if _, err := s.Hook(ctx, id); err != nil {
		return err
	}
	err := s.transactAudited(ctx, activity.Platform, by, s.chatDelete(hookKey(id)), s.countHook(-1))
	if fault.CodeOf(err) == fault.Conflict {
		if _, missing := s.Hook(ctx, id); fault.CodeOf(missing) == fault.WebhookUnknown {
			return webhook.Unknown()
		}
	}
	return err
}
