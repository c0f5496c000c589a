package main

import (
	"context"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/webhook"
	"github.com/rollcall/rollcall/shared/workspace"
)

// tokenFor is how long a person's credential lasts when the call doesn't say.
const tokenFor = 90 * 24 * time.Hour

func createToken(
	all *people.People,
) func(context.Context, httpapi.Call, api.TokenRequest) (api.CreatedToken, error) {
	return func(ctx context.Context, c httpapi.Call, in api.TokenRequest) (api.CreatedToken, error) {
		if err := workspace.CheckTeam(in.Team); err != nil {
			return api.CreatedToken{}, err
		}
		grant := people.Grant{Name: in.Name, Scope: people.Scope(in.Scope), Team: in.Team, Lasts: tokenFor}
		if in.Seconds != nil {
			// More seconds than can be would be a short time.
			grant.Lasts = time.Duration(min(*in.Seconds, int(people.MaxLife.Seconds())+1)) * time.Second
		}
		text, made, err := all.Create(ctx, grant, actor(c), c.Now)
		return api.CreatedToken{
			Token: tokenOf(made, c.Now), Credential: text,
			Next: "give it to " + made.Name + ", who signs in with rollcall login",
		}, err
	}
}

func listTokens(all *people.People) func(context.Context, httpapi.Call, api.None) (api.Tokens, error) {
	return func(ctx context.Context, c httpapi.Call, _ api.None) (api.Tokens, error) {
		found, err := all.Store.People(ctx)
		if err != nil {
			return api.Tokens{}, err
		}
		slices.SortFunc(found, people.Person.Compare)
		out := api.Tokens{Tokens: make([]api.Token, 0, len(found))}
		for _, p := range found {
			out.Tokens = append(out.Tokens, tokenOf(p, c.Now))
		}
		return out, nil
	}
}

// revokeToken ends a credential, and then what was made with it: its holder competes with that no more. It has the
// webhooks told nothing, whose URLs may be a thief's, and names what else was made with it or shown for it, also by
// credentials that descend from it (people.MadeBy), or ends those too. Those of them that are over end like itself, as
// what was made with them may be good still. Enrolment tokens end by themselves (registry.Enrolments). What fails after
// the credential has ended is named, and the same call goes on with it: the record stays until all is done. One without
// a record is revoked as well, as long as something works that descends from it.
func revokeToken(
	all *people.People, hooks *webhook.Service,
) func(context.Context, httpapi.Call, api.Revocation) (api.RevokedToken, error) {
	return func(ctx context.Context, c httpapi.Call, in api.Revocation) (api.RevokedToken, error) {
		r := revocation{all: all, hooks: hooks, call: c, out: api.RevokedToken{
			TokenID: in.TokenID, Status: "revoked", Webhooks: []string{}, AlsoRevoked: []api.RevokedAlso{},
			StillGood: []api.StillGood{}, NotEnded: []api.NotEnded{}, Next: stillIn,
		}}
		was, ended, err := all.Revoke(ctx, in.TokenID, actor(c), c.Now)
		forgotten := fault.CodeOf(err) == fault.TokenUnknown
		switch {
		case ended:
			r.out.Name = was.Name
			r.left("audit_line", "", err)
		case !forgotten:
			return r.out, err
		}
		good, over, err := r.endBelow(ctx, in.AllItMade == "true")
		r.left("tokens", "", err)
		told, err := hooks.EndOf(ctx, people.ComesFrom(append(ids(over), in.TokenID)), actor(c))
		r.left("webhooks", "", err)
		for _, h := range told.Left {
			r.out.NotEnded = append(r.out.NotEnded, api.NotEnded{Kind: "webhook", ID: h.ID})
		}
		if forgotten && len(good)+len(over)+len(r.out.NotEnded) == 0 && !told.Any() {
			return r.out, people.Unknown()
		}
		name(&r.out, good, told)
		if !forgotten {
			over = append(over, was)
		}
		r.forget(ctx, over)
		if len(r.out.NotEnded) > 0 {
			r.out.Next = "the credential has ended, but not all that ends with it: repeat rollcall token revoke " +
				in.TokenID + ". " + r.out.Next
		}
		return r.out, nil
	}
}

// revocation is one call that revokes a credential.
type revocation struct {
	all   *people.People
	hooks *webhook.Service
	call  httpapi.Call
	out   api.RevokedToken
}

// left names what could not be ended.
func (r *revocation) left(kind, id string, failed error) {
	if failed != nil {
		r.out.NotEnded = append(r.out.NotEnded, api.NotEnded{Kind: kind, ID: id})
	}
}

// maxEnded is how many credentials one call ends below the revoked one: it has to come to its end in time.
const maxEnded = 200

