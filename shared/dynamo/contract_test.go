package dynamo

import (
	"testing"
	"time"

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
