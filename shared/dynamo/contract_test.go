package dynamo

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/proof/emulatortest"
	"github.com/rollcall/rollcall/shared/proof/storetest"
	"github.com/rollcall/rollcall/shared/workspace"
)

func TestStoreKeepsTheContract(t *testing.T) {
	s := newStore(t)
	storetest.Stores(t, s, s.Policy)
}

// newStore is a store on new tables, with the keys and indexes that the stack
// gives them.
func newStore(t *testing.T) *Store {
	t.Helper()
	db := dynamodb.NewFromConfig(emulatortest.Config(t))
	s := &Store{
		DB: db, Leases: "leases-" + uuid.NewString(), Chat: "chat-" + uuid.NewString(),
		Policy: workspace.DefaultPolicy(), Clock: clock.System{}, Retention: time.Hour,
	}
	var indexes []types.LocalSecondaryIndex
	for name, order := range map[string]string{OpenIndex: OpenOrder, LogIndex: LogOrder} {
		indexes = append(indexes, types.LocalSecondaryIndex{
			IndexName: &name, KeySchema: schema(ChatPartition, order),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
		})
	}
	for _, table := range []*dynamodb.CreateTableInput{
		{TableName: &s.Leases, KeySchema: schema(LeaseKey), AttributeDefinitions: texts(LeaseKey)},
		{
			TableName: &s.Chat, KeySchema: schema(ChatPartition, ChatSort), LocalSecondaryIndexes: indexes,
			AttributeDefinitions: texts(ChatPartition, ChatSort, OpenOrder, LogOrder),
		},
	} {
		table.BillingMode = types.BillingModePayPerRequest
		if _, err := db.CreateTable(t.Context(), table); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// schema is the schema of a partition key and, where there is one, a sort key.
func schema(attributes ...string) (out []types.KeySchemaElement) {
	for i, name := range attributes {
		out = append(out, types.KeySchemaElement{
			AttributeName: aws.String(name), KeyType: []types.KeyType{types.KeyTypeHash, types.KeyTypeRange}[i],
		})
	}
	return out
}

// texts are the definitions of attributes that are texts.
func texts(attributes ...string) (out []types.AttributeDefinition) {
	for _, name := range attributes {
		out = append(out, types.AttributeDefinition{
			AttributeName: aws.String(name), AttributeType: types.ScalarAttributeTypeS,
		})
	}
	return out
}
