package dynamo

import (
	"context"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// shownProfile is a profile with its card.
func shownProfile(ctx context.Context, s *Store, id string) (workspace.Profile, error) {
	return (&registry.Registry{Profiles: s}).ShownProfile(ctx, id)
}

// A long card that a former release wrote into the profile is read there, also when another one was kept apart before,
// and is apart once the agent brings it again.
func TestALongCardInTheProfileIsRead(t *testing.T) {
	s := newStore(t)
	card, before := longCard, []byte(strings.Replace(string(longCard), ".", ",", 1))
	read := func() (p, shown workspace.Profile) {
		t.Helper()
		p, err := s.Profile(t.Context(), "w")
		if err != nil {
			t.Fatal(err)
		}
		if shown, err = shownProfile(t.Context(), s, "w"); err != nil {
			t.Fatal(err)
		}
		return p, shown
	}
	if err := s.Describe(t.Context(), "w", workspace.ProfileChange{Card: before}); err != nil {
		t.Fatal(err)
	}
	it, err := s.getChat(t.Context(), "profile", profileKey("w"))
	if err != nil {
		t.Fatal(err)
	}
	it[profileCard] = str(string(card))
	if err := s.putChat(t.Context(), "profile", it); err != nil {
		t.Fatal(err)
	}
	p, shown := read()
	if p.CardApart != "" || string(shown.Card) != string(card) {
		t.Errorf("apart as %q, and read as %.12s", p.CardApart, shown.Card)
	}
	if err := s.Describe(t.Context(), "w", workspace.ProfileChange{}.WithCard(p, card)); err != nil {
		t.Fatal(err)
	}
	p, shown = read()
	if p.CardApart != workspace.CardDigest(card) || len(p.Card) > 0 || string(shown.Card) != string(card) {
		t.Errorf("apart as %q, and read as %.12s", p.CardApart, shown.Card)
	}
}
