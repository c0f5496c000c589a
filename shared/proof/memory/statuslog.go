package memory

import (
	"context"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/statuslog"
)

// logPage is the changes that were written together: they are one item, which ends with the last one of them.
type logPage struct {
	changes []record
	last    int64 // its number
	until   time.Time
}

// AddChanges implements statuslog.Store.
func (s *Store) AddChanges(_ context.Context, page []statuslog.Entry) error {
	if err := statuslog.CheckPage(page); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	lost := &statuslog.Lost{}
	var logged []record
	last := page[len(page)-1].Change
	for i, e := range page {
		stored, exists := s.facts[e.Next.ID]
		heard := e.Unheard && !stored.LeaseUntil.Equal(millis(e.Old.LeaseUntil))
		if exists != (e.Old.ID != "") || stored.Version != e.Old.Version || heard {
			lost.Entries = append(lost.Entries, i)
		}
		raw, err := newRecord(e.Change)
		if err != nil {
			return err
		}
		logged = append(logged, raw)
	}
	if len(lost.Entries) > 0 || page[0].Change.Seq != s.latest+1 {
		return lost
	}
	for _, e := range page {
		history, err := e.Change.Row()
		if err != nil {
			return err
		}
		if err := s.putRow(history); err != nil {
			return err
		}
		if err := s.save(e.Old, e.Next, registry.SaveExtras{}); err != nil {
			return err
		}
	}
	s.changes = append(s.changes, logPage{logged, last.Seq, last.At.Add(s.Retention)})
	s.latest = last.Seq
	return nil
}

// Changes implements statuslog.Store.
func (s *Store) Changes(_ context.Context, after int64, limit int) (out []statuslog.Change, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.changes {
		if p.last <= after {
			continue
		}
		first := p.last - int64(len(p.changes)) + 1
		for _, raw := range p.changes[max(0, after+1-first):] {
			if len(out) >= limit {
				return out, nil
			}
			out = append(out, decode[statuslog.Change](raw))
		}
	}
	return out, nil
}

// LatestChange implements statuslog.Store.
func (s *Store) LatestChange(context.Context) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.latest, nil
}

// TakeRight implements statuslog.Store.
func (s *Store) TakeRight(_ context.Context, r statuslog.Right, now, until time.Time) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if millis(now).Before(s.rights[r]) {
		return false, nil
	}
	s.rights[r] = millis(until)
	return true, nil
}

// GiveBack implements statuslog.Store.
func (s *Store) GiveBack(_ context.Context, r statuslog.Right, until time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rights[r].Equal(millis(until)) {
		delete(s.rights, r)
	}
	return nil
}

// Announced implements statuslog.Store.
func (s *Store) Announced(context.Context) (statuslog.Announced, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return statuslog.Announced{Last: s.announced.Last, Ahead: slices.Clone(s.announced.Ahead)}, nil
}

// NoteAnnounced implements statuslog.Store.
func (s *Store) NoteAnnounced(_ context.Context, until time.Time, a statuslog.Announced) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.rights[statuslog.Announcing].Equal(millis(until)) {
		return conflict()
	}
	s.announced = statuslog.Announced{Last: a.Last, Ahead: slices.Clone(a.Ahead)}
	return nil
}
