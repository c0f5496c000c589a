package storetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/workspace"
)

// changeOf is a change of a workspace's verdict.
func changeOf(f workspace.Facts, at time.Time) statuslog.Entry {
	next := f
	next.Version++
	next.AnnouncedSeq++
	next.AnnouncedAs = "online/healthy"
	return statuslog.Entry{Old: f, Next: next, Change: statuslog.Change{
		Workspace: f.ID, Life: f.Lives + 1, WorkspaceSeq: next.AnnouncedSeq, At: at, Since: t0,
		To:       statuslog.StatusReason{Status: "online", Reason: "healthy"},
		Evidence: []workspace.Evidence{{At: t0, Fact: "x"}},
	}}
}

// numbered are changes with the next numbers of the log.
func (c contract) numbered(t T, page ...statuslog.Entry) []statuslog.Entry {
	t.Helper()
	last, err := c.LatestChange(t.Context())
	must(t, err)
	for i := range page {
		page[i].Change.Seq = last + 1 + int64(i)
	}
	return page
}

// changesAfter are the changes after a number.
func (c contract) changesAfter(t T, after int64, limit int) []statuslog.Change {
	t.Helper()
	got, err := c.Changes(t.Context(), after, limit)
	must(t, err)
	return got
}

// latest is the number of the newest change.
func (c contract) latest(t T) int64 {
	t.Helper()
	last, err := c.LatestChange(t.Context())
	must(t, err)
	return last
}

// wantLost ends the test unless a page was lost to just these entries.
func wantLost(t T, err error, entries ...int) {
	t.Helper()
	wantCode(t, err, fault.Conflict)
	lost, ok := errors.AsType[*statuslog.Lost](err)
	if !ok || !slices.Equal(lost.Entries, entries) {
		t.Fatalf("lost %+v, %v; want %v", lost, err, entries)
	}
}

// statusLog is statuslog.Store, but for the rights.
func (c contract) statusLog(t T) {
	t.Run("a change stands once, in the facts, the fleet's log and the audit trail", c.oneChange)
	t.Run("a page stands whole, under numbers without a gap", c.pageOfChanges)
	t.Run("who keeps a page from being written is named, and nothing of it stands", c.lostPage)
	t.Run("a change that tells of silence is lost to a signal", func(t T) {
		f := c.created(t)
		silent := changeOf(f, t0)
		silent.Unheard = true
		signal := workspace.Signal{Kind: workspace.SignalHeartbeat, From: "192.0.2.1"}
		_, err := c.Renew(t.Context(), f.ID, f.Credential, signal, t0)
		must(t, err)
		wantLost(t, c.AddChanges(t.Context(), c.numbered(t, silent)), 0)
		heard := c.read(t, f.ID)
		again := changeOf(heard, t0)
		again.Unheard = true
		must(t, c.AddChanges(t.Context(), c.numbered(t, again)))
		same(t, again.Next, c.read(t, f.ID))
		next := changeOf(again.Next, t0) // one that does not is not
		_, err = c.Renew(t.Context(), f.ID, f.Credential, signal, t0.Add(time.Second))
		must(t, err)
		must(t, c.AddChanges(t.Context(), c.numbered(t, next)))
	})
	t.Run("what is no page is refused, and changes nothing", func(t T) {
		last := c.latest(t)
		f, other := c.created(t), c.created(t)
		gap := c.numbered(t, changeOf(f, t0), changeOf(other, t0))
		gap[1].Change.Seq++
		var many []statuslog.Entry
		for i := range statuslog.PageSize + 1 {
			e := changeOf(f, t0)
			e.Next.ID = fmt.Sprint(f.ID, i)
			many = append(many, e)
		}
		for name, page := range map[string][]statuslog.Entry{
			"nothing": nil, "a workspace twice": c.numbered(t, changeOf(f, t0), changeOf(f, t0)), "a gap": gap,
			"too many": c.numbered(t, many...), "no number": {changeOf(f, t0)},
		} {
			if err := c.AddChanges(t.Context(), page); err == nil {
				t.Errorf("%s is written", name)
			}
		}
		same(t, last, c.latest(t))
		same(t, f, c.read(t, f.ID))
	})
}

