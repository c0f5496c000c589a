package dynamo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

var _ registry.Leases = (*Store)(nil)

// Get implements registry.Leases.
func (s *Store) Get(ctx context.Context, id string) (workspace.Facts, error) {
	out, err := s.DB.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &s.Leases, Key: leaseKey(id), ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return workspace.Facts{}, fault.Store("get lease", err)
	}
	if len(out.Item) == 0 {
		return workspace.Facts{}, workspace.UnknownError()
	}
	return decodeFacts(out.Item), nil
}

// Renew implements registry.Leases: one conditional update that writes what
// workspace.Observe says, without a read before. Only when the signal does more
// than go on with what is so does it take a second update, with what the first one
// read: another instance calls, silence ends, a wedge or errors are over, or the
// verdict becomes another one.
func (s *Store) Renew(
	ctx context.Context, id string, credential token.Hash, sig workspace.Signal, now time.Time,
) (workspace.Facts, error) {
	c := s.renewal(credential, sig, now)
	requireSameInstance(&c, sig)
	requireNoRecovery(&c, sig, s.Policy, now)
	if sig.Kind == workspace.SignalPoll && sig.PollsAgain {
		c.set(lease("PollAwaitedAt"), instant(now))
	}
	c.require(lease("Homes").Contains(workspace.HomeEntry(sig.From)))
	f, err := s.renew(ctx, id, c, types.ReturnValueAllOld)
	if err == nil {
		next := decodeFacts(encodeFacts(workspace.Observe(f, sig, s.Policy, now)))
		return next, s.noteLate(ctx, f, next)
	}
	_, refused := errors.AsType[*registry.Refused](err)
	if refused && credential.Matches(f.Credential) && f.Hold != workspace.Removed {
		c = s.renewal(credential, sig, now)
		observed := workspace.Observe(f, sig, s.Policy, now)
		fields := slices.Concat(workspace.FieldsOf[workspace.Copies](), late(f, observed),
			[]string{"RecoveredAt", "PollAwaitedAt", "MovedAt", "SeldomCalls", "SeldomGap"})
		c.differences(encodeFacts(f), encodeFacts(observed), fields)
		return s.renew(ctx, id, c, types.ReturnValueAllNew)
	}
	return f, err
}

// lateFields are what a signal changes now and then: what workspace.NoteStanding and
// workspace.NoteHome write.
var (
	standingFields = workspace.FieldsOf[workspace.Standing]()
	lateFields     = append(workspace.FieldsOf[workspace.Standing](), "Homes")
	lateAndMetric  = append(slices.Clone(lateFields), "BadMetric", "BadMetricAt")
)

// late is lateFields, and with them a metric that could not be read if the signal forgets it. One that it notes is
// written at once.
func late(old, next workspace.Facts) []string {
	noted := old.BadMetric != "" || !old.BadMetricAt.IsZero()
	if noted && next.BadMetric == "" && next.BadMetricAt.IsZero() {
		return lateAndMetric
	}
	return lateFields
}

// noteLate writes what of late a signal has changed, unless another one changed
// it since.
func (s *Store) noteLate(ctx context.Context, old, next workspace.Facts) error {
	fields := late(old, next)
	if old.Standing == next.Standing && old.Homes == next.Homes && len(fields) == len(lateFields) {
		return nil
	}
	was := encodeFacts(old)
	var c change
	c.differences(was, encodeFacts(next), fields)
	for _, field := range fields {
		c.requireSame(lease(field), was[leaseAttributes[field]])
	}
	_, err := s.renew(ctx, next.ID, c, types.ReturnValueNone)
	if _, changed := errors.AsType[*registry.Refused](err); changed {
		return nil
	}
	return err
}

