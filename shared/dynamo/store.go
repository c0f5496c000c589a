// Package dynamo keeps facts and messages in two DynamoDB tables. It is the only
// place that knows their keys, attribute names and conditions.
package dynamo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// API is what the stores call; *dynamodb.Client is one.
type API interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	UpdateItem(context.Context, *dynamodb.UpdateItemInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
	Scan(context.Context, *dynamodb.ScanInput, ...func(*dynamodb.Options)) (*dynamodb.ScanOutput, error)
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (
		*dynamodb.BatchGetItemOutput, error)
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (
		*dynamodb.TransactWriteItemsOutput, error)
}

var _ API = (*dynamodb.Client)(nil)

// Store is both tables.
type Store struct {
	DB     API
	Leases string           // name of the leases table
	Chat   string           // name of the chat table
	Policy workspace.Policy // what Renew observes by
	Clock  clock.Clock      // for the pauses of a throttled read
	// Retention is how long the item of an ended message lives. DynamoDB's TTL
	// cleans up with it; nothing decides by it.
	Retention time.Duration
}

// LeaseKey is the partition key of the leases table: the workspace's id. The
// table has one item for each workspace.
const LeaseKey = "id"

// The chat table. Partition "W#<life>" has one item for each message, row, delegation,
// claim of a message, outbox item and change of verdict of one life of a workspace
// (workspace.Life.Key), so that another life finds none of them; "P#<workspace>" has
// its profile, and apart from it a long agent card; "H#<workspace>" has its audit trail;
// "T#<life>#<sort key>" has the body and the answers that are kept apart from a message, or
// a long row that is kept apart from its head; "B#<life>" has those that a former release
// wrote; "C#<credential hash>" names a credential's owner; "N#<public id>" is an enrolment;
// "PEOPLE" has the credentials of people, by public id; "FLEET" has what is known of the
// platform and the log of the fleet's changes; "SWEEP" has how far each segment of a sweep
// is; "RIGHT#<right>" says who does what one does at a time; "WAITS#<caller>" has how many
// of a caller's calls wait.
//
// An open message has the attribute OpenOrder, whose order is the order of
// delivery, and so stands in the local index OpenIndex. One that is lost has it
// too, and stands behind all that is open; of other ended ones none is there. Between
// them stand delegations, by time.
// Messages and rows have the attribute LogOrder, whose order is that of time, and
// stand in the local index LogIndex. The indexes are local because those can be
// read strongly consistent: mail that was accepted is mail that the next drain
// sees.
const (
	ChatPartition = "pk"
	ChatSort      = "sk"
	OpenIndex     = "open"
	OpenOrder     = "ready"
	LogIndex      = "log"
	LogOrder      = "at"
	TTLAttribute  = "ttl"
)

// The prefixes of partition keys and sort keys in the chat table.
const (
	lifePartition       = "W#"
	textPartition       = "T#"
	formerTextPartition = "B#"
	profilePartition    = "P#"
	auditPartition      = "H#"
	ownerPartition      = "C#"
	enrolmentPartition  = "N#"
	fleetPartition      = "FLEET"
	sweepPartition      = "SWEEP"
	peoplePartition     = "PEOPLE"
	rightPartition      = "RIGHT#"
	hookPartition       = "WEBHOOKS"
	waitPartition       = "WAITS#"

	profileSort      = "PROFILE"
	cardSort         = "CARD"
	tallySort        = "TALLY"
	ownerSort        = "OWNER"
	enrolmentSort    = "ENROLMENT"
	fleetSort        = "STATE"
	rightSort        = "RIGHT"
	messagePrefix    = "M#"
	bodyPrefix       = "B#"
	answerPrefix     = "R#"
	rowPrefix        = "A#"
	delegationPrefix = "D#"
	claimPrefix      = "T#"
	outboxPrefix     = "E#"
	callbackPrefix   = "U#" // of the part of the outbox that has the callbacks
	trailPrefix      = "H#" // of an audit entry and of a change of verdict
	changePrefix     = "V#"
	segmentPrefix    = "S#"
	placesPrefix     = "S#"

	// afterEveryTime sorts after every time and number in a sort key.
	afterEveryTime = "9"
)

// chatKey is the key of an item of the chat table.
func chatKey(partition, sort string) item {
	return item{ChatPartition: str(partition), ChatSort: str(sort)}
}

// lifeKey is the key of one of a life's items.
func lifeKey(life workspace.Life, sort string) item { return chatKey(lifePartition+life.Key(), sort) }

func leaseKey(id string) item { return item{LeaseKey: str(id)} }

// getChat reads one item of the chat table, strongly consistent; it is empty when
// there is none.
func (s *Store) getChat(ctx context.Context, what string, key item) (item, error) {
	out, err := s.DB.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.Chat, Key: key, ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, fault.Store("get "+what, err)
	}
	return out.Item, nil
}

