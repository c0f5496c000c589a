package e2e

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/dynamo"
	"github.com/rollcall/rollcall/shared/proof/storetest"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/sqs"
)

// The contract that shared/dynamo and shared/sqs keep on the light emulator, on
// DynamoDB Local and LocalStack, with the tables as they are deployed.

func TestDynamoStoreKeepsTheContract(t *testing.T) {
	env := wired(t)
	s := *env.Registry.Leases.(registry.OneTeam).Leases.(*dynamo.Store)
	db := s.DB.(*dynamodb.Client)
	s.Leases, s.Chat = copied(t, db, s.Leases), copied(t, db, s.Chat)
	storetest.Stores(t, &s, env.Registry.Policy)
}

func TestSQSQueuesKeepTheContract(t *testing.T) {
	deployed := wired(t).Delivery.Queues.(*sqs.ChatQueues)
	storetest.Queues(t, &sqs.ChatQueues{
		SQS: deployed.SQS, Prefix: "contract-", // the sweeper removes chat queues that no workspace owns
		SliceSize: 4, DeadLetterURL: deployed.DeadLetterURL, DeadLetterARN: deployed.DeadLetterARN,
	}, time.Sleep)
}

// copied is the name of a new, empty table with the keys and indexes of a
// deployed one. No sweeper writes to it.
func copied(t *testing.T, db *dynamodb.Client, table string) string {
	t.Helper()
	described, err := db.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &table})
	if err != nil {
		t.Fatal(err)
	}
	name := "contract-" + uuid.NewString()
	in := &dynamodb.CreateTableInput{
		TableName: &name, BillingMode: types.BillingModePayPerRequest,
		KeySchema: described.Table.KeySchema, AttributeDefinitions: described.Table.AttributeDefinitions,
	}
	for _, index := range described.Table.LocalSecondaryIndexes {
		in.LocalSecondaryIndexes = append(in.LocalSecondaryIndexes, types.LocalSecondaryIndex{
			IndexName: index.IndexName, KeySchema: index.KeySchema, Projection: index.Projection,
		})
	}
	if _, err := db.CreateTable(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	return name
}