// renewal is the update of a signal, on condition of its credential.
func (s *Store) renewal(credential token.Hash, sig workspace.Signal, now time.Time) change {
	var c change
	c.set(lease("LeaseUntil"), instant(now.Add(sig.Lease(s.Policy))))
	c.set(lease("SeenFrom"), leaseText(sig.From))
	switch sig.Kind {
	case workspace.SignalPoll:
		c.set(lease("PolledAt"), instant(now))
		c.remove(lease("CallsRefused"))
	case workspace.SignalCall:
		c.set(lease("CalledAt"), instant(now))
		c.remove(lease("CallsRefused"))
	case workspace.SignalHeartbeat:
		c.set(lease("HeartbeatAt"), instant(now))
		c.remove(lease("BeatsRefused"))
		if sig.Wedged {
			c.setOnce(lease("WedgedSince"), instant(now))
		} else {
			c.remove(lease("WedgedSince"))
		}
	}
	if sig.BadMetric != "" {
		c.set(lease("BadMetric"), leaseText(sig.BadMetric))
		c.set(lease("BadMetricAt"), instant(now))
	}
	if sig.ActiveTasks != nil {
		c.set(lease("ActiveTasks"), num(int64(*sig.ActiveTasks)))
		c.set(lease("ActiveAt"), instant(now))
		if *sig.ActiveTasks > 0 {
			c.setOnce(lease("AtWorkSince"), instant(now))
			c.remove(lease("FreeSince"))
		} else {
			c.remove(lease("AtWorkSince"))
			c.setOnce(lease("FreeSince"), instant(now))
		}
	}
	switch {
	case sig.EndsErrors(s.Policy):
		c.remove(lease("ErrorsSince"))
		c.remove(lease("SampleError"))
	case sig.ErrorRate != nil && *sig.ErrorRate >= s.Policy.ErrorRateEnter:
		c.setOnce(lease("ErrorsSince"), instant(now))
		c.set(lease("SampleError"), leaseText(sig.SampleError))
	}
	presented := hashValue(credential)
	if credential.Zero() {
		presented = &types.AttributeValueMemberB{Value: []byte{0}} // no credential equals this
	}
	c.require(lease("Credential").Equal(presented))
	c.require(notRemoved())
	return c
}

// notRemoved requires that no operator has removed the workspace.
func notRemoved() condition {
	hold := lease("Hold")
	return hold.NotExists().Or(hold.NotEqual(leaseText(string(workspace.Removed))))
}

// requireSameInstance is workspace.SameInstance as a condition.
func requireSameInstance(c *change, sig workspace.Signal) {
	instance := lease("Instance")
	if sig.Instance.Name == "" {
		from := lease("SeenFrom")
		c.require(instance.Exists().Or(from.NotExists(), from.Equal(leaseText(sig.From))))
		return
	}
	aliases := sig.Instance.Aliases()
	c.setOnce(instance, leaseText(sig.Instance.Name))
	c.require(instance.NotExists().Or(instance.In(leaseText(aliases[0]), leaseText(aliases[1]))))
}

// requireNoRecovery requires that the signal ends no silence, wedge or errors:
// the first part of workspace.Observe.
func requireNoRecovery(c *change, sig workspace.Signal, p workspace.Policy, now time.Time) {
	until := lease("LeaseUntil")
	c.require(until.NotExists().Or(until.GreaterThan(instant(now.Add(-p.Grace)))))
	if sig.Kind == workspace.SignalHeartbeat && !sig.Wedged {
		c.require(lease("WedgedSince").NotExists())
	}
	if sig.EndsErrors(p) {
		c.require(lease("ErrorsSince").NotExists())
	}
}

