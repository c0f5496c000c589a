package meter

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/proof/emulatortest"
)

// Each request is counted as DynamoDB bills it, worked out by hand from its documentation.
func TestCounts(t *testing.T) {
	var m Meter
	cfg := emulatortest.Config(t)
	name, indexes := "meter", map[string]string{"by-time": "at"}
	emulatortest.CreateTable(t, dynamodb.NewFromConfig(cfg), name, []string{"pk", "sk"}, indexes)
	m.Install(&cfg)
	db, ctx := dynamodb.NewFromConfig(cfg), t.Context()
	text := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
	key := item{"pk": text("p"), "sk": text("s")}
	with := func(at string, bytes int) item {
		it := item{"pk": key["pk"], "sk": key["sk"], "body": text(strings.Repeat("a", bytes))}
		if at != "" {
			it["at"] = text(at)
		}
		return it
	}
	put := func(it item) func() error {
		return func() error {
			_, err := db.PutItem(ctx, &dynamodb.PutItemInput{TableName: &name, Item: it})
			return err
		}
	}
	transact := func(it item) func() error {
		return func() error {
			_, err := db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{
				TransactItems: []types.TransactWriteItem{{Put: &types.Put{TableName: &name, Item: it}}},
			})
			return err
		}
	}
	get := func(consistent bool) func() error {
		return func() error {
			_, err := db.GetItem(ctx, &dynamodb.GetItemInput{TableName: &name, Key: key, ConsistentRead: &consistent})
			return err
		}
	}
	query := func(index *string) func() error {
		return func() error {
			_, err := db.Query(ctx, &dynamodb.QueryInput{
				TableName: &name, IndexName: index, KeyConditionExpression: aws.String("#0 = :p"),
				ProjectionExpression: aws.String("#1"), ConsistentRead: aws.Bool(true),
				ExpressionAttributeNames:  map[string]string{"#0": "pk", "#1": "sk"},
				ExpressionAttributeValues: item{":p": text("p")},
			})
			return err
		}
	}
	refused := func() error {
		_, _ = db.PutItem(ctx, &dynamodb.PutItemInput{
			TableName: &name, Item: with("", 1), ConditionExpression: aws.String("attribute_not_exists(pk)"),
		})
		return nil
	}
	for _, c := range []struct {
		name string
		call func() error
		want Counts
	}{
		{"a small item", put(with("", 1)), Counts{1, 0, 1, 0, 0}},
		{"a larger one, with a new entry", put(with("1", 3000)), Counts{1, 0, 4, 0, 1}},
		{"one that shrinks, with another key in the index", put(with("2", 10)), Counts{1, 0, 5, 0, 2}},
		{"in a transaction, the entry stays", transact(with("2", 2000)), Counts{1, 1, 4, 0, 0}},
		{"in a transaction, the entry goes", transact(with("", 9000)), Counts{1, 1, 20, 0, 2}},
		{"a condition that fails", refused, Counts{1, 0, 9, 0, 0}},
		{"a consistent read", get(true), Counts{1, 0, 0, 3, 0}},
		{"an eventually consistent one", get(false), Counts{1, 0, 0, 1.5, 0}},
		{"a projection is no cheaper", query(nil), Counts{1, 0, 0, 3, 0}},
		{"an index without entries", query(aws.String("by-time")), Counts{1, 0, 0, 1, 0}},
	} {
		m.Reset()
		if err := c.call(); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := m.Reset(); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}
