package memory

import (
	"context"
	"time"
)

// taking is the places that a caller takes in a span.
type taking struct {
	caller string
	since  int64 // in seconds, as it is stored
}

// TakePlace implements waiting.Store.
func (s *Store) TakePlace(_ context.Context, caller string, since time.Time, most int64) (taken bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := taking{caller, since.Unix()}
	if s.places[k] >= most {
		return false, nil
	}
	s.places[k]++
	return true, nil
}

// GivePlaceBack implements waiting.Store.
func (s *Store) GivePlaceBack(_ context.Context, caller string, since time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := taking{caller, since.Unix()}
	s.places[k] = max(0, s.places[k]-1)
	return nil
}
