package storetest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// profiles is registry.Profiles.
func (c contract) profiles(t T) {
	profile := func(t T, id string) workspace.Profile {
		t.Helper()
		p, err := c.Profile(t.Context(), id)
		must(t, err)
		return p
	}
	t.Run("a profile changes in what the change speaks of, and in nothing else", func(t T) {
		f := c.created(t)
		f = c.describe(t, f, workspace.ProfileChange{Name: new("renamed"), URL: new("")})
		f = c.describe(t, f, workspace.ProfileChange{})
		want := createdProfile
		want.Name, want.URL = "renamed", ""
		same(t, want, profile(t, f.ID))
		f = c.describe(t, f, workspace.ProfileChange{Tier: new(0), Card: []byte{}})
		want.Tier, want.Card = 0, nil
		same(t, want, profile(t, f.ID))
		want.Signing = want.Signing.Replace("whsec_bmV4dA==", t0.Add(time.Hour))
		c.describe(t, f, workspace.ProfileChange{Signing: &want.Signing})
		same(t, want, profile(t, f.ID))
	})
	t.Run("what an agent says is kept with the URL at which it said it, and with no other", func(t T) {
		f := c.created(t)
		want := createdProfile
		for _, said := range []workspace.Words{
			{PushError: "no"}, {AnswerError: "no key"}, {PushError: "a", AnswerError: "b", LostWhy: "c"},
		} {
			must(t, c.Quote(t.Context(), f.ID, want.URL, said))
			want.Words = said
			same(t, want, profile(t, f.ID))
			must(t, c.Quote(t.Context(), f.ID, want.URL+"x", workspace.Words{PushError: "of another"}))
			same(t, want, profile(t, f.ID))
		}
		c.describe(t, f, workspace.ProfileChange{URL: new("")})
		want.URL, want.Words = "", workspace.Words{SampleError: "s", RegisterFailedWhy: "r"}
		must(t, c.Quote(t.Context(), f.ID, "", want.Words))
		same(t, want, profile(t, f.ID))
		id := uuid.NewString()
		must(t, c.Quote(t.Context(), id, "", workspace.Words{PushError: "of nobody"}))
		must(t, c.Quote(t.Context(), id, want.URL, workspace.Words{PushError: "of nobody"}))
		same(t, workspace.Profile{}, profile(t, id))
	})
	t.Run("many are read at once, each once, without cards and secrets, and without those that are unknown", func(t T) {
		a, b := c.created(t), c.created(t)
		got, err := c.Profiles(t.Context(), a.ID, "nobody", b.ID, a.ID)
		must(t, err)
		same(t, map[string]workspace.Profile{a.ID: listed(createdProfile), b.ID: listed(createdProfile)}, got)
		got, err = c.Profiles(t.Context())
		must(t, err)
		same(t, 0, len(got))
	})
	t.Run("a workspace without one has the zero profile, also after a change of nothing", func(t T) {
		id := uuid.NewString()
		same(t, workspace.Profile{}, profile(t, id))
		f := workspace.Facts{Identity: workspace.Identity{ID: id, Version: 1, CreatedAt: t0}}
		must(t, c.Save(t.Context(), workspace.Facts{}, f, registry.SaveExtras{Profile: &workspace.ProfileChange{}}))
		same(t, workspace.Profile{}, profile(t, id))
		got, err := c.Profiles(t.Context(), id)
		must(t, err)
		same(t, map[string]workspace.Profile{}, got)
	})
	t.Run("a long card is kept apart, and is the one that was written last", c.longCard)
	t.Run("who reads a card while it is replaced sees one, with its own name", c.cardsUnderWay)
	t.Run("what a caller does to a profile that was read is not stored", func(t T) {
		f := c.created(t)
		profile(t, f.ID).Card[0] = '!'
		same(t, createdProfile, profile(t, f.ID))
	})
}

// describe changes the profile of a workspace, as a write of its facts does, and returns these.
func (c contract) describe(t T, f workspace.Facts, change workspace.ProfileChange) workspace.Facts {
	t.Helper()
	next := f
	next.Version++
	must(t, c.Save(t.Context(), f, next, registry.SaveExtras{Profile: &change}))
	return next
}

// longCard gives a workspace cards that are short and long, in turn.
func (c contract) longCard(t T) {
	long := func(n int) []byte { return []byte(`{"name":"` + strings.Repeat("x", n) + `"}`) }
	f := c.created(t)
	other := c.created(t)
	cards := [][]byte{
		long(workspace.InlineCard), long(20 << 10), long(20 << 10), []byte(`{}`), long(64 << 10),
		long(workspace.InlineCard - 11),
		long(workspace.InlineCard - 10),
		{},
	}
	for i, card := range cards {
		was, err := c.Profile(t.Context(), f.ID)
		must(t, err)
		change := workspace.ProfileChange{Role: new(fmt.Sprint(i))}.WithCard(was, card)
		f = c.describe(t, f, change)
		want := createdProfile
		want.Role, want.Card = fmt.Sprint(i), card
		if len(card) == 0 {
			want.Card = nil
		}
		got, err := c.Profile(t.Context(), f.ID)
		must(t, err)
		if apart := len(card) > workspace.InlineCard; apart != (got.CardApart != "") || apart && len(got.Card) > 0 {
			t.Fatal(i, len(card), got.CardApart, len(got.Card))
		}
		shown, err := c.shown(t.Context(), f.ID)
		must(t, err)
		shown.CardApart = ""
		same(t, want, shown)
		listing, err := c.Profiles(t.Context(), f.ID, other.ID)
		must(t, err)
		same(t, map[string]workspace.Profile{f.ID: listed(want), other.ID: listed(createdProfile)}, listing)
	}
	f = c.describe(t, f, workspace.ProfileChange{Card: long(9 << 10)})
	c.describe(t, f, workspace.Replace(workspace.Profile{}))
	gone, err := c.Card(t.Context(), f.ID)
	must(t, err)
	same(t, 0, len(gone))
}

// shown is a profile with its card.
func (c contract) shown(ctx context.Context, id string) (workspace.Profile, error) {
	return (&registry.Registry{Profiles: c}).ShownProfile(ctx, id)
}

// cardsUnderWay has two read the card of a workspace while it is replaced: each sees one, with its own name.
func (c contract) cardsUnderWay(t T) {
	f := c.created(t)
	names := [...]string{"a", "b", "short"}
	write := func(i int) error {
		name := names[i%len(names)]
		card := []byte(`{"name":"` + name + `"}`)
		if name != "short" {
			card = append(card, strings.Repeat(" ", 20<<10)...)
		}
		was, err := c.Profile(t.Context(), f.ID)
		if err != nil {
			return err
		}
		next := f
		next.Version++
		change := workspace.ProfileChange{CardName: &name}.WithCard(was, card)
		err = c.Save(t.Context(), f, next, registry.SaveExtras{Profile: &change})
		f = next
		return err
	}
	must(t, write(0))
	over := make(chan struct{})
	var group errgroup.Group
	for range 2 {
		group.Go(func() error {
			for {
				p, err := c.shown(t.Context(), f.ID)
				if want := `{"name":"` + p.CardName + `"}`; err != nil || !strings.HasPrefix(string(p.Card), want) {
					return fmt.Errorf("%q has the card %.20q: %v", p.CardName, p.Card, err)
				}
				select {
				case <-over:
					return nil
				default:
				}
			}
		})
	}
	for i := range 60 {
		must(t, write(i+1))
	}
	close(over)
	must(t, group.Wait())
}
