package dynamo

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// API is what the stores call; *dynamodb.Client is one.
type API interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	Scan(context.Context, *dynamodb.ScanInput, ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error)
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
}

var _ API = (*dynamodb.Client)(nil)

// Store is both tables.
type Store struct {
	DB     API
	Leases string // table names
	Chat   string
	Policy workspace.Policy // what Renew observes by
	// Retention is how long an ended message's item lives (TTL: clean-up only,
	// nothing decides by it).
	Retention time.Duration
}

var (
	_ registry.Leases   = (*Store)(nil)
	_ registry.Profiles = (*Store)(nil)
	_ registry.Owners   = (*Store)(nil)
)

func (s *Store) leaseItem(id string) item { return item{LeaseKey: str(id)} }

// Get implements registry.Leases.
func (s *Store) Get(ctx context.Context, id string) (workspace.Facts, error) {
	out, err := s.DB.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.Leases, Key: s.leaseItem(id), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return workspace.Facts{}, fault.Store("get lease", err)
	}
	if len(out.Item) == 0 {
		return workspace.Facts{}, workspace.UnknownError(id)
	}
	return decodeFacts(out.Item), nil
}

// Renew implements registry.Leases: one conditional UpdateItem that writes what
// workspace.Observe says, without reading first. Only when the signal does more
// than go on with what is so (another incarnation calls, silence ends, a wedge or
// errors are over) does it take a second, with what the first one read.
func (s *Store) Renew(ctx context.Context, id string, credential token.Hash, sig workspace.Signal, now time.Time) (workspace.Facts, error) {
	u := s.renewal(credential, sig, now)
	u.whenSameHost(sig)
	u.whenNothingEnds(sig, s.Policy, now)
	f, err := s.renew(ctx, id, u)
	if _, refused := errors.AsType[*registry.Refused](err); refused && credential.Matches(f.Credential) && f.Hold != workspace.Removed {
		u = s.renewal(credential, sig, now)
		u.differences(encodeFacts(f), encodeFacts(workspace.Observe(f, sig, s.Policy, now)), recoveryFields...)
		return s.renew(ctx, id, u)
	}
	return f, err
}

// recoveryFields are what a signal may change besides what its renewal writes without reading first.
var recoveryFields = append(workspace.FieldsOf[workspace.Copies](), "RecoveredAt")

// renewal is the update of a signal, on condition of its credential.
func (s *Store) renewal(credential token.Hash, sig workspace.Signal, now time.Time) update {
	u := update{}
	u.set("LeaseUntil", millis(now.Add(s.Policy.LeaseTTL)))
	u.set("SeenFrom", str(sig.From))
	switch sig.Kind {
	case workspace.SignalPoll:
		u.set("PolledAt", millis(now))
		u.remove("CallsRefused")
	case workspace.SignalCall:
		u.set("CalledAt", millis(now))
		u.remove("CallsRefused")
	case workspace.SignalHeartbeat:
		u.set("HeartbeatAt", millis(now))
		u.remove("BeatsRefused")
		if sig.Wedged {
			u.setOnce("WedgedSince", millis(now))
		} else {
			u.remove("WedgedSince")
		}
	}
	if sig.ActiveTasks != nil {
		u.set("ActiveTasks", num(int64(*sig.ActiveTasks)))
		u.set("ActiveAt", millis(now))
	}
	switch {
	case sig.EndsErrors(s.Policy):
		u.remove("ErrorsSince")
		u.remove("SampleError")
	case sig.ErrorRate != nil && *sig.ErrorRate >= s.Policy.ErrorRateEnter:
		u.setOnce("ErrorsSince", millis(now))
		u.set("SampleError", str(sig.SampleError))
	}
	hash := credential[:]
	if credential.Zero() {
		hash = []byte{0} // no credential equals this
	}
	u.conditions = []string{
		u.name("Credential") + " = " + u.value(":credential", &types.AttributeValueMemberB{Value: hash}),
		"(attribute_not_exists(" + u.name("Hold") + ") OR " + u.name("Hold") + " <> " + u.value(":removed", str(string(workspace.Removed))) + ")",
	}
	return u
}

// whenSameHost puts workspace.SameHost in the condition.
func (u *update) whenSameHost(sig workspace.Signal) {
	inc := u.name("Instance")
	if sig.Instance.Name == "" {
		from := u.name("SeenFrom")
		u.conditions = append(u.conditions, "(attribute_exists("+inc+") OR attribute_not_exists("+from+") OR "+from+" = "+u.value(":from", str(sig.From))+")")
		return
	}
	near := sig.Instance.Aliases()
	u.setOnce("Instance", str(sig.Instance.Name))
	u.conditions = append(u.conditions, "(attribute_not_exists("+inc+") OR "+inc+" IN ("+u.value(":near0", str(near[0]))+", "+u.value(":near1", str(near[1]))+"))")
}

