package delivery_test

import (
	"testing"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// A cursor is read as it was given, or it is gone: no other text passes for one.
func FuzzCursor(f *testing.F) {
	f.Add("w", "00000000-0000-0000-0000-000000000000")
	f.Add("w", delivery.Cursor{Seq: 7, Epoch: 2}.ID(w))
	f.Add("w", delivery.Cursor{Seq: 7, Epoch: 2}.ID(workspace.Life{Workspace: "v"}))
	f.Fuzz(func(t *testing.T, key, id string) {
		life := workspace.ParseLife(key)
		c, err := delivery.ParseCursor(life, id)
		if err != nil && fault.CodeOf(err) != fault.CursorGone {
			t.Errorf("%q: %v", id, err)
		}
		if err == nil && (c.ID(life) != id || c.Seq < 1) {
			t.Errorf("%q became %+v", id, c)
		}
	})
}
