package fault_test

import (
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/fault"
)

var errFull = fault.New(fault.InboxFull, "the inbox is full")

func TestWithChangesACopy(t *testing.T) {
	hinted := errFull.WithHint("wait", "retry")
	later := hinted.WithRetryAfter(time.Second)
	if later.Code != fault.InboxFull || later.Hint != "wait" || later.Action != "retry" ||
		later.RetryAfter != time.Second {
		t.Errorf("got %+v", later)
	}
	if hinted.RetryAfter != 0 || errFull.Hint != "" || errFull.Action != "" || errFull.RetryAfter != 0 {
		t.Errorf("an error that others return has changed: %+v, %+v", hinted, errFull)
	}
}
