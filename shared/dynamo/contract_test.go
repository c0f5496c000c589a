package dynamo

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
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

// What the table's TTL may delete, and when, is what the fake deletes.
func TestStoreKeepsWhatItKeepsAsLongAsTheFake(t *testing.T) {
	s := newStore(t)
	db := s.DB.(*dynamodb.Client)
	storetest.Expiry(t, s, s.Retention, func(at time.Time) {
		found, err := db.Scan(t.Context(), &dynamodb.ScanInput{
			TableName: &s.Chat, FilterExpression: aws.String("#ttl < :now"),
			ExpressionAttributeNames:  map[string]string{"#ttl": TTLAttribute},
			ExpressionAttributeValues: item{":now": num(at.Unix())},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range found.Items {
			key := item{ChatPartition: it[ChatPartition], ChatSort: it[ChatSort]}
			if _, err := db.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &s.Chat, Key: key}); err != nil {
				t.Fatal(err)
			}
		}
	})
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
	emulatortest.CreateTable(t, db, s.Leases, []string{LeaseKey}, nil)
	emulatortest.CreateTable(t, db, s.Chat, []string{ChatPartition, ChatSort},
		map[string]string{OpenIndex: OpenOrder, LogIndex: LogOrder})
	return s
}
