package storetest

import (
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/registry"
)

// auditTrail is activity.Log.AuditTrail.
func (c contract) auditTrail(t T) {
	t.Run("an entry stands with the save it tells of, apart from the log", func(t T) {
		f := c.created(t)
		next := f
		next.Version++
		entry := activity.AuditEntry{
			Actor: activity.Actor{Who: "operator x", From: "10.0.0.9"}, Action: "repair", Summary: "s", At: t0,
		}
		must(t, c.Save(t.Context(), f, next, registry.SaveExtras{Audit: []activity.AuditEntry{entry}}))
		must(t, c.AddRow(t.Context(), note("n", f.ID, t0)))
		trail, err := c.AuditTrail(t.Context(), f.Life(), "", 10)
		must(t, err)
		if len(trail) != 1 {
			t.Fatalf("%+v", trail)
		}
		want := activity.AuditRow(f.Life(), entry)
		want.ID = trail[0].ID // it is drawn
		same(t, []activity.Row{want}, trail)
		log, _ := c.logged(t, f.Life(), activity.Range{Limit: 10})
		same(t, []string{"n"}, log)
	})
	t.Run("it is listed newest first, in pages", func(t T) {
		f := c.created(t)
		var want []string
		for i := range 3 {
			row := activity.AuditRow(f.Life(), activity.AuditEntry{Action: "repair", At: t0.Add(time.Duration(i) * time.Second)})
			must(t, c.AddRow(t.Context(), row))
			want = append([]string{row.ID}, want...)
		}
		list := func(below string, limit int) (ids []string, last string) {
			rows, err := c.AuditTrail(t.Context(), f.Life(), below, limit)
			must(t, err)
			for _, r := range rows {
				ids, last = append(ids, r.ID), r.OrderKey()
			}
			return ids, last
		}
		first, last := list("", 2)
		same(t, want[:2], first)
		rest, _ := list(last, 2)
		same(t, want[2:], rest)
		for _, limit := range []int{0, -1} {
			none, _ := list("", limit)
			same(t, 0, len(none))
		}
	})
}
