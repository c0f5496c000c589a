package storetest

import (
	"time"

	"github.com/rollcall/rollcall/shared/workspace"
)

// fleet is registry.FleetStore.
func (c contract) fleet(t T) {
	fleet := func(t T) workspace.Fleet {
		t.Helper()
		fl, err := c.Fleet(t.Context())
		must(t, err)
		return fl
	}
	t.Run("a sweep is noted; where the next one begins and when the last one ended stay", func(t T) {
		end := workspace.Fleet{SweepEndedAt: t0.Add(-time.Second), Workspaces: 9, Agents: 7, QueueCursor: "q"}
		must(t, c.NotePass(t.Context(), workspace.Pass{Cursor: "w", Seen: 5, Calls: 4}))
		must(t, c.NoteSweepEnd(t.Context(), end))
		for _, fl := range []workspace.Fleet{
			{SweptAt: t0.Add(1234567), OutageStart: t0.Add(-time.Hour), OutageEnd: t0.Add(-time.Minute)},
			{SweptAt: t0.Add(time.Minute)},
		} {
			must(t, c.NoteSweep(t.Context(), fl))
			fl.SweepCursor, fl.Seen, fl.Counted, fl.SweepEndedAt = "w", 5, 4, end.SweepEndedAt
			fl.Workspaces, fl.Agents, fl.QueueCursor = end.Workspaces, end.Agents, end.QueueCursor
			same(t, atMillis(fl), fleet(t))
		}
	})
	t.Run("where the next sweep begins is noted, and the rest stays", func(t T) {
		want := fleet(t)
		for want.Seen, want.SweepCursor = range []string{"a", ""} {
			want.Counted = 2 - want.Seen
			p := workspace.Pass{Cursor: want.SweepCursor, Seen: want.Seen, Calls: want.Counted}
			must(t, c.NotePass(t.Context(), p))
			same(t, want, fleet(t))
		}
	})
	t.Run("the end of a sweep is noted, and the rest stays", func(t T) {
		want := fleet(t)
		for want.Agents, want.SweepEndedAt = range []time.Time{t0.Add(time.Hour + 1234567), t0.Add(2 * time.Hour)} {
			want.QueueCursor, want.Workspaces = []string{"r", ""}[want.Agents], 3-want.Agents
			must(t, c.NoteSweepEnd(t.Context(), want))
			same(t, atMillis(want), fleet(t))
			agents, err := c.Agents(t.Context())
			must(t, err)
			same(t, want.Agents, agents)
		}
	})
	t.Run("none bears on the changes of verdict", func(t T) {
		was, err := c.LatestChange(t.Context())
		must(t, err)
		must(t, c.NoteSweep(t.Context(), workspace.Fleet{SweptAt: t0}))
		must(t, c.NoteSweepEnd(t.Context(), workspace.Fleet{SweepEndedAt: t0, Agents: 7}))
		now, err := c.LatestChange(t.Context())
		must(t, err)
		same(t, was, now)
	})
}
