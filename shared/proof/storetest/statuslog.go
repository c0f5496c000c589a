package storetest

import (
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/workspace"
)

// changeOf is a change of a workspace's verdict, and its facts after it.
func changeOf(f workspace.Facts, at time.Time) (workspace.Facts, statuslog.Change) {
	next := f
	next.Version++
	next.AnnouncedSeq++
	next.AnnouncedAs = "online/healthy"
	return next, statuslog.Change{
		Workspace: f.ID, Life: f.Lives + 1, WorkspaceSeq: next.AnnouncedSeq, At: at, Since: t0,
		To:       statuslog.StatusReason{Status: "online", Reason: "healthy"},
		Evidence: []workspace.Evidence{{At: t0, Fact: "x"}},
	}
}

// statusLog is statuslog.Store, but for the right to announce.
func (c contract) statusLog(t T) {
	t.Run("a change stands once, in the facts, the fleet's log and the audit trail", func(t T) {
		f := c.created(t)
		was, err := c.LatestChange(t.Context())
		must(t, err)
		second, change := changeOf(f, t0)
		first, err := c.AddChange(t.Context(), f, second, change)
		must(t, err)
		same(t, was+1, first.Seq)
		_, err = c.AddChange(t.Context(), f, second, change) // another sweeper saw the same
		wantCode(t, err, fault.Conflict)
		third, change := changeOf(second, t0.Add(time.Second))
		last, err := c.AddChange(t.Context(), second, third, change)
		must(t, err)
		same(t, third, c.read(t, f.ID))
		latest, err := c.LatestChange(t.Context())
		must(t, err)
		same(t, was+2, latest)
		trail, err := c.AuditTrail(t.Context(), f.Life(), "", 10)
		must(t, err)
		if len(trail) != 2 || trail[0].ID != "000000000002" || trail[0].Type != activity.TypeStatus {
			t.Fatalf("%+v", trail)
		}
		for _, list := range []struct {
			after int64
			limit int
			want  []statuslog.Change
		}{
			{was, 10, []statuslog.Change{first, last}},
			{was, 1, []statuslog.Change{first}},
			{was + 1, 10, []statuslog.Change{last}},
			{was + 2, 10, nil},
			{was + 9, 10, nil},
			{was, 0, nil},
			{was, -1, nil},
		} {
			got, err := c.Changes(t.Context(), list.after, list.limit)
			must(t, err)
			same(t, list.want, got)
		}
		all, err := c.Changes(t.Context(), -1, int(was)+2)
		must(t, err)
		same(t, int(was)+2, len(all))
	})
	t.Run("a change of a workspace that has changed leaves no trace", func(t T) {
		f := c.created(t)
		was, err := c.LatestChange(t.Context())
		must(t, err)
		c.change(t, f.ID, func(f *workspace.Facts) { f.MaxTasks = 7 })
		next, change := changeOf(f, t0)
		_, err = c.AddChange(t.Context(), f, next, change)
		wantCode(t, err, fault.Conflict)
		latest, err := c.LatestChange(t.Context())
		must(t, err)
		same(t, was, latest)
		trail, err := c.AuditTrail(t.Context(), f.Life(), "", 10)
		must(t, err)
		same(t, 0, len(trail))
	})
}

// announcing is the right to announce.
func (c contract) announcing(t T) {
	claim := func(t T, after, until time.Duration) (int64, bool) {
		t.Helper()
		last, claimed, err := c.ClaimAnnouncing(t.Context(), t0.Add(after), t0.Add(until))
		must(t, err)
		return last, claimed
	}
	t.Run("one at a time has it, and no longer than it asked for", func(t T) {
		last, claimed := claim(t, 0, time.Minute)
		same(t, true, claimed)
		_, claimed = claim(t, 59*time.Second, 2*time.Minute)
		same(t, false, claimed)
		must(t, c.NoteAnnounced(t.Context(), last+7))
		got, claimed := claim(t, time.Second, time.Minute)
		same(t, true, claimed)
		same(t, last+7, got)
		_, claimed = claim(t, time.Minute, 2*time.Minute) // the one before has died
		same(t, true, claimed)
		must(t, c.NoteAnnounced(t.Context(), last))
	})
}
