package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/token"
)

// held is a credential, as its holder and the test know it.
type held struct {
	id, text string
	maker    int // -1: the root
	expired  bool
	enrolled []string // enrolment tokens that were made with it, by their ids
}

// heldHook is a webhook, with who made it, enabled it last, and was shown its secrets: -1 is the root.
type heldHook struct {
	id            string
	made, enabled int
	inherited     bool // enabled after a credential that it was made or enabled with was revoked
	shown         []int
}

// descent is a history of credentials and of what is made with them.
type descent struct {
	t     *testing.T
	rt    *rapid.T
	env   *app.Env
	root  string
	all   []*held
	hooks []*heldHook
}

// descends reports whether one is another, or was made by it, or by one that was, and so on.
func (d *descent) descends(one, from int) bool {
	for ; one >= 0; one = d.all[one].maker {
		if one == from {
			return true
		}
	}
	return false
}

// good reports whether a credential lets its holder in.
func (d *descent) good(who int) bool {
	p, err := d.env.People.Store.Person(d.t.Context(), d.all[who].id)
	return err == nil && p.EndedAt.IsZero() && d.env.Clock.Now().Before(p.ExpiresAt)
}

// somebody is one whose credential is good, or the root.
func (d *descent) somebody() (who int, text string) {
	choices := []int{-1}
	for i := range d.all {
		if d.good(i) {
			choices = append(choices, i)
		}
	}
	if who = rapid.SampledFrom(choices).Draw(d.rt, "who"); who < 0 {
		return who, d.root
	}
	return who, d.all[who].text
}

func (d *descent) mustCall(op *api.Operation, by, id, body string, out any) {
	if resp := called(d.t, d.env, op, by, id, body, out); resp.StatusCode >= http.StatusBadRequest {
		d.rt.Fatalf("%s: %s", op.Route, resp.Body)
	}
}

// revoke revokes one, and perhaps what it made. One that has left nothing is unknown.
func (d *descent) revoke(by string, who int, all bool) (out api.RevokedToken) {
	ev := fixture.Event(api.RevokeToken.Operation, map[string]string{"token_id": d.all[who].id}, by, "")
	if all {
		ev.QueryStringParameters = map[string]string{"all_it_made": "true"}
	}
	resp := fixture.Answer(d.t, d.env, endpoints(d.env), ev)
	if resp.StatusCode == http.StatusNotFound {
		return out
	}
	err := json.Unmarshal([]byte(resp.Body), &out)
	if err != nil || resp.StatusCode != http.StatusOK || len(out.NotEnded) > 0 {
		d.rt.Fatal(resp.Body, err)
	}
	return out
}

// happens has one thing happen.
func (d *descent) happens() {
	who, by := d.somebody()
	hook := func() *heldHook { return rapid.SampledFrom(d.hooks).Draw(d.rt, "webhook") }
	switch what := rapid.SampledFrom([]string{
		"make", "make", "make", "webhook", "enable", "disable", "rotate", "enrol", "revoke", "revoke itself", "expire",
	}).Draw(d.rt, "what"); {
	case what == "make":
		var out api.CreatedToken
		d.mustCall(api.CreateToken.Operation, by, "", `{"name":"p","scope":"admin"}`, &out)
		d.all = append(d.all, &held{id: out.TokenID, text: out.Credential, maker: who})
	case what == "webhook" && len(d.hooks) < 5:
		var out api.CreatedWebhook
		d.mustCall(api.CreateWebhook.Operation, by, "", aHook(), &out)
		d.hooks = append(d.hooks, &heldHook{id: out.WebhookID, made: who, enabled: -1, shown: []int{who, -1}})
	case what == "enable" && len(d.hooks) > 0:
		h := hook()
		var list api.Webhooks
		d.mustCall(api.ListWebhooks.Operation, by, "", "", &list)
		i := slices.IndexFunc(list.Webhooks, func(w api.Webhook) bool { return w.WebhookID == h.id })
		if was := list.Webhooks[i]; was.State == "disabled" {
			h.enabled = who
			h.inherited = h.inherited || strings.Contains(was.Problem, "is revoked")
		}
		var out api.EnabledWebhook
		d.mustCall(api.EnableWebhook.Operation, by, h.id, "{}", &out)
		secret := h.inherited && h.shown[0] == h.made
		if (out.Next != "") != h.inherited || strings.Contains(out.Next, "rollcall webhook rotate") != secret {
			d.rt.Fatalf("enabled: %q of %+v", out.Next, h)
		}
	case what == "disable" && len(d.hooks) > 0:
		d.mustCall(api.DisableWebhook.Operation, by, hook().id, "", nil)
	case what == "rotate" && len(d.hooks) > 0:
		h := hook()
		d.mustCall(api.RotateWebhook.Operation, by, h.id, "", nil)
		h.shown = []int{who, h.shown[0]}
	case what == "enrol" && who >= 0:
		var out api.Enrolment
		d.mustCall(api.CreateEnrolment.Operation, by, "", "{}", &out)
		d.all[who].enrolled = append(d.all[who].enrolled, out.EnrolmentID)
	case what == "revoke" && len(d.all) > 0:
		target := rapid.IntRange(0, len(d.all)-1).Draw(d.rt, "revoked")
		d.revoke(by, target, rapid.Bool().Draw(d.rt, "with all it made"))
	case what == "revoke itself" && who >= 0:
		d.revoke(by, who, false)
	case what == "expire" && who >= 0:
		p, err := d.env.People.Store.Person(d.t.Context(), d.all[who].id)
		p.ExpiresAt = d.env.Clock.Now().Add(-time.Minute)
		if err == nil {
			err = d.env.People.Store.AddPerson(d.t.Context(), p, activity.AuditEntry{At: p.CreatedAt})
		}
		if err != nil {
			d.rt.Fatal(err)
		}
		d.all[who].expired = true
	}
}

