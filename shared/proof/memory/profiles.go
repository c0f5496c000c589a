package memory

import (
	"context"

	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Profile implements registry.Profiles.
func (s *Store) Profile(_ context.Context, id string) (workspace.Profile, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := copyProfile(s.profiles[id])
	if len(p.Card) > workspace.InlineCard {
		p.Card, p.CardApart = nil, workspace.CardDigest(p.Card)
	}
	return p, nil
}

// Card implements registry.Profiles.
func (s *Store) Card(_ context.Context, id string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if card := s.profiles[id].Card; len(card) > workspace.InlineCard {
		return copyText(card), nil
	}
	return nil, nil
}

// Profiles implements registry.Profiles.
func (s *Store) Profiles(_ context.Context, ids ...string) (map[string]workspace.Profile, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]workspace.Profile{}
	for _, id := range ids {
		if p, ok := s.profiles[id]; ok {
			p.Card, p.Signing = nil, workspace.Signing{}
			out[id] = p
		}
	}
	return out, nil
}

// Quote implements registry.Profiles.
func (s *Store) Quote(_ context.Context, id, url string, said workspace.Words) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p, ok := s.profiles[id]; ok && p.URL == url {
		s.describe(id, workspace.ProfileChange{Words: &said})
	}
	return nil
}

// describe makes no profile of a change of nothing.
func (s *Store) describe(id string, c workspace.ProfileChange) {
	nothing := c.Name == nil && c.CardName == nil && c.URL == nil && c.Runtime == nil && c.Role == nil &&
		c.Tier == nil && c.Card == nil && c.Signing == nil && c.Words == nil
	if !nothing {
		s.profiles[id] = copyProfile(c.Apply(s.profiles[id]))
	}
}

func copyProfile(p workspace.Profile) workspace.Profile {
	p.Card = copyText(p.Card)
	p.Signing.Since, p.Signing.EndedAt = millis(p.Signing.Since), millis(p.Signing.EndedAt)
	return p
}

// Owner implements registry.Owners.
func (s *Store) Owner(_ context.Context, credential token.Hash) (workspace.Life, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.owners[credential], nil
}
