package delivery_test

import (
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
)

func TestCursor(t *testing.T) {
	cursor := delivery.Cursor{Seq: 7, Epoch: 3}
	if c, err := delivery.ParseCursor("w", cursor.ID("w")); err != nil || c != cursor {
		t.Fatal(c, err)
	}
	for _, invalid := range []string{
		"", "7", "7.0", "-1-abc", "00000000-0000-0000-0000-000000000000",
		delivery.Cursor{Seq: 7}.ID("other"),
		strings.Replace(delivery.Cursor{Seq: 7}.ID("w"), "7.0", "7.1", 1),
	} {
		if _, err := delivery.ParseCursor("w", invalid); fault.CodeOf(err) != fault.CursorGone {
			t.Errorf("%q: %v", invalid, err)
		}
	}
}