// works are the credentials, the webhooks and the secrets of webhooks that come from one, and are good.
func (d *descent) works(from int) (out []string) {
	for i, one := range d.all {
		if i != from && d.descends(i, from) && d.good(i) {
			out = append(out, "token "+one.id)
		}
	}
	for _, h := range d.hooks {
		stored, err := d.env.Webhooks.Store.Hook(d.t.Context(), h.id)
		if err != nil {
			d.rt.Fatal(err)
		}
		theirs := d.descends(h.made, from) || d.descends(h.enabled, from)
		if theirs && stored.DisabledAt.IsZero() {
			out = append(out, "webhook "+h.id)
		}
		if !theirs && slices.ContainsFunc(h.shown, func(who int) bool { return d.descends(who, from) }) {
			out = append(out, "webhook_secret "+h.id)
		}
	}
	slices.Sort(out)
	return out
}

// state is what works of those that one has nothing to do with.
func (d *descent) state(without int) (out []string) {
	for i, one := range d.all {
		if !d.descends(i, without) {
			out = append(out, fmt.Sprint(one.id, d.good(i)))
		}
	}
	for _, h := range d.hooks {
		stored, err := d.env.Webhooks.Store.Hook(d.t.Context(), h.id)
		if !d.descends(h.made, without) && !d.descends(h.enabled, without) {
			out = append(out, fmt.Sprint(h.id, stored.DisabledAt, err))
		}
	}
	return out
}

// Whatever happened before, and whoever ended which credential between: what works after a revocation and comes from
// the revoked credential is named by it, and so it is by a repeat. With all it made, no credential is left, and no
// webhook but one that somebody else took over. Nobody else's ends.
func TestNothingOfARevokedPersonWorksUnnamed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		env := fixture.Env(t)
		d := &descent{t: t, rt: rt, env: env, root: fixture.Person(t, env, people.Admin, "")}
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			d.happens()
		}
		if len(d.all) == 0 {
			return
		}
		thief := rapid.IntRange(0, len(d.all)-1).Draw(rt, "the thief")
		others := d.state(thief)
		for _, all := range []bool{false, false, true, false} {
			out := d.revoke(d.root, thief, all)
			var named []string
			for _, s := range out.StillGood {
				if named = append(named, s.Kind+" "+s.ID); all && s.Kind == "token" {
					rt.Errorf("it is good after all has ended: %+v", s)
				}
			}
			slices.Sort(named)
			if works := d.works(thief); !slices.Equal(named, works) {
				rt.Errorf("named, all: %t: %v, but what works is %v", all, named, works)
			}
			if now := d.state(thief); !slices.Equal(now, others) {
				rt.Errorf("what others have is %v, and was %v", now, others)
			}
			d.letsNobodyIn(thief, all)
		}
	})
}