// putChat writes one item of the chat table, whatever is there.
func (s *Store) putChat(ctx context.Context, what string, it item) error {
	if _, err := s.DB.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.Chat, Item: it}); err != nil {
		return storeError("put "+what, err)
	}
	return nil
}

// chatPut is a write of one item of the chat table in a transaction.
func (s *Store) chatPut(it item) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{TableName: &s.Chat, Item: it}}
}

// chatDelete is the deletion of an item of the chat table in a transaction, on condition that it is there.
func (s *Store) chatDelete(key item) types.TransactWriteItem {
	e := of(named(ChatPartition).Exists())
	return types.TransactWriteItem{Delete: &types.Delete{
		TableName: &s.Chat, Key: key, ConditionExpression: e.Condition, ExpressionAttributeNames: e.Names,
	}}
}

// transactAudited does writes in one transaction with their line of an audit trail. Error: conflict.
func (s *Store) transactAudited(
	ctx context.Context, trail workspace.Life, by activity.AuditEntry, writes ...types.TransactWriteItem,
) error {
	row, err := s.encodeRow(activity.AuditRow(trail, by))
	if err != nil {
		return err
	}
	_, err = s.transact(ctx, append(writes, s.chatPut(row)))
	return err
}

// queryChat is a strongly consistent query of the chat table.
type queryChat struct {
	what       string // for errors
	index      string // "": the table
	key        condition
	attributes []string // of each item; none: all
	newest     bool     // in descending order
	after      item     // the key of the item behind which it begins; empty: with the first one
	limit      int      // of items that DynamoDB reads in one call; 0: as many as it takes
}

// input is the query as DynamoDB takes it.
func (q queryChat) input(table string) *dynamodb.QueryInput {
	var w writer
	w.condition(q.key)
	key := w.end()
	for i, a := range q.attributes {
		if i > 0 {
			w.text.WriteString(", ")
		}
		w.name(named(a))
	}
	in := &dynamodb.QueryInput{
		TableName: &table, ConsistentRead: aws.Bool(true), ScanIndexForward: aws.Bool(!q.newest),
		KeyConditionExpression: key, ProjectionExpression: w.end(), ExclusiveStartKey: q.after,
		ExpressionAttributeNames: w.Names, ExpressionAttributeValues: w.Values,
	}
	if q.index != "" {
		in.IndexName = &q.index
	}
	if q.limit > 0 {
		in.Limit = aws.Int32(int32(q.limit))
	}
	return in
}

// query calls each with every item in order, until it says that it has enough.
func (s *Store) query(ctx context.Context, q queryChat, each func(item) (enough bool, err error)) error {
	for {
		items, last, err := s.queryOnce(ctx, q)
		if err != nil {
			return err
		}
		for _, it := range items {
			if enough, err := each(it); enough || err != nil {
				return err
			}
		}
		if q.after = last; len(last) == 0 {
			return nil
		}
	}
}

// queryOnce makes one call; last is the key of the last item that it read, empty when there are no more.
func (s *Store) queryOnce(ctx context.Context, q queryChat) (items []item, last item, err error) {
	page, err := s.DB.Query(ctx, q.input(s.Chat))
	if err != nil {
		return nil, nil, fault.Store("query "+q.what, err)
	}
	return page.Items, page.LastEvaluatedKey, nil
}

// ofLife is the key condition of a life's items.
func ofLife(life workspace.Life) condition {
	return named(ChatPartition).Equal(str(lifePartition + life.Key()))
}

// ofKind is the key condition of a life's items whose sort key begins with a prefix.
func ofKind(life workspace.Life, prefix string) condition {
	return ofLife(life).And(named(ChatSort).BeginsWith(prefix))
}

const (
	// batchGetSize is the most keys of one BatchGetItem.
	batchGetSize = 100
	// throttlePause is the longest pause before what was throttled is asked again.
	throttlePause = 100 * time.Millisecond
)

// batchGet reads items of a table, strongly consistent, in no order: of each
// the attributes that are named, all when none is. A key that is given twice is
// read once: DynamoDB refuses a repeated key.
func (s *Store) batchGet(
	ctx context.Context, table string, keys []item, attributes []string, each func(item) error,
) error {
	keys = distinct(keys)
	projection, names := projectionOf(attributes)
	for start := 0; start < len(keys); start += batchGetSize {
		request := map[string]types.KeysAndAttributes{
			table: {
				Keys: keys[start:min(start+batchGetSize, len(keys))], ConsistentRead: aws.Bool(true),
				ProjectionExpression: projection, ExpressionAttributeNames: names,
			},
		}
		for len(request) > 0 {
			out, err := s.DB.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: request})
			if err != nil {
				return fault.Store("batch get", err)
			}
			for _, it := range out.Responses[table] {
				if err := each(it); err != nil {
					return err
				}
			}
			if request = out.UnprocessedKeys; len(request) == 0 {
				break
			}
			// What is unprocessed was throttled.
			if err := s.Clock.Sleep(ctx, time.Duration(s.Clock.Random()*float64(throttlePause))); err != nil {
				return fault.Store("batch get", err)
			}
		}
	}
	return nil
}