// whenNothingEnds puts in the condition that the signal puts nothing right: the
// first half of workspace.Observe.
func (u *update) whenNothingEnds(sig workspace.Signal, p workspace.Policy, now time.Time) {
	lease := u.name("LeaseUntil")
	u.conditions = append(u.conditions, "(attribute_not_exists("+lease+") OR "+lease+" > "+u.value(":lapsed", millis(now.Add(-p.Grace)))+")")
	if sig.Kind == workspace.SignalHeartbeat && !sig.Wedged {
		u.conditions = append(u.conditions, "attribute_not_exists("+u.name("WedgedSince")+")")
	}
	if sig.EndsErrors(p) {
		u.conditions = append(u.conditions, "attribute_not_exists("+u.name("ErrorsSince")+")")
	}
}

// renew sends the update. When its condition fails, it returns a *Refused with
// the facts as they stand.
func (s *Store) renew(ctx context.Context, id string, u update) (workspace.Facts, error) {
	out, err := s.DB.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Leases, Key: s.leaseItem(id), UpdateExpression: u.expression(), ConditionExpression: aws.String(strings.Join(u.conditions, " AND ")),
		ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values,
		ReturnValues: types.ReturnValueAllNew, ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		if len(failed.Item) == 0 {
			return workspace.Facts{}, workspace.UnknownError(id)
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
func (s *Store) Save(ctx context.Context, old, next workspace.Facts, with registry.SaveExtras) error {
	writes := []types.TransactWriteItem{s.saved(old, next)}
	if with.Profile != nil {
		key, expression, names, values := profileUpdate(next.ID, *with.Profile)
		if expression != nil {
			writes = append(writes, types.TransactWriteItem{Update: &types.Update{
				TableName: &s.Chat, Key: key, UpdateExpression: expression, ExpressionAttributeNames: names, ExpressionAttributeValues: values,
			}})
		}
	}
	for _, h := range []token.Hash{next.Credential, next.NextCredential} {
		if !h.Zero() && h != old.Credential && h != old.NextCredential {
			writes = append(writes, types.TransactWriteItem{Put: &types.Put{TableName: &s.Chat, Item: encodeOwner(h, next.ID)}})
		}
	}
	if with.Audit != nil {
		it, err := s.encodeNote(delivery.AuditNote(next.ID, *with.Audit))
		if err != nil {
			return err
		}
		writes = append(writes, types.TransactWriteItem{Put: &types.Put{TableName: &s.Chat, Item: it}})
	}
	if with.Enrolment != nil {
		writes = append(writes, s.enrolmentUse(*with.Enrolment))
	}
	reasons, err := s.transact(ctx, writes)
	if with.Enrolment != nil && len(reasons) == len(writes) && aws.ToString(reasons[len(writes)-1].Code) == "ConditionalCheckFailed" {
		return registry.EnrolmentUnknown()
	}
	return err
}

// refusalFields are what workspace.Refuse writes.
var refusalFields = slices.Concat(workspace.FieldsOf[workspace.Refusals](), workspace.FieldsOf[workspace.Stranger]())

// NoteRefusal implements registry.Leases: one conditional UpdateItem, so that of
// many refused at once one is written.
func (s *Store) NoteRefusal(ctx context.Context, old, next workspace.Facts) error {
	u, was := update{}, encodeFacts(old)
	u.differences(was, encodeFacts(next), refusalFields...)
	for _, field := range append([]string{"Version"}, refusalFields...) { // a time alone says too little: several come in one millisecond
		if av, ok := was[leaseAttributes[field]]; ok {
			u.conditions = append(u.conditions, u.name(field)+" = "+u.value(":was_"+leaseAttributes[field], av))
		} else {
			u.conditions = append(u.conditions, "attribute_not_exists("+u.name(field)+")")
		}
	}
	_, err := s.DB.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Leases, Key: s.leaseItem(next.ID), UpdateExpression: u.expression(), ConditionExpression: aws.String(strings.Join(u.conditions, " AND ")),
		ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values,
	})
	if _, failed := errors.AsType[*types.ConditionalCheckFailedException](err); failed {
		return &fault.Error{Code: fault.Conflict, Message: "what was seen has changed", Cause: err}
	}
	if err != nil {
		return fault.Store("note refusal", err)
	}
	return nil
}

