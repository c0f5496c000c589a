package main

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rollcall/rollcall/shared/api"
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
// credentials that descend from it (people.MadeBy). Those of them that are over end like itself, as what was made with
// them may be good still. Enrolment tokens end by themselves (registry.Enrolments). What fails after the credential has
// ended is named, and the same call goes on with it: the record stays until all is done.
func revokeToken(
	all *people.People, hooks *webhook.Service,
) func(context.Context, httpapi.Call, api.TokenPath) (api.RevokedToken, error) {
	return func(ctx context.Context, c httpapi.Call, in api.TokenPath) (api.RevokedToken, error) {
		out := api.RevokedToken{
			TokenID: in.TokenID, Status: "revoked", Webhooks: []string{}, StillGood: []api.StillGood{},
			NotEnded: []api.NotEnded{},
			Next:     stillIn,
		}
		was, ended, err := all.Revoke(ctx, in.TokenID, actor(c), c.Now)
		if !ended {
			return out, err
		}
		out.Name = was.Name
		left := func(kind, id string, failed error) {
			if failed != nil {
				out.NotEnded = append(out.NotEnded, api.NotEnded{Kind: kind, ID: id})
			}
		}
		left("audit_line", "", err)
		good, over, err := all.MadeBy(ctx, was, c.Now)
		left("tokens", "", err)
		errs := together(over, func(one people.Person) error {
			if !one.EndedAt.IsZero() {
				return nil
			}
			_, _, err := all.Revoke(ctx, one.ID, actor(c), c.Now)
			return err
		})
		for i, err := range errs {
			left("token", over[i].ID, err)
		}
		told, err := hooks.EndOf(ctx, actors(append(over, was)), actor(c))
		left("webhooks", "", err)
		for _, h := range told.Left {
			out.NotEnded = append(out.NotEnded, api.NotEnded{Kind: "webhook", ID: h.ID})
		}
		name(&out, good, told)
		// The credential itself is forgotten last: a repeat finds the others by it.
		for _, some := range [][]people.Person{over, {was}} {
			if len(out.NotEnded) > 0 {
				break
			}
			for i, err := range together(some, func(one people.Person) error { return all.Forget(ctx, one.ID) }) {
				left("token", some[i].ID, err)
			}
		}
		if len(out.NotEnded) > 0 {
			out.Next = "the credential has ended, but not all that ends with it: repeat rollcall token revoke " + was.ID +
				". " + out.Next
		}
		return out, nil
	}
}

// stillIn says who gets in after a revocation.
const stillIn = "its enrolment tokens, its repairs' windows and the unused credentials that repair, rotate and adopt " +
	"showed it let nobody in any more; an agent that they let in stays"

// atOnce is how many credentials are written at a time.
const atOnce = 10

// together does something with each, atOnce of them at a time, and gives the error of each.
func together(all []people.Person, do func(people.Person) error) []error {
	errs := make([]error, len(all))
	var g errgroup.Group
	g.SetLimit(atOnce)
	for i, one := range all {
		g.Go(func() error {
			errs[i] = do(one)
			return nil
		})
	}
	_ = g.Wait() // each has its own error
	return errs
}

// actors are people as the audit trail has them.
func actors(all []people.Person) (out []string) {
	for _, one := range all {
		out = append(out, one.Actor())
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
