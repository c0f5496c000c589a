package e2e

import (
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/dynamo"
	"github.com/rollcall/rollcall/shared/proof/storetest"
)

func TestDynamoStoreContract(t *testing.T) {
	env := wired(t)
	storetest.Stores(t, env.Registry.Leases.(*dynamo.Store), env.Registry.Policy)
}

func TestSQSQueuesContract(t *testing.T) {
	storetest.Queues(t, wired(t).Delivery.Queues, time.Sleep)
}
