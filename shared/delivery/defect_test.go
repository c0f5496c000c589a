package delivery_test

import (
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/workspace"
)

// An answer whose reading meets a defect of the platform is a push that failed: the drain goes on to its end and says
// what happened, the message is tried again, and its receipt and the status say why. The next answer is read as ever.
func TestADefectOfTheReaderIsAPushThatFailed(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	w.Agent = func(chat.Message) delivery.PushResult { panic("index out of range") }
	w.Send("m1")
	_, err := w.Drain(t.Context(), world.ID, "test")
	if !fault.IsPanic(err) || !strings.Contains(err.Error(), "index out of range") {
		t.Fatal(err)
	}
	m := w.Receipt("m1")
	if m.State != chat.Queued || len(m.Attempts) != 1 || !strings.Contains(m.Attempts[0].Error, "defect of the platform") {
		t.Fatalf("%+v", m)
	}
	f := w.Facts()
	if f.PushFailures != 1 || f.InFlight != 0 || !strings.Contains(f.PushError, "a defect of the platform") {
		t.Fatalf("%+v", f)
	}
	w.Agent = always(delivery.PushResult{})
	alive(w, time.Minute, time.Second)
	w.Want("delivered", w.Taken, "m1")
}