// saved is the write of what differs between old and next, if old.Version is
// still stored.
func (s *Store) saved(old, next workspace.Facts) types.TransactWriteItem {
	u, was, is := update{}, encodeFacts(old), encodeFacts(next)
	for _, lf := range leaseFields {
		if lf.field != "ID" {
			u.differences(was, is, lf.field)
		}
	}
	var condition string
	if old.ID == "" {
		condition = "attribute_not_exists(" + u.name("ID") + ")"
	} else {
		condition = u.name("Version") + " = " + u.value(":seen", num(old.Version))
	}
	return types.TransactWriteItem{Update: &types.Update{
		TableName: &s.Leases, Key: s.leaseItem(next.ID), UpdateExpression: u.expression(), ConditionExpression: &condition,
		ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values,
	}}
}

// transact writes all or nothing. A failed condition, or another transaction on
// the same items, is a conflict; the reasons say which write failed.
func (s *Store) transact(ctx context.Context, writes []types.TransactWriteItem) ([]types.CancellationReason, error) {
	_, err := s.DB.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: writes})
	if cancelled, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		for _, r := range cancelled.CancellationReasons {
			switch code := aws.ToString(r.Code); code {
			case "", "None", "ConditionalCheckFailed", "TransactionConflict":
			default:
				return nil, fault.Store("transaction: "+code, err)
			}
		}
		return cancelled.CancellationReasons, &fault.Error{Code: fault.Conflict, Message: "what was seen has changed", Cause: err}
	}
	if err != nil {
		return nil, fault.Store("transaction", err)
	}
	return nil, nil
}

// Page implements registry.Leases with a strongly consistent scan.
func (s *Store) Page(ctx context.Context, cursor string, limit int) ([]workspace.Facts, string, error) {
	in := &dynamodb.ScanInput{TableName: &s.Leases, Limit: aws.Int32(int32(limit)), ConsistentRead: aws.Bool(true)}
	if cursor != "" {
		in.ExclusiveStartKey = s.leaseItem(cursor)
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

// update builds an UpdateExpression over workspace.Facts' fields.
type update struct {
	names        map[string]string
	values       item
	sets, clears []string
	adds         []string
	conditions   []string
}

func (u *update) name(field string) string {
	attr := leaseAttributes[field]
	if u.names == nil {
		u.names = map[string]string{}
	}
	u.names["#"+attr] = attr
	return "#" + attr
}

func (u *update) value(placeholder string, av types.AttributeValue) string {
	if u.values == nil {
		u.values = item{}
	}
	u.values[placeholder] = av
	return placeholder
}

func (u *update) set(field string, av types.AttributeValue) {
	u.sets = append(u.sets, u.name(field)+" = "+u.value(":"+leaseAttributes[field], av))
}

// setOnce keeps a value that is there already.
func (u *update) setOnce(field string, av types.AttributeValue) {
	n := u.name(field)
	u.sets = append(u.sets, n+" = if_not_exists("+n+", "+u.value(":"+leaseAttributes[field], av)+")")
}

func (u *update) remove(field string) { u.clears = append(u.clears, u.name(field)) }

// differences sets and clears the fields, of those named, that differ.
func (u *update) differences(was, is item, fields ...string) {
	for _, field := range fields {
		a, had := was[leaseAttributes[field]]
		b, has := is[leaseAttributes[field]]
		switch {
		case has && (!had || !same(a, b)):
			u.set(field, b)
		case had && !has:
			u.remove(field)
		}
	}
}

// add counts; an absent attribute counts from zero.
func (u *update) add(field string, n int64) {
	if n != 0 {
		u.adds = append(u.adds, u.name(field)+" "+u.value(":"+leaseAttributes[field], num(n)))
	}
}

func (u *update) expression() *string {
	var parts []string
	for _, clause := range []struct {
		verb string
		of   []string
	}{{"SET ", u.sets}, {"REMOVE ", u.clears}, {"ADD ", u.adds}} {
		if len(clause.of) > 0 {
			parts = append(parts, clause.verb+strings.Join(clause.of, ", "))
		}
	}
	return aws.String(strings.Join(parts, " "))
}

func same(a, b types.AttributeValue) bool {
	switch x := a.(type) {
	case *types.AttributeValueMemberS:
		return x.Value == strOf(b)
	case *types.AttributeValueMemberN:
		y, ok := b.(*types.AttributeValueMemberN)
		return ok && x.Value == y.Value
	case *types.AttributeValueMemberB:
		y, ok := b.(*types.AttributeValueMemberB)
		return ok && slices.Equal(x.Value, y.Value)
	case *types.AttributeValueMemberBOOL:
		y, ok := b.(*types.AttributeValueMemberBOOL)
		return ok && x.Value == y.Value
	}
	return false
}
