package storetest

import (
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// owners is registry.Owners.
func (c contract) owners(t T) {
	t.Run("a credential leads to its owner from when it was issued", func(t T) {
		f := c.created(t)
		next := f
		next.Version, next.NextCredential = 2, hash("issued to "+f.ID)
		must(t, c.Save(t.Context(), f, next, registry.SaveExtras{}))
		ended := next
		ended.Version, ended.NextCredential = 3, token.Hash{}
		must(t, c.Save(t.Context(), next, ended, registry.SaveExtras{}))
		for credential, want := range map[token.Hash]workspace.Life{
			next.NextCredential: f.Life(), hash("never issued " + f.ID): {}, {}: {},
		} {
			got, err := c.Owner(t.Context(), credential)
			must(t, err)
			same(t, want, got)
		}
	})
	t.Run("what an agent brings becomes no other workspace's", func(t T) {
		f, other := c.created(t), c.created(t)
		first, second := hash("first of "+f.ID), hash("second of "+f.ID)
		for i, brought := range []token.Hash{first, second, first} { // its own, also the one that it had before
			next := f
			next.Version, next.Credential = int64(2+i), brought
			must(t, c.Save(t.Context(), f, next, registry.SaveExtras{Brought: brought}))
			f = next
		}
		for _, taken := range []token.Hash{first, second} {
			wants := other
			wants.Version, wants.MaxTasks, wants.Credential = 2, 9, taken
			wantCode(t, c.Save(t.Context(), other, wants, registry.SaveExtras{Brought: taken}), fault.Conflict)
			same(t, other, c.read(t, other.ID))
			got, err := c.Owner(t.Context(), taken)
			must(t, err)
			same(t, f.Life(), got)
		}
	})
	t.Run("one credential may become both at once", func(t T) {
		f := c.created(t)
		next := f
		next.Version, next.Credential = 2, hash("both of "+f.ID)
		next.NextCredential = next.Credential
		must(t, c.Save(t.Context(), f, next, registry.SaveExtras{}))
		got, err := c.Owner(t.Context(), next.Credential)
		must(t, err)
		same(t, f.Life(), got)
	})
}