// endBelow ends the credentials that descend from the revoked one and are over, and if all of them shall end those that
// are good too: but not the one with which that is asked. It gives those that are good then, and the others. Error:
// platform_unavailable.
func (r *revocation) endBelow(ctx context.Context, alsoGood bool) (good, over []people.Person, err error) {
	for {
		good, over, err = r.all.MadeBy(ctx, r.out.TokenID, r.call.Now)
		end := slices.DeleteFunc(slices.Clone(over), func(one people.Person) bool { return !one.EndedAt.IsZero() })
		living := len(good)
		if alsoGood {
			own := people.IDOf(r.call.Caller.Person)
			toEnd := slices.DeleteFunc(slices.Clone(good), func(one people.Person) bool { return one.ID == own })
			good = slices.DeleteFunc(good, func(one people.Person) bool { return one.ID != own })
			over, end = append(over, toEnd...), append(toEnd, end...)
		}
		if len(end) > maxEnded {
			end = end[:maxEnded]
			r.out.NotEnded = append(r.out.NotEnded, api.NotEnded{Kind: "tokens"})
		}
		errs := fault.Each(end, atOnce, func(_ int, one people.Person) error {
			_, _, err := r.all.Revoke(ctx, one.ID, actor(r.call), r.call.Now)
			return err
		})
		for i, one := range end {
			r.left("token", one.ID, errs[i])
			if errs[i] == nil && r.call.Now.Before(one.ExpiresAt) {
				r.out.AlsoRevoked = append(r.out.AlsoRevoked, api.RevokedAlso{
					TokenID: one.ID, Name: one.Name, Scope: string(one.Scope),
				})
			}
		}
		// One that was good until now may have made another one meanwhile.
		if err != nil || living == len(good) || len(r.out.NotEnded) > 0 {
			return good, over, err
		}
	}
}

// forget forgets credentials, if all has ended that ends with them: the revoked one last, as a repeat finds the others
// by it.
func (r *revocation) forget(ctx context.Context, over []people.Person) {
	last := max(0, len(over)-1)
	for _, some := range [][]people.Person{over[:last], over[last:]} {
		if len(r.out.NotEnded) > 0 {
			return
		}
		errs := fault.Each(some, atOnce, func(_ int, one people.Person) error { return r.all.Forget(ctx, one.ID) })
		for i, err := range errs {
			r.left("token", some[i].ID, err)
		}
	}
}

// stillIn says who gets in after a revocation.
const stillIn = "its enrolment tokens, its repairs' windows and the unused credentials that repair, rotate and adopt " +
	"showed it let nobody in any more; an agent that they let in stays"

// atOnce is how many credentials are written at a time.
const atOnce = 10

// ids are the ids of credentials.
func ids(all []people.Person) (out []string) {
	for _, one := range all {
		out = append(out, one.ID)
	}
	return out
}

// name names in the answer to a revocation what ended with the credential, and what is good still.
func name(out *api.RevokedToken, tokens []people.Person, told webhook.Ended) {
	for _, h := range told.Told {
		out.Webhooks = append(out.Webhooks, h.ID)
	}
	if len(out.Webhooks) > 0 {
		out.Next += ". Its webhooks are told nothing any more: see them with rollcall webhook list; its person knows " +
			"their secrets, so one that you know goes on with rollcall webhook rotate " + out.Webhooks[0] +
			" and rollcall webhook enable " + out.Webhooks[0]
	}
	for _, p := range tokens {
		out.StillGood = append(out.StillGood, api.StillGood{
			Kind: "token", ID: p.ID, Name: p.Name, Scope: string(p.Scope), Command: "rollcall token revoke " + p.ID,
		})
	}
	if len(tokens) > 0 {
		out.Next += ". Credentials that were made with it are good still: if you trust none of them, rollcall token revoke " +
			out.TokenID + " --all-it-made ends them, and what was made with them"
	}
	for _, h := range told.Taken {
		out.StillGood = append(out.StillGood, api.StillGood{
			Kind: "webhook", ID: h.ID, Command: "rollcall webhook disable " + h.ID,
		})
	}
	for _, h := range told.Known {
		out.StillGood = append(out.StillGood, api.StillGood{
			Kind: "webhook_secret", ID: h.ID, Command: "rollcall webhook rotate " + h.ID,
		})
	}
}

func tokenOf(p people.Person, now time.Time) api.Token {
	return api.Token{
		TokenID: p.ID, Name: p.Name, Scope: string(p.Scope), Team: p.Team, CreatedAt: p.CreatedAt, CreatedBy: p.CreatedBy,
		ExpiresAt: p.ExpiresAt, Expired: !now.Before(p.ExpiresAt), UsedAt: p.UsedAt, UsedFrom: p.UsedFrom,
		RevokedAt: p.EndedAt,
	}
}
