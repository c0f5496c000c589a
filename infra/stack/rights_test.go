package stack_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/infra/stack"
)

// Whoever writes a lease may change a verdict, and records that: it reads the lease beside a call that it refuses, and
// rings where the webhooks are told. What it is refused then is for the log only, and fails no call.
func TestWhoRecordsAChangeMayTellOfIt(t *testing.T) {
	granted := stack.Rights()
	writers := 0
	for _, right := range granted {
		name, writes := strings.CutSuffix(right, " leases dynamodb:UpdateItem")
		if !writes {
			continue
		}
		writers++
		for _, needs := range []string{" leases dynamodb:GetItem", " callbackWakeups sqs:SendMessage"} {
			if !slices.Contains(granted, name+needs) {
				t.Errorf("it lacks %q", name+needs)
			}
		}
	}
	if writers < 8 {
		t.Errorf("%d functions write leases", writers)
	}
}