// renew sends the update, and returns the facts before or after it. When its
// condition fails, it returns a *Refused with the facts as they stand.
func (s *Store) renew(
	ctx context.Context, id string, c change, returned types.ReturnValue,
) (workspace.Facts, error) {
	e := c.build()
	out, err := s.DB.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Leases, Key: leaseKey(id), UpdateExpression: e.Update, ConditionExpression: e.Condition,
		ExpressionAttributeNames: e.Names, ExpressionAttributeValues: e.Values,
		ReturnValues:                        returned,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		if len(failed.Item) == 0 {
			return workspace.Facts{}, workspace.UnknownError()
		}
		f := decodeFacts(failed.Item)
		return f, &registry.Refused{Facts: f}
	}
	if err != nil {
		return workspace.Facts{}, fault.Store("renew lease", err)
	}
	return decodeFacts(out.Attributes), nil
}

// Save implements registry.Leases: only what differs is written, so a signal or
// a message in between is not undone.
func (s *Store) Save(ctx context.Context, old, next workspace.Facts, extras registry.SaveExtras) error {
	writes := []types.TransactWriteItem{s.saveLease(old, next)}
	if extras.Profile != nil {
		if c := profileChange(*extras.Profile); c.updates() {
			writes = append(writes, c.write(s.Chat, profileKey(next.ID)))
		}
		if card := s.cardWrite(next.ID, *extras.Profile); card != nil {
			writes = append(writes, *card)
		}
	}
	for _, h := range issued(old, next) {
		put := s.chatPut(encodeOwner(h, next.Life()))
		if h == extras.Brought {
			put = s.ownerPut(h, next.Life())
		}
		writes = append(writes, put)
	}
	for _, entry := range extras.Audit {
		it, err := s.encodeRow(activity.AuditRow(next.Life(), entry))
		if err != nil {
			return err
		}
		writes = append(writes, s.chatPut(it))
	}
	if extras.Enrolment != nil {
		writes = append(writes, s.enrolmentUse(*extras.Enrolment))
	}
	reasons, err := s.transact(ctx, writes)
	if last := len(writes) - 1; extras.Enrolment != nil && len(reasons) == len(writes) && reasonIs(reasons[0], "None") &&
		reasonIs(reasons[last], "ConditionalCheckFailed") {
		return registry.EnrolmentUnknown()
	}
	return err
}

// issued are the credentials that next has and old had not, each once: a
// transaction takes one write of an item.
func issued(old, next workspace.Facts) (out []token.Hash) {
	for _, h := range []token.Hash{next.Credential, next.NextCredential} {
		if !h.Zero() && h != old.Credential && h != old.NextCredential && !slices.Contains(out, h) {
			out = append(out, h)
		}
	}
	return out
}

// saveLease is the write of what differs between old and next, if old.Version is
// still stored, and of some fields what old has.
func (s *Store) saveLease(old, next workspace.Facts, same ...string) types.TransactWriteItem {
	var c change
	var fields []string
	for _, lf := range leaseFields {
		if lf.name != LeaseKey {
			fields = append(fields, lf.field)
		}
	}
	was := encodeFacts(old)
	for _, field := range same {
		c.requireSame(lease(field), was[leaseAttributes[field]])
	}
	if next.Lives != old.Lives {
		was = everyField() // what was written since old was read ends with its life too
	}
	c.differences(was, encodeFacts(next), fields)
	if old.ID == "" {
		c.require(lease("ID").NotExists())
	} else {
		c.require(lease("Version").Equal(num(old.Version)))
	}
	return c.write(s.Leases, leaseKey(next.ID))
}

// everyField is an item with every attribute, none of which facts have: each differs.
var everyField = sync.OnceValue(func() item {
	out := item{}
	for _, lf := range leaseFields {
		out[lf.name] = &types.AttributeValueMemberNULL{Value: true}
	}
	return out
})

