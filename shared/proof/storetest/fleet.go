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
		must(t, c.NoteSweepCursor(t.Context(), "w", 4))
		must(t, c.NoteSweepEnd(t.Context(), t0.Add(-time.Second), 7, "q"))
		for _, fl := range []workspace.Fleet{
			{SweptAt: t0.Add(1234567), OutageStart: t0.Add(-time.Hour), OutageEnd: t0.Add(-time.Minute)},
			{SweptAt: t0.Add(time.Minute)},
		} {
			must(t, c.NoteSweep(t.Context(), fl))
			fl.SweepCursor, fl.Counted, fl.SweepEndedAt, fl.Agents = "w", 4, t0.Add(-time.Second), 7
			fl.QueueCursor = "q"
			same(t, atMillis(fl), fleet(t))
		}
	})
	t.Run("where the next sweep begins is noted, and the last one stays", func(t T) {
		want := fleet(t)
		for want.Counted, want.SweepCursor = range []string{"a", ""} {
			must(t, c.NoteSweepCursor(t.Context(), want.SweepCursor, want.Counted))
			same(t, want, fleet(t))
		}
	})
	t.Run("the end of a sweep is noted, and the rest stays", func(t T) {
		want := fleet(t)
		for want.Agents, want.SweepEndedAt = range []time.Time{t0.Add(time.Hour + 1234567), t0.Add(2 * time.Hour)} {
			want.QueueCursor = []string{"r", ""}[want.Agents]
			must(t, c.NoteSweepEnd(t.Context(), want.SweepEndedAt, want.Agents, want.QueueCursor))
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
		must(t, c.NoteSweepEnd(t.Context(), t0, 7, ""))
		now, err := c.LatestChange(t.Context())
		must(t, err)
		same(t, was, now)
	})
}
