package memory_test

import (
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/proof/storetest"
	"github.com/rollcall/rollcall/shared/workspace"
)

func TestStoreContract(t *testing.T) {
	p := workspace.DefaultPolicy()
	storetest.Stores(t, memory.NewStore(p), p)
}

func TestQueuesContract(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	storetest.Queues(t, memory.NewQueues(func() time.Time { return now }), func(d time.Duration) { now = now.Add(d) })
}
