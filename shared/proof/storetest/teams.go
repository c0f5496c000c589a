package storetest

import (
	"context"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// teams is what keeps a call to the team that it was admitted for.
func (c contract) teams(t T) {
	for moved, move := range movesAway {
		for name, act := range teamsActs {
			t.Run(name+" of one team is not done in another one, after: "+moved, func(t T) { c.teamHolds(t, act, move) })
		}
	}
	t.Run("a write of mail for a team is refused in another one", func(t T) {
		f, ms := c.withMail(t, 1)
		red, none := "red", ""
		inRed, inNone := delivery.MailboxUpdate{Team: &red}, delivery.MailboxUpdate{Team: &none}
		wantCode(t, c.write(t, ms[0], take(ms[0], 1), inRed), fault.Conflict)
		wantCode(t, c.WriteMessages(t.Context(), f.Life(), nil, inRed), fault.Conflict)
		must(t, c.WriteMessages(t.Context(), f.Life(), nil, inNone))
		c.change(t, f.ID, func(f *workspace.Facts) { f.Team = "red" })
		wantCode(t, c.write(t, ms[0], take(ms[0], 1), inNone), fault.Conflict)
		taken := take(ms[0], 1)
		must(t, c.write(t, ms[0], taken, inRed))
		again := taken
		again.Version++ // no counter moves
		c.change(t, f.ID, func(f *workspace.Facts) { f.Team = "blue" })
		wantCode(t, c.write(t, taken, again, inRed), fault.Conflict)
	})
}

// teamsActs are acts of an operator of the team red.
var teamsActs = func() map[string]func(context.Context, *registry.Registry, string) error {
	acts := map[string]func(context.Context, *registry.Registry, string) error{
		"resume": func(ctx context.Context, r *registry.Registry, id string) error {
			_, err := r.Hold(ctx, id, workspace.NoHold, anOperator, t0)
			return err
		},
		"dismiss": func(ctx context.Context, r *registry.Registry, id string) error {
			_, err := r.Dismiss(ctx, id, anOperator, t0)
			return err
		},
		"remove and purge": func(ctx context.Context, r *registry.Registry, id string) error {
			_, err := r.Hold(ctx, id, workspace.Removed, anOperator, t0)
			if err == nil {
				_, err = r.Purge(ctx, id, anOperator, t0)
			}
			return err
		},
		"adopt": func(ctx context.Context, r *registry.Registry, id string) error {
			in := registry.CreateInput{
				ID: id, Adopt: true, ResetCredentials: true, Force: true, OnlyTeam: "red", By: anOperator,
			}
			_, err := r.Create(ctx, in, t0)
			return err
		},
	}
	for _, name := range []string{"revoke", "remove", "pause", "repair", "rotate"} {
		acts[name] = operatorsActs[name]
	}
	return acts
}()

// movesAway are what takes a workspace of the team red to the team blue. shown is the credential that it shows.
var movesAway = map[string]func(context.Context, *registry.Registry, string) (shown string, err error){
	"an adoption": func(ctx context.Context, r *registry.Registry, id string) (string, error) {
		out, err := r.Create(ctx, registry.CreateInput{ID: id, Adopt: true, Team: "blue", By: anOperator}, t0)
		return out.AuthToken, err
	},
	"an adoption with new credentials": func(ctx context.Context, r *registry.Registry, id string) (string, error) {
		out, err := r.Create(ctx, registry.CreateInput{
			ID: id, Adopt: true, Team: "blue", ResetCredentials: true, Force: true, By: anOperator,
		}, t0)
		return out.AuthToken, err
	},
	"a removal, and another life": func(ctx context.Context, r *registry.Registry, id string) (string, error) {
		if _, err := r.Hold(ctx, id, workspace.Removed, anOperator, t0); err != nil &&
			fault.CodeOf(err) != fault.WorkspaceRemoved {
			return "", err
		}
		out, err := r.Create(ctx, registry.CreateInput{ID: id, Team: "blue", By: anOperator}, t0)
		return out.AuthToken, err
	},
}

// teamHolds plays what takes the workspace away before each call of the store that an act makes, in turn. Nothing of
// the act is written after that. At most it has taken precedence, which decides nothing by facts.
func (c contract) teamHolds(
	t T, act func(context.Context, *registry.Registry, string) error,
	move func(context.Context, *registry.Registry, string) (string, error),
) {
	reg, reached := c.registryOver(c.Store), true
	for turn := 1; reached; turn++ {
		id := uuid.NewString()
		_, err := reg.Create(t.Context(), registry.CreateInput{ID: id, Team: "red", By: anOperator}, t0)
		must(t, err)
		var after workspace.Facts
		shown, calls := "", 0
		came := false
		reached = false
		contended := &contendedLeases{Leases: c.Store, before: func() {
			if calls++; calls != turn {
				return
			}
			reached = true
			if shown, err = move(t.Context(), reg, id); fault.CodeOf(err) == fault.WorkspaceRemoved {
				return // the act has removed it: none adopts it any more
			}
			came = true
			must(t, err)
			after = c.read(t, id)
		}}
		err = act(registry.KeepToTeam(t.Context(), id, "red"), c.registryOver(registry.OneTeam{Leases: contended}), id)
		if !came {
			continue
		}
		if code := fault.CodeOf(err); code != "" && code != fault.WorkspaceUnknown && code != fault.OtherTeam {
			t.Fatalf("taken away before call %d of the store: %v", turn, err)
		}
		f := c.read(t, id)
		if shown != "" && !f.Accepts(token.Digest(shown)) {
			t.Fatalf("taken away before call %d of the store: what was shown then is not good", turn)
		}
		f.Version, f.PrecedenceUntil = after.Version, after.PrecedenceUntil
		same(t, after, f)
	}
}
