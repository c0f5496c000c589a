package storetest

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// refusals is Leases.NoteRefusal.
func (c contract) refusals(t T) {
	t.Run("it writes each field of a refusal, and is refused when it alone differs", func(t T) {
		c.guarded(t, "StrangerAt", append(groupLeaves[workspace.Refusals](), groupLeaves[workspace.Stranger]()...),
			c.NoteRefusal)
	})
	t.Run("it writes no other field", func(t T) {
		f := c.created(t)
		next := factsOf(f.ID, 7, 1)
		must(t, c.NoteRefusal(t.Context(), f, next))
		want := f
		want.Refusals, want.Stranger, want.Standing = next.Refusals, next.Stranger, next.Standing
		same(t, want, c.read(t, f.ID))
	})
	t.Run("it may change nothing", func(t T) {
		f := c.created(t)
		must(t, c.NoteRefusal(t.Context(), f, f))
		same(t, f, c.read(t, f.ID))
	})
	t.Run("of an unknown workspace, nothing is noted", func(t T) {
		var none, next workspace.Facts
		next.ID, next.StrangerAt = uuid.NewString(), t0
		wantCode(t, c.NoteRefusal(t.Context(), none, next), fault.Conflict)
		_, err := c.Get(t.Context(), next.ID)
		wantCode(t, err, fault.WorkspaceUnknown)
	})
	t.Run("of many refused attempts that saw the same, one is noted", c.manyRefused)
}

func (c contract) manyRefused(t T) {
	f := c.created(t)
	noted := workspace.Facts{}
	for i := range 5 {
		attempt := workspace.Refusal{Kind: workspace.SignalRegister, From: fmt.Sprint("10.0.0.", i)}
		next, changed := workspace.Refuse(f, attempt, c.policy, t0)
		if !changed {
			t.Fatal("not worth a note")
		}
		err := c.NoteRefusal(t.Context(), f, next)
		if i == 0 {
			must(t, err)
			noted = next
			continue
		}
		wantCode(t, err, fault.Conflict)
	}
	same(t, noted, c.read(t, f.ID))
	// Several may come in one millisecond.
	first := noted
	first.RegisterRefused, first.RefusedAt, first.RefusedSince, first.RefusedFrom = 1, t0, t0, "10.0.0.1"
	must(t, c.NoteRefusal(t.Context(), noted, first))
	second := first
	second.RegisterRefused = 2
	must(t, c.NoteRefusal(t.Context(), first, second))
	wantCode(t, c.NoteRefusal(t.Context(), first, second), fault.Conflict)
	// A late note does not undo a save.
	saved := second
	saved.Version++
	must(t, c.Save(t.Context(), second, saved, registry.SaveExtras{}))
	late := second
	late.RegisterRefused, late.RefusedAt = 1, t0
	wantCode(t, c.NoteRefusal(t.Context(), second, late), fault.Conflict)
}

// groupLeaves are the fields of Facts that are in one of its groups.
func groupLeaves[Group any]() (out []leaf) {
	in := map[string]bool{}
	for _, name := range workspace.FieldsOf[Group]() {
		in[name] = true
	}
	for _, l := range leavesOf[workspace.Facts]() {
		if in[l.name] {
			out = append(out, l)
		}
	}
	return out
}

// guarded is a write of some fields on condition that each is still the one that
// was seen. another names one of them that stands in for a change beside the
// field in question.
func (c contract) guarded(
	t T, another string, fields []leaf, write func(ctx context.Context, seen, next workspace.Facts) error,
) {
	f := c.created(t)
	for _, l := range fields {
		seen := f
		for _, n := range []int{1, 2} { // set, change, clear
			next := set(l, seen, n)
			must(t, write(t.Context(), seen, next))
			same(t, next, c.read(t, f.ID))
			seen = next
		}
		for _, wrong := range []workspace.Facts{set(l, seen, 3), cleared(l, seen)} {
			if wrong == seen {
				continue // what is true or false has no third value
			}
			wantCode(t, write(t.Context(), wrong, touched(fields, another, l, wrong)), fault.Conflict)
			same(t, seen, c.read(t, f.ID))
		}
		must(t, write(t.Context(), seen, cleared(l, seen)))
		same(t, f, c.read(t, f.ID))
		wrong := set(l, f, 1)
		wantCode(t, write(t.Context(), wrong, touched(fields, another, l, wrong)), fault.Conflict)
		same(t, f, c.read(t, f.ID))
	}
}

// touched is f with another field changed than l.
func touched(fields []leaf, another string, l leaf, f workspace.Facts) workspace.Facts {
	for _, o := range fields {
		if (o.name == another) != (l.name == another) {
			return set(o, f, 5)
		}
	}
	return f
}
