package storetest

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// note is a row of an agent.
func note(id, workspaceID string, at time.Time) activity.Row {
	return activity.Row{
		ID: id, Workspace: workspaceID, Type: "notify", Summary: "said " + id,
		Request: []byte(`{"message":"x"}`), At: at,
	}
}

// logged are the ids of the log's items, and the order key of the last.
func (c contract) logged(t T, life workspace.Life, r activity.Range) (ids []string, last string) {
	t.Helper()
	items, err := c.ActivityLog(t.Context(), life, r)
	must(t, err)
	for _, item := range items {
		if item.Message != nil {
			ids = append(ids, item.Message.ID)
		} else {
			ids = append(ids, item.Row.ID)
		}
		last = item.OrderKey
	}
	return ids, last
}

// entries are items of a log, but for how many bytes were read for them.
func (c contract) entries(t T, life workspace.Life, r activity.Range) []activity.Item {
	t.Helper()
	items, err := c.ActivityLog(t.Context(), life, r)
	must(t, err)
	for i := range items {
		if items[i].Bytes == 0 {
			t.Fatalf("%s was read for nothing", items[i].OrderKey)
		}
		items[i].Bytes = 0
	}
	return items
}

// activityLog is activity.Log, but for the audit trail.
func (c contract) activityLog(t T) {
	t.Run("it has messages and rows, newest first, in ranges and pages that lose nothing", func(t T) {
		f, _ := c.withMail(t, 3) // at 1, 2, 3 s
		for _, id := range []string{"a", "b"} {
			must(t, c.AddRow(t.Context(), note(id, f.ID, t0.Add(2*time.Second)))) // at the time of m1
		}
		two, nine := t0.Add(2*time.Second), t0.Add(9*time.Second)
		for _, r := range []struct {
			activity.Range
			want []string
		}{
			{activity.Range{Limit: 10}, []string{"m2", "b", "a", "m1", "m0"}},
			{activity.Range{Limit: 2}, []string{"m2", "b"}},
			{activity.Range{Limit: 10, Since: two}, []string{"m2", "b", "a", "m1"}},
			{activity.Range{Limit: 10, Before: two}, []string{"m0"}},
			{activity.Range{Limit: 10, Since: nine}, nil},
			{activity.Range{Limit: 10, Since: nine, Before: t0}, nil},
			{activity.Range{Limit: 0}, nil},
			{activity.Range{Limit: -1}, nil},
		} {
			got, _ := c.logged(t, f.Life(), r.Range)
			same(t, r.want, got)
		}
		var all []string
		for r := (activity.Range{Limit: 2}); ; {
			page, last := c.logged(t, f.Life(), r)
			all = append(all, page...)
			if len(page) < r.Limit {
				break
			}
			r.Below = last
		}
		same(t, []string{"m2", "b", "a", "m1", "m0"}, all)
	})
	t.Run("the same row again takes the place of the first", func(t T) {
		id := uuid.NewString()
		must(t, c.AddRow(t.Context(), note("a", id, t0)))
		must(t, c.AddRow(t.Context(), note("a", id, t0.Add(time.Hour))))
		got, _ := c.logged(t, first(id), activity.Range{Limit: 10})
		same(t, []string{"a"}, got)
	})
	t.Run("a row without a request is read without one", func(t T) {
		id := uuid.NewString()
		row := note("a", id, t0)
		row.Request = nil
		must(t, c.AddRow(t.Context(), row))
		same(t, []activity.Item{{OrderKey: row.OrderKey(), Row: &row}}, c.entries(t, first(id), activity.Range{Limit: 1}))
	})
	t.Run("a request that is not JSON is not stored", func(t T) {
		id := uuid.NewString()
		row := note("a", id, t0)
		row.Request = []byte(`{`)
		wantCode(t, c.AddRow(t.Context(), row), fault.PlatformUnavailable)
		got, _ := c.logged(t, first(id), activity.Range{Limit: 1})
		same(t, 0, len(got))
	})
	t.Run("a row that is too large for an item is not stored", func(t T) {
		row := note("a", uuid.NewString(), t0)
		row.Request = fmt.Appendf(nil, `"%0410000d"`, 0)
		wantCode(t, c.AddRow(t.Context(), row), fault.Internal)
	})
	t.Run("what a caller does to an item that was read is not stored", func(t T) {
		f := c.accept(t, c.created(t), "m0", chat.Task)
		must(t, c.AddRow(t.Context(), note("a", f.ID, t0)))
		read := func() []activity.Item {
			items, err := c.ActivityLog(t.Context(), f.Life(), activity.Range{Limit: 2})
			must(t, err)
			return items
		}
		items := read()
		items[0].Message.Body[0], items[1].Row.Request[0], items[1].Row.Summary = '!', '!', "!"
		again := read()
		if again[0].Message.Body[0] == '!' || again[1].Row.Request[0] == '!' || again[1].Row.Summary == "!" {
			t.Fatalf("%+v", again)
		}
	})
}
