package delivery_test

import (
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
)

func TestCursor(t *testing.T) {
	if c, err := delivery.ParseCursor("w", delivery.Cursor{Seq: 7, Epoch: 3}.ID("w")); err != nil || c != (delivery.Cursor{Seq: 7, Epoch: 3}) {
		t.Fatal(c, err)
	}
	for _, foreign := range []string{"", "00000000-0000-0000-0000-000000000000", delivery.Cursor{Seq: 7}.ID("other"), "7", "7.0", "-1-abc", strings.Replace(delivery.Cursor{Seq: 7}.ID("w"), "7.0", "7.1", 1)} {
		if _, err := delivery.ParseCursor("w", foreign); fault.CodeOf(err) != fault.CursorGone {
			t.Errorf("%q: %v", foreign, err)
		}
	}
}