func (c contract) oneChange(t T) {
	f := c.created(t)
	was := c.latest(t)
	second := c.numbered(t, changeOf(f, t0))
	must(t, c.AddChanges(t.Context(), second))
	wantLost(t, c.AddChanges(t.Context(), c.numbered(t, second[0])), 0) // another sweeper saw the same
	first := second[0].Change
	first.Seq = was + 1
	third := c.numbered(t, changeOf(second[0].Next, t0.Add(time.Second)))
	must(t, c.AddChanges(t.Context(), third))
	last := third[0].Change
	same(t, third[0].Next, c.read(t, f.ID))
	same(t, was+2, c.latest(t))
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
		same(t, list.want, c.changesAfter(t, list.after, list.limit))
	}
	same(t, int(was)+2, len(c.changesAfter(t, -1, int(was)+2)))
}

// pageOfChanges writes pages of all sizes among single changes, and reads from each number on.
func (c contract) pageOfChanges(t T) {
	was := c.latest(t)
	var want []statuslog.Change
	for _, size := range []int{1, 2, statuslog.PageSize, 1, 3} {
		var page []statuslog.Entry
		for i := range size {
			page = append(page, changeOf(c.created(t), t0.Add(time.Duration(i)*time.Second)))
		}
		must(t, c.AddChanges(t.Context(), c.numbered(t, page...)))
		for _, e := range page {
			same(t, e.Next, c.read(t, e.Next.ID))
			trail, err := c.AuditTrail(t.Context(), e.Next.Life(), "", 10)
			must(t, err)
			row, err := e.Change.Row()
			must(t, err)
			same(t, []activity.Row{row}, trail)
			want = append(want, e.Change)
		}
	}
	same(t, was+int64(len(want)), c.latest(t))
	for from := range want {
		same(t, want[from:], c.changesAfter(t, was+int64(from), len(want)))
		limit := min(len(want)-from, 1+from%7)
		same(t, want[from:from+limit], c.changesAfter(t, was+int64(from), limit))
	}
	same(t, 0, len(c.changesAfter(t, was+int64(len(want)), 10)))
}

func (c contract) lostPage(t T) {
	var page []statuslog.Entry
	for range 5 {
		page = append(page, changeOf(c.created(t), t0))
	}
	c.change(t, page[1].Old.ID, func(f *workspace.Facts) { f.MaxTasks = 7 })
	c.change(t, page[4].Old.ID, func(f *workspace.Facts) { f.MaxTasks = 7 })
	was := c.latest(t)
	wantLost(t, c.AddChanges(t.Context(), c.numbered(t, page...)), 1, 4)
	unchanged := func(entries ...statuslog.Entry) {
		t.Helper()
		for _, e := range entries {
			same(t, e.Old, c.read(t, e.Old.ID))
			trail, err := c.AuditTrail(t.Context(), e.Old.Life(), "", 10)
			must(t, err)
			same(t, 0, len(trail))
		}
		same(t, was, c.latest(t))
		same(t, 0, len(c.changesAfter(t, was, 10)))
	}
	unchanged(page[0], page[2], page[3])
	rest := c.numbered(t, page[0], page[2], page[3])
	for _, off := range []int64{1, -1} { // the log has moved on, or is another one
		wrong := slices.Clone(rest)
		for i := range wrong {
			wrong[i].Change.Seq += off
		}
		if wrong[0].Change.Seq > 0 {
			wantLost(t, c.AddChanges(t.Context(), wrong))
			unchanged(rest...)
		}
	}
	must(t, c.AddChanges(t.Context(), rest))
	same(t, was+3, c.latest(t))
	same(t, []string{page[0].Old.ID, page[2].Old.ID, page[3].Old.ID}, workspacesOf(c.changesAfter(t, was, 10)))
	gone := c.created(t)
	unknown := changeOf(gone, t0)
	unknown.Old.ID, unknown.Next.ID = "unknown-"+gone.ID, "unknown-"+gone.ID
	wantLost(t, c.AddChanges(t.Context(), c.numbered(t, unknown)), 0)
}

