package dynamo

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// shownProfile is a profile with its card.
func shownProfile(ctx context.Context, s *Store, id string) (workspace.Profile, error) {
	return (&registry.Registry{Profiles: s}).ShownProfile(ctx, id)
}

// describe changes the profile of a workspace that has no facts.
func describe(ctx context.Context, s *Store, id string, p workspace.ProfileChange) error {
	c := profileChange(p)
	writes := []types.TransactWriteItem{c.write(s.Chat, profileKey(id))}
	if card := s.cardWrite(id, p); card != nil {
		writes = append(writes, *card)
	}
	_, err := s.transact(ctx, writes)
	return err
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
	if err := describe(t.Context(), s, "w", workspace.ProfileChange{Card: before}); err != nil {
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
	if err := describe(t.Context(), s, "w", workspace.ProfileChange{}.WithCard(p, card)); err != nil {
		t.Fatal(err)
	}
	p, shown = read()
	if p.CardApart != workspace.CardDigest(card) || len(p.Card) > 0 || string(shown.Card) != string(card) {
		t.Errorf("apart as %q, and read as %.12s", p.CardApart, shown.Card)
	}
}