// projectionOf is the expression that reads just these attributes, nil for all. Each
// has a placeholder, as some names are DynamoDB's own words.
func projectionOf(attributes []string) (projection *string, names map[string]string) {
	if len(attributes) == 0 {
		return nil, nil
	}
	names = map[string]string{}
	var placeholders []string
	for _, a := range attributes {
		names["#"+a] = a
		placeholders = append(placeholders, "#"+a)
	}
	return aws.String(strings.Join(placeholders, ", ")), names
}

// distinct are the keys of a table without repeats.
func distinct(keys []item) []item {
	seen := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(keys), func(key item) bool {
		k := strOf(key[LeaseKey]) + strOf(key[ChatPartition]) + "\x00" + strOf(key[ChatSort])
		was := seen[k]
		seen[k] = true
		return was
	})
}

// DynamoDB's limits of a transaction, and of an item. Source: Amazon DynamoDB
// Developer Guide, "Quotas".
const (
	maxWrites      = 100
	maxTransaction = 4 << 20
	maxItem        = 400 << 10
)

// transact writes all or nothing. A failed condition, or another transaction on
// the same items, is a conflict; the reasons say which write failed. Whoever asks
// bounds what is written by its number and its size.
func (s *Store) transact(ctx context.Context, writes []types.TransactWriteItem) ([]types.CancellationReason, error) {
	if err := checkSize(writes); err != nil {
		return nil, err
	}
	_, err := s.DB.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: writes})
	if cancelled, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		for _, r := range cancelled.CancellationReasons {
			switch code := aws.ToString(r.Code); code {
			case "", "None", "ConditionalCheckFailed", "TransactionConflict":
			case "ValidationError":
				return nil, refusedRequest("transaction", err)
			default:
				return nil, fault.Store("transaction: "+code, err)
			}
		}
		return cancelled.CancellationReasons, conflict(err)
	}
	if err != nil {
		return nil, storeError("transaction", err)
	}
	return nil, nil
}

// insistTries and insistPause bound how long a write insists: half a second.
const (
	insistTries = 40
	insistPause = 25 * time.Millisecond
)

// insist sends a write of one item again while a transaction writes the same item. It is for a write that depends on
// nothing that such a transaction changes.
func (s *Store) insist(ctx context.Context, write func() error) error {
	for try := 1; ; try++ {
		err := write()
		if _, busy := errors.AsType[*types.TransactionConflictException](err); !busy || try == insistTries {
			return err
		}
		if s.Clock.Sleep(ctx, time.Duration(s.Clock.Random()*float64(insistPause))) != nil {
			return err
		}
	}
}

// checkSize refuses writes that DynamoDB takes in no transaction.
func checkSize(writes []types.TransactWriteItem) error {
	size := 0
	for _, w := range writes {
		switch {
		case w.Put != nil:
			size += ItemSize(w.Put.Item) + ItemSize(w.Put.ExpressionAttributeValues)
		case w.Update != nil:
			size += ItemSize(w.Update.Key) + ItemSize(w.Update.ExpressionAttributeValues)
		case w.Delete != nil:
			size += maxItem // what is deleted counts too, and is not known
		}
	}
	if len(writes) > maxWrites || size > maxTransaction {
		return refusedRequest("transaction", fmt.Errorf("%d writes of up to %d bytes are too large", len(writes), size))
	}
	return nil
}

// storeError is the error of a call that failed. A request that DynamoDB refuses as
// invalid, and so whenever it is sent, is no fault of the store.
func storeError(what string, err error) error {
	if refused, ok := errors.AsType[smithy.APIError](err); ok && refused.ErrorCode() == "ValidationException" {
		return refusedRequest(what, err)
	}
	return fault.Store(what, err)
}

// refusedRequest is the error of a request that DynamoDB can't take. It is not to be
// sent again as it is.
func refusedRequest(what string, cause error) error { return fmt.Errorf("dynamo: %s: %w", what, cause) }

// reasonIs reports whether a write of a cancelled transaction has the code.
func reasonIs(r types.CancellationReason, code string) bool { return aws.ToString(r.Code) == code }

// conflict is the error of a write whose condition failed.
func conflict(cause error) error {
	return &fault.Error{Code: fault.Conflict, Message: "what was seen has changed", Cause: cause}
}
