package main

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/token"
)

// descendant is a credential, with what was made with it.
type descendant struct {
	people.Person
	maker      int // -1: the root
	revoked    bool
	over       bool     // it expired, and one that it descends from was revoked since
	enrolments []string // tokens
	hooks      []string
}

// descends reports whether one was made by another, or by one that was, and so on.
func descends(all []*descendant, one, from int) bool {
	for at := one; at >= 0; at = all[at].maker {
		if at == from {
			return true
		}
	}
	return false
}

// Whoever is revoked, and whatever became of the credentials between: what descends from them has ended, or was made
// with a credential that is good still and named. Nobody else's ends.
func TestNothingOfARevokedPersonStaysUnnamed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		env, ctx := fixture.Env(t), t.Context()
		admin := fixture.Person(t, env, people.Admin, "")
		now := env.Delivery.Clock.Now()
		var all []*descendant
		revoke := func(who int) (out api.RevokedToken) {
			resp := called(t, env, api.RevokeToken.Operation, admin, all[who].ID, "", &out)
			if resp.StatusCode != http.StatusOK || len(out.NotEnded) > 0 {
				rt.Fatal(resp.Body)
			}
			all[who].revoked = true
			for i, d := range all {
				d.over = d.over || descends(all, i, who) && !now.Before(d.ExpiresAt)
			}
			return out
		}
		hooks := 0
		for i := range rapid.IntRange(1, 7).Draw(rt, "people") {
			d := &descendant{maker: rapid.IntRange(-1, i-1).Draw(rt, "maker")}
			by := activity.Actor{Who: "root"}
			if d.maker >= 0 && !all[d.maker].revoked {
				by.Who = all[d.maker].Actor()
			} else {
				d.maker = -1
			}
			// One that was made two hours ago, for one hour, has expired.
			made := now.Add(-time.Duration(rapid.IntRange(0, 1).Draw(rt, "expired")) * 2 * time.Hour)
			grant := people.Grant{Name: fmt.Sprint("p", i), Scope: people.Admin, Lasts: time.Hour}
			_, p, err := env.People.Create(ctx, grant, by, made)
			if err != nil {
				rt.Fatal(err)
			}
			d.Person = p
			own := activity.Actor{Who: p.Actor()}
			if rapid.Bool().Draw(rt, "an enrolment token") {
				text, _, err := env.Registry.Enrol(ctx, "", 1, 24*time.Hour, own, made)
				if err != nil {
					rt.Fatal(err)
				}
				d.enrolments = append(d.enrolments, text)
			}
			if hooks < 5 && rapid.Bool().Draw(rt, "a webhook") {
				h, err := env.Webhooks.Create(ctx, "https://hooks.example.com/", nil, own)
				if err != nil {
					rt.Fatal(err)
				}
				d.hooks, hooks = append(d.hooks, h.ID), hooks+1
			}
			all = append(all, d)
			if i > 0 && rapid.IntRange(0, 3).Draw(rt, "one is revoked") == 0 {
				if who := rapid.IntRange(0, i).Draw(rt, "who"); !all[who].revoked && !all[who].over {
					revoke(who)
				}
			}
		}
		thief := rapid.IntRange(0, len(all)-1).Draw(rt, "the thief")
		if all[thief].revoked || all[thief].over {
			return
		}
		out := revoke(thief)
		for i, d := range all {
			good := !d.revoked && now.Before(d.ExpiresAt)
			named := slices.ContainsFunc(out.StillGood, func(s api.StillGood) bool { return s.ID == d.ID })
			if below := descends(all, i, thief); named != (below && good) {
				rt.Errorf("p%d, good: %t, descends: %t, named: %t", i, good, below, named)
			}
			ended := d.revoked || d.over
			for _, id := range d.hooks {
				if h, err := env.Webhooks.Store.Hook(ctx, id); err != nil || ended == h.DisabledAt.IsZero() {
					rt.Errorf("the webhook of p%d, ended: %t: %+v, %v", i, ended, h, err)
				}
			}
			for _, text := range d.enrolments {
				_, err := env.People.Store.Person(ctx, d.ID)
				_, kept := env.Registry.Enrolments.Enrolment(ctx, token.PublicID(text))
				if gone := fault.CodeOf(err) == fault.TokenUnknown; kept != nil || ended != gone {
					rt.Errorf("the enrolment token of p%d, ended: %t: %v, %v", i, ended, err, kept)
				}
			}
		}
	})
}
