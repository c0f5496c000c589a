package memory

import (
	"maps"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// personExpiredFor is how long a credential that expired is still listed.
const personExpiredFor = 30 * 24 * time.Hour

// Expire does what the table's TTL does: it deletes items whose time is over. The table deletes each at a time of its
// own, up to days late, and in no order: until then it can be read. So deletes is asked of each item, in an order that
// is the same each time.
func (s *Store) Expire(now time.Time, deletes func() bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := expiry{now, deletes}
	s.changes = slices.DeleteFunc(s.changes, func(p logPage) bool { return e.ends(p.until) })
	for _, id := range slices.Sorted(maps.Keys(s.trails)) {
		sift(e, s.trails[id], func(r row) time.Time { return r.until })
	}
	siftLives(e, s.rows, func(r row) time.Time { return r.until })
	siftLives(e, s.messages, func(m chat.Message) time.Time {
		if m.State.Open() {
			return time.Time{}
		}
		return m.SettledAt.Add(s.Retention)
	})
	siftLives(e, s.texts, func(x text) time.Time { return x.until })
	siftLives(e, s.delegations, func(d lasting) time.Time { return d.until })
	sift(e, s.enrolments, func(x registry.Enrolment) time.Time { return x.Until })
	sift(e, s.people, func(p people.Person) time.Time { return p.ExpiresAt.Add(personExpiredFor) })
	byName := map[string]claimed{}
	for c := range s.claims {
		byName[c.life.Key()+" "+c.message] = c
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		if e.ends(s.claims[byName[name]].until) {
			delete(s.claims, byName[name])
		}
	}
}

// expiry is one pass of the table's TTL.
type expiry struct {
	now     time.Time
	deletes func() bool
}

// ends reports whether an item is deleted that is kept until a time, by the second; zero: for ever.
func (e expiry) ends(until time.Time) bool {
	return !until.IsZero() && until.Unix() < e.now.Unix() && e.deletes()
}

// sift deletes from a map what ends.
func sift[V any](e expiry, all map[string]V, until func(V) time.Time) {
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if e.ends(until(all[key])) {
			delete(all, key)
		}
	}
}

// siftLives deletes what ends of each life.
func siftLives[V any](e expiry, all map[workspace.Life]map[string]V, until func(V) time.Time) {
	byKey := map[string]workspace.Life{}
	for life := range all {
		byKey[life.Key()] = life
	}
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		sift(e, all[byKey[key]], until)
	}
}
