package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/registry"
)

var _ registry.Enrolments = (*Store)(nil)

// The attributes of an enrolment.
const (
	enrolmentHash      = "hash"
	enrolmentUses      = "uses"
	enrolmentUntil     = "until"
	enrolmentWorkspace = "workspace"
	enrolmentLife      = "life"
	enrolmentEnded     = "ended"
	enrolmentCreator   = "creator"
)

func enrolmentKey(id string) item { return chatKey(enrolmentPartition+id, enrolmentSort) }

// Enrol implements registry.Enrolments.
func (s *Store) Enrol(ctx context.Context, e registry.Enrolment, by activity.AuditEntry) error {
	it := enrolmentKey(e.ID)
	it[enrolmentHash], it[enrolmentUses], it[enrolmentUntil] = hashValue(e.Hash), num(int64(e.Uses)), millis(e.Until)
	it[TTLAttribute] = num(e.Until.Unix())
	if e.CreatedBy != "" {
		it[enrolmentCreator] = str(e.CreatedBy)
	}
	if e.Workspace != "" {
		it[enrolmentWorkspace], it[enrolmentLife], it[enrolmentEnded] = str(e.Workspace), num(e.Life), num(e.Ended)
	}
	return s.transactAudited(ctx, e.AuditTrail(), by, s.chatPut(it))
}

// Enrolment implements registry.Enrolments.
func (s *Store) Enrolment(ctx context.Context, id string) (registry.Enrolment, error) {
	it, err := s.getChat(ctx, "enrolment", enrolmentKey(id))
	if err != nil {
		return registry.Enrolment{}, err
	}
	if len(it) == 0 {
		return registry.Enrolment{}, registry.EnrolmentAbsent()
	}
	return registry.Enrolment{
		ID: id, Hash: hashOf(it[enrolmentHash]), Workspace: strOf(it[enrolmentWorkspace]), Life: intOf(it[enrolmentLife]),
		Ended: intOf(it[enrolmentEnded]), Uses: int(intOf(it[enrolmentUses])), Until: timeOf(it[enrolmentUntil]),
		CreatedBy: strOf(it[enrolmentCreator]),
	}, nil
}

// enrolmentUse takes one use, if there is one.
func (s *Store) enrolmentUse(e registry.Enrolment) types.TransactWriteItem {
	var c change
	c.add(named(enrolmentUses), -1)
	c.require(named(enrolmentHash).Equal(hashValue(e.Hash)))
	c.require(named(enrolmentUses).AtLeast(num(1)))
	return c.write(s.Chat, enrolmentKey(e.ID))
}

// Withdraw implements registry.Enrolments.
func (s *Store) Withdraw(ctx context.Context, id string, by activity.AuditEntry) error {
	e, err := s.Enrolment(ctx, id)
	if err != nil {
		return err
	}
	withdrawn := types.TransactWriteItem{Delete: &types.Delete{TableName: &s.Chat, Key: enrolmentKey(id)}}
	return s.transactAudited(ctx, e.AuditTrail(), by, withdrawn)
}
