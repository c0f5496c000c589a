package delivery_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// uuidShape is what the strictest reader of a row's id takes: a UUID of a known
// version and variant, in lower case.
var uuidShape = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// cursors draws cursors of all sizes that a workspace can reach.
var cursors = rapid.Custom(func(t *rapid.T) delivery.Cursor {
	return delivery.Cursor{
		Seq: rapid.Int64Range(1, 1<<48-1).Draw(t, "seq"), Epoch: rapid.Int64Range(0, 1<<32-1).Draw(t, "epoch"),
	}
})

// The lives of the cursors.
var (
	w      = workspace.Life{Workspace: "w"}
	others = []workspace.Life{{Workspace: "x"}, {Workspace: "w", Number: 1}}
)

func gone(life workspace.Life, id string) bool {
	_, err := delivery.ParseCursor(life, id)
	return fault.CodeOf(err) == fault.CursorGone
}

func TestARowsIDIsAUUIDThatHoldsItsCursor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, other := cursors.Draw(t, "cursor"), cursors.Draw(t, "another")
		id := c.ID(w)
		if !uuidShape.MatchString(id) {
			t.Fatalf("%+v has the id %s", c, id)
		}
		if back, err := delivery.ParseCursor(w, id); err != nil || back != c {
			t.Fatalf("%+v came back as %+v, %v", c, back, err)
		}
		if (c.Seq < other.Seq) != (id < other.ID(w)) && c.Seq != other.Seq {
			t.Fatalf("%+v and %+v sort as %s and %s", c, other, id, other.ID(w))
		}
	})
}

// An id that is of another workspace or life, changed in any digit or written in another way
// is no row's.
func TestAForgedOrForeignIDIsGone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := cursors.Draw(t, "cursor").ID(w)
		for _, other := range others {
			if !gone(other, id) {
				t.Fatalf("%s is a row of %+v too", id, other)
			}
		}
		at := rapid.IntRange(0, len(id)-1).Draw(t, "at")
		digit := rapid.SampledFrom(strings.Split("0123456789abcdef-", "")).Draw(t, "digit")
		if forged := id[:at] + digit + id[at+1:]; forged != id && !gone(w, forged) {
			t.Fatalf("%s was made of %s, and is taken", forged, id)
		}
		for _, form := range []string{
			"urn:uuid:" + id, "{" + id + "}", strings.ReplaceAll(id, "-", ""), id + " ", id[:35],
		} {
			if !gone(w, form) {
				t.Fatalf("%q is taken for %s", form, id)
			}
		}
		if upper := strings.ToUpper(id); upper != id && !gone(w, upper) {
			t.Fatalf("%s is taken for %s", upper, id)
		}
	})
	for _, invalid := range []string{"", "7", "1-000000000000", uuid.Nil.String(), uuid.Max.String(), uuid.NewString()} {
		if !gone(w, invalid) {
			t.Errorf("%q is taken", invalid)
		}
	}
}
