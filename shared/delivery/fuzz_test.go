package delivery_test

import (
	"testing"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
)

// A cursor is read as it was given, or it is gone: no other text passes for one.
func FuzzCursor(f *testing.F) {
	f.Add("w", "00000000-0000-0000-0000-000000000000")
	f.Add("w", delivery.Cursor{Seq: 7, Epoch: 2}.ID("w"))
	f.Add("w", delivery.Cursor{Seq: 7, Epoch: 2}.ID("v"))
	f.Fuzz(func(t *testing.T, workspace, id string) {
		c, err := delivery.ParseCursor(workspace, id)
		if err != nil && fault.CodeOf(err) != fault.CursorGone {
			t.Errorf("%q: %v", id, err)
		}
		if err == nil && (c.ID(workspace) != id || c.Seq < 1) {
			t.Errorf("%q became %+v", id, c)
		}
	})
}