func workspacesOf(changes []statuslog.Change) (out []string) {
	for _, c := range changes {
		out = append(out, c.Workspace)
	}
	return out
}

// rights are the rights to record and to announce, and how far the log is announced.
func (c contract) rights(t T) {
	take := func(t T, r statuslog.Right, after, until time.Duration) bool {
		t.Helper()
		taken, err := c.TakeRight(t.Context(), r, t0.Add(after), t0.Add(until))
		must(t, err)
		return taken
	}
	giveBack := func(t T, r statuslog.Right, until time.Duration) {
		t.Helper()
		must(t, c.GiveBack(t.Context(), r, t0.Add(until)))
	}
	for _, r := range []statuslog.Right{statuslog.Recording, statuslog.Announcing} {
		t.Run("one at a time has it, and no longer than it asked for: "+string(r), func(t T) {
			same(t, true, take(t, r, 0, time.Minute))
			same(t, false, take(t, r, 59*time.Second, 2*time.Minute))
			giveBack(t, r, 2*time.Minute) // it is not of whoever gives it back
			same(t, false, take(t, r, 59*time.Second, 2*time.Minute))
			giveBack(t, r, time.Minute)
			same(t, true, take(t, r, time.Second, time.Minute))
			same(t, true, take(t, r, time.Minute, 3*time.Minute)) // the one before has died
			giveBack(t, r, time.Minute)
			same(t, false, take(t, r, 2*time.Minute, 4*time.Minute))
			giveBack(t, r, 3*time.Minute)
		})
	}
	t.Run("one right is not the other", func(t T) {
		same(t, true, take(t, statuslog.Recording, 0, time.Minute))
		same(t, true, take(t, statuslog.Announcing, 0, time.Minute))
		giveBack(t, statuslog.Recording, time.Minute)
		same(t, false, take(t, statuslog.Announcing, 0, time.Minute))
		giveBack(t, statuslog.Announcing, time.Minute)
	})
	t.Run("who has the right notes how far the log is announced", func(t T) {
		was, err := c.Announced(t.Context())
		must(t, err)
		note := func(until time.Duration, a statuslog.Announced) error {
			return c.NoteAnnounced(t.Context(), t0.Add(until), a)
		}
		wantCode(t, note(time.Minute, statuslog.Announced{Last: 99}), fault.Conflict)
		same(t, true, take(t, statuslog.Announcing, 0, time.Minute))
		wantCode(t, note(2*time.Minute, statuslog.Announced{Last: 99}), fault.Conflict)
		for _, a := range []statuslog.Announced{
			{Last: was.Last + 7}, {Last: was.Last + 8, Ahead: []int64{was.Last + 10, was.Last + 12}}, {Last: was.Last + 12},
		} {
			must(t, note(time.Minute, a))
			got, err := c.Announced(t.Context())
			must(t, err)
			same(t, a, got)
		}
		giveBack(t, statuslog.Announcing, time.Minute)
		wantCode(t, note(time.Minute, statuslog.Announced{Last: 99}), fault.Conflict)
		got, err := c.Announced(t.Context())
		must(t, err)
		same(t, statuslog.Announced{Last: was.Last + 12}, got)
		same(t, true, take(t, statuslog.Announcing, 0, time.Minute)) // and keeps it
		again, err := c.Announced(t.Context())
		must(t, err)
		same(t, got, again)
		giveBack(t, statuslog.Announcing, time.Minute)
	})
	t.Run("none of it bears on the fleet's state", func(t T) {
		was, err := c.Fleet(t.Context())
		must(t, err)
		same(t, true, take(t, statuslog.Recording, 0, time.Minute))
		giveBack(t, statuslog.Recording, time.Minute)
		got, err := c.Fleet(t.Context())
		must(t, err)
		same(t, was, got)
	})
}