// letsNobodyIn checks that no enrolment token of one that has ended is good.
func (d *descent) letsNobodyIn(thief int, all bool) {
	for i, one := range d.all {
		if i != thief && !(d.descends(i, thief) && (all || one.expired)) {
			continue
		}
		p, err := d.env.People.Store.Person(d.t.Context(), one.id)
		if ended := err == nil && !p.EndedAt.IsZero() || fault.CodeOf(err) == fault.TokenUnknown; !ended &&
			len(one.enrolled) > 0 {
			d.rt.Errorf("enrolment tokens of %s are good: %+v, %v", one.id, p, err)
		}
	}
}

// The operator's own credential may come from the one whose whole descent it ends: it stays, and is named.
func TestWhoEndsAllKeepsItsOwnCredential(t *testing.T) {
	env := fixture.Env(t)
	maker := fixture.Person(t, env, people.Admin, "")
	var own, other api.CreatedToken
	called(t, env, api.CreateToken.Operation, maker, "", `{"name":"bob","scope":"admin"}`, &own)
	called(t, env, api.CreateToken.Operation, own.Credential, "", `{"name":"cy","scope":"admin"}`, &other)
	d := &descent{t: t, env: env, all: []*held{{id: token.PublicID(maker)}}}
	out := d.revoke(own.Credential, 0, true)
	if len(out.AlsoRevoked) != 1 || out.AlsoRevoked[0].TokenID != other.TokenID ||
		len(out.StillGood) != 1 || out.StillGood[0].ID != own.TokenID {
		t.Errorf("%+v", out)
	}
}

// An operator who knows a webhook has it go on after its maker was revoked. A repeat of that names it, and ends it not.
func TestATakenOverWebhookGoesOn(t *testing.T) {
	env := fixture.Env(t)
	admin, gone := fixture.Person(t, env, people.Admin, ""), fixture.Person(t, env, people.Operate, "")
	var h api.CreatedWebhook
	called(t, env, api.CreateWebhook.Operation, gone, "", aHook(), &h)
	d := &descent{t: t, env: env, all: []*held{{id: token.PublicID(gone)}}}
	if out := d.revoke(admin, 0, false); len(out.Webhooks) != 1 {
		t.Errorf("%+v", out)
	}
	called(t, env, api.RotateWebhook.Operation, admin, h.WebhookID, "", nil)
	called(t, env, api.EnableWebhook.Operation, admin, h.WebhookID, "{}", nil)
	out := d.revoke(admin, 0, false)
	stored, err := env.Webhooks.Store.Hook(t.Context(), h.WebhookID)
	if err != nil || !stored.DisabledAt.IsZero() || len(out.Webhooks) > 0 || len(out.StillGood) != 1 {
		t.Errorf("%+v: %+v, %v", out, stored, err)
	}
}

// A thief who made more credentials than one call ends has the call repeated, and each repeat goes on.
func TestAllItMadeEndsInBoundedCalls(t *testing.T) {
	env, ctx := fixture.Env(t), t.Context()
	admin, thief := fixture.Person(t, env, people.Admin, ""), fixture.Person(t, env, people.Admin, "")
	p, err := env.People.Store.Person(ctx, token.PublicID(thief))
	for range 2*maxEnded + 1 {
		if err == nil {
			_, _, err = env.People.Create(ctx, people.Grant{Name: "c", Scope: people.View, Lasts: time.Hour},
				activity.Actor{Who: p.Actor(), Line: p.Line()}, env.Clock.Now())
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	ended := 0
	for calls := 1; ; calls++ {
		ev := fixture.Event(api.RevokeToken.Operation, map[string]string{"token_id": p.ID}, admin, "")
		ev.QueryStringParameters = map[string]string{"all_it_made": "true"}
		var out api.RevokedToken
		if err := json.Unmarshal([]byte(fixture.Answer(t, env, endpoints(env), ev).Body), &out); err != nil {
			t.Fatal(err)
		}
		if ended += len(out.AlsoRevoked); len(out.AlsoRevoked) > maxEnded || len(out.StillGood) > 0 {
			t.Fatalf("call %d: %d ended, %d are good", calls, len(out.AlsoRevoked), len(out.StillGood))
		}
		if len(out.NotEnded) == 0 {
			if calls != 3 || ended != 2*maxEnded+1 {
				t.Errorf("%d calls ended %d", calls, ended)
			}
			return
		}
	}
}