// Precede implements registry.Leases: one update, whatever version is stored. While a transaction writes the same item,
// DynamoDB refuses it, and it is sent again: a transaction takes milliseconds, and nothing has to stay as it was read.
func (s *Store) Precede(ctx context.Context, id string, until time.Time) error {
	var c change
	c.set(lease("PrecedenceUntil"), instant(until))
	c.add(lease("Version"), 1)
	c.require(lease("ID").Exists())
	e := c.build()
	err := s.insist(ctx, func() error {
		_, err := s.DB.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &s.Leases, Key: leaseKey(id), UpdateExpression: e.Update, ConditionExpression: e.Condition,
			ExpressionAttributeNames: e.Names, ExpressionAttributeValues: e.Values,
		})
		return err
	})
	if _, missing := errors.AsType[*types.ConditionalCheckFailedException](err); missing {
		return workspace.UnknownError()
	}
	if err != nil {
		return writeError("precede", err)
	}
	return nil
}

// refusalFields are what workspace.Refuse writes.
var refusalFields = append(workspace.FieldsOf[workspace.Refusals](), workspace.FieldsOf[workspace.Stranger]()...)

// NoteRefusal implements registry.Leases: one conditional update, so that of many
// refused at once one is written. Every field that counts refusals is in the
// condition: a time alone says too little, as several come in one millisecond.
func (s *Store) NoteRefusal(ctx context.Context, old, next workspace.Facts) error {
	was := encodeFacts(old)
	var c change
	c.differences(was, encodeFacts(next), slices.Concat(refusalFields, standingFields))
	c.require(lease("ID").Exists())
	for _, field := range append([]string{"Version"}, refusalFields...) {
		c.requireSame(lease(field), was[leaseAttributes[field]])
	}
	e := c.build()
	_, err := s.DB.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Leases, Key: leaseKey(next.ID), UpdateExpression: e.Update, ConditionExpression: e.Condition,
		ExpressionAttributeNames: e.Names, ExpressionAttributeValues: e.Values,
	})
	if _, failed := errors.AsType[*types.ConditionalCheckFailedException](err); failed {
		return conflict(err)
	}
	if err != nil {
		return fault.Store("note refusal", err)
	}
	return nil
}

// GetAll implements registry.Leases.
func (s *Store) GetAll(ctx context.Context, ids ...string) (out []workspace.Facts, err error) {
	keys := make([]item, len(ids))
	for i, id := range ids {
		keys[i] = leaseKey(id)
	}
	err = s.batchGet(ctx, s.Leases, keys, nil, func(it item) error {
		out = append(out, decodeFacts(it))
		return nil
	})
	return out, err
}

// Page implements registry.Leases.
func (s *Store) Page(ctx context.Context, cursor string, limit int) ([]workspace.Facts, string, error) {
	return s.scan(ctx, &dynamodb.ScanInput{ConsistentRead: aws.Bool(true)}, cursor, limit)
}

// Scan implements registry.Leases. A segment is one of a parallel scan: it has its own range of the keys' hashes.
func (s *Store) Scan(
	ctx context.Context, seg workspace.Segment, cursor string, limit int,
) ([]workspace.Facts, string, error) {
	in := &dynamodb.ScanInput{}
	if seg != workspace.All {
		in.Segment, in.TotalSegments = aws.Int32(int32(seg.Number)), aws.Int32(int32(seg.Of))
	}
	return s.scan(ctx, in, cursor, limit)
}

// scan lists leases.
func (s *Store) scan(
	ctx context.Context, in *dynamodb.ScanInput, cursor string, limit int,
) ([]workspace.Facts, string, error) {
	if limit < 1 {
		return nil, "", fault.Store("scan leases", fmt.Errorf("limit %d", limit))
	}
	in.TableName, in.Limit = &s.Leases, aws.Int32(int32(limit))
	if cursor != "" {
		in.ExclusiveStartKey = leaseKey(cursor)
	}
	out, err := s.DB.Scan(ctx, in)
	if err != nil {
		return nil, "", fault.Store("scan leases", err)
	}
	facts := make([]workspace.Facts, 0, len(out.Items))
	for _, it := range out.Items {
		facts = append(facts, decodeFacts(it))
	}
	return facts, strOf(out.LastEvaluatedKey[LeaseKey]), nil
}
