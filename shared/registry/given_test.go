package registry_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// gift is what a person gives with which an agent gets in: a credential, an enrolment token, or with neither a window.
type gift struct{ credential, enrolment string }

// gives are the ways in which a person has somebody let in as the workspace w.
var gives = map[string]func(context.Context, *registry.Registry, activity.Actor) (gift, error){
	"repair": func(ctx context.Context, r *registry.Registry, by activity.Actor) (gift, error) {
		_, err := r.Repair(ctx, registry.RepairInput{ID: "w", Force: true, By: by}, t0)
		return gift{}, err
	},
	"repair --from": func(ctx context.Context, r *registry.Registry, by activity.Actor) (gift, error) {
		_, err := r.Repair(ctx, registry.RepairInput{ID: "w", From: address, Force: true, By: by}, t0)
		return gift{}, err
	},
	"repair --anyone": func(ctx context.Context, r *registry.Registry, by activity.Actor) (gift, error) {
		_, err := r.Repair(ctx, registry.RepairInput{ID: "w", Anyone: true, Force: true, By: by}, t0)
		return gift{}, err
	},
	"repair --show": func(ctx context.Context, r *registry.Registry, by activity.Actor) (gift, error) {
		out, err := r.Repair(ctx, registry.RepairInput{ID: "w", Show: true, Force: true, By: by}, t0)
		return gift{credential: out.AuthToken}, err
	},
	"rotate, shown": func(ctx context.Context, r *registry.Registry, by activity.Actor) (gift, error) {
		_, text, err := r.Rotate(ctx, registry.RotateInput{ID: "w", To: workspace.ToOperator, By: by}, t0)
		return gift{credential: text}, err
	},
	"adopt --reset-credentials": func(ctx context.Context, r *registry.Registry, by activity.Actor) (gift, error) {
		out, err := r.Create(ctx, registry.CreateInput{
			ID: "w", Adopt: true, ResetCredentials: true, Force: true, By: by,
		}, t0)
		return gift{credential: out.AuthToken}, err
	},
	"enrol w": func(ctx context.Context, r *registry.Registry, by activity.Actor) (gift, error) {
		text, _, err := r.Enrol(ctx, "w", 5, 24*time.Hour, by, t0)
		return gift{enrolment: text}, err
	},
}

// uses are the calls with which an agent gets in by what it was given.
var uses = map[string]func(a *agent, g gift, now time.Time) fault.Code{
	"a register": func(a *agent, g gift, now time.Time) fault.Code { return a.register("w", g.enrolment, now) },
	"a heartbeat": func(a *agent, g gift, now time.Time) fault.Code {
		return a.signals(workspace.SignalHeartbeat, g, now)
	},
	"a poll": func(a *agent, g gift, now time.Time) fault.Code { return a.signals(workspace.SignalPoll, g, now) },
	"any call": func(a *agent, g gift, now time.Time) fault.Code {
		return a.signals(workspace.SignalCall, g, now)
	},
	"an inspection": func(a *agent, g gift, now time.Time) fault.Code {
		if a.token == "" {
			return a.register("w", g.enrolment, now)
		}
		_, _, err := a.r.InspectCredential(a.t.Context(), a.token, now)
		return fault.CodeOf(err)
	},
}

// signals makes a call of an agent, which registers first if it has no credential.
func (a *agent) signals(kind workspace.SignalKind, g gift, now time.Time) fault.Code {
	if a.token == "" {
		if code := a.register("w", g.enrolment, now); code != "" {
			return code
		}
	}
	_, err := a.r.Signal(a.t.Context(), "w", a.token, workspace.Signal{Kind: kind, From: address}, now)
	return fault.CodeOf(err)
}

// called is a registry with a workspace w, whose agent has called and then fallen silent.
func called(t *testing.T) (r *registry.Registry, a *agent) {
	t.Helper()
	r = deployed()
	made, err := r.Create(t.Context(), registry.CreateInput{ID: "w", By: operator}, t0.Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	a = &agent{t: t, r: r, token: made.AuthToken}
	if code := a.register("w", "", t0.Add(-time.Hour)); code != "" {
		t.Fatal(code)
	}
	return r, a
}

// fates are what becomes of the credential of a person after it was used to give something, and whether what it gave
// ends with it.
var fates = map[string]struct {
	ends  bool
	after time.Duration // when the gift is used
	come  func(ctx context.Context, all *people.People, id string) error
}{
	"nothing":    {},
	"it expires": {after: 2 * time.Minute},
	"it is revoked": {ends: true, come: func(ctx context.Context, all *people.People, id string) error {
		_, _, err := all.Revoke(ctx, id, operator, t0)
		return err
	}},
	"it is revoked and forgotten": {ends: true, come: func(ctx context.Context, all *people.People, id string) error {
		_, _, err := all.Revoke(ctx, id, operator, t0)
		return errors.Join(err, all.Forget(ctx, id))
	}},
	"it expires and is revoked": {
		ends: true, after: 2 * time.Minute, come: func(ctx context.Context, all *people.People, id string) error {
			_, _, err := all.Revoke(ctx, id, operator, t0.Add(2*time.Minute))
			return errors.Join(err, all.Forget(ctx, id))
		},
	},
	"another one's is revoked": {come: func(ctx context.Context, all *people.People, _ string) error {
		_, p, err := all.Create(ctx, people.Grant{Name: "ana", Scope: people.Admin, Lasts: time.Hour}, operator, t0)
		if err != nil {
			return err
		}
		_, _, err = all.Revoke(ctx, p.ID, operator, t0)
		return err
	}},
}

// person makes a person's credential that is good for a minute.
func person(t *testing.T, r *registry.Registry) (*people.People, people.Person) {
	t.Helper()
	store := r.Enrolments.(*memory.Store)
	all := &people.People{Store: store, Audit: store}
	grant := people.Grant{Name: "ana", Scope: people.Operate, Lasts: time.Minute}
	_, made, err := all.Create(t.Context(), grant, operator, t0)
	if err != nil {
		t.Fatal(err)
	}
	return all, made
}

// What lets in, and let nobody in so far, ends with the credential of the person who gave it, whichever way it was
// given, and whichever call uses it. It ends with no other credential, and not with one that only expires. What the
// root gave does not end.
func TestWhatLetsInEndsWithItsGiver(t *testing.T) {
	for given, give := range gives {
		for used, use := range uses {
			for fate, f := range fates {
				for _, root := range []bool{false, true} {
					r, _ := called(t)
					all, ana := person(t, r)
					by := activity.Actor{Who: ana.Actor()}
					if root {
						by = activity.Actor{Who: "root rco_abcdefgh"}
					}
					g, err := give(t.Context(), r, by)
					if err != nil {
						t.Fatal(given, err)
					}
					if f.come != nil {
						if err := f.come(t.Context(), all, ana.ID); err != nil {
							t.Fatal(fate, err)
						}
					}
					code := use(&agent{t: t, r: r, token: g.credential}, g, t0.Add(f.after))
					if refused := code != ""; refused != (f.ends && !root) {
						t.Errorf("%s, %s, root is %v: %s is answered %q", given, fate, root, used, code)
					}
				}
			}
		}
	}
}

// What lets in, and let nobody in so far, ends when the workspace goes to another team than the person's who gave it,
// and is good again when it comes back. It does not end for a person who is bound to no team.
func TestWhatLetsInEndsWhenItsWorkspaceLeavesTheTeam(t *testing.T) {
	for given, give := range gives {
		for used, use := range uses {
			for _, c := range []struct {
				bound string
				moves []string
				ends  bool
			}{
				{"red", nil, false},
				{"red", []string{"blue"}, true},
				{"red", []string{"blue", "red"}, false},
				{"", []string{"blue"}, false},
			} {
				r, _ := called(t)
				move := func(team string) {
					t.Helper()
					in := registry.CreateInput{ID: "w", Adopt: true, Team: team, By: operator}
					if _, err := r.Create(t.Context(), in, t0); err != nil {
						t.Fatal(err)
					}
				}
				move("red")
				store := r.Enrolments.(*memory.Store)
				all := &people.People{Store: store, Audit: store}
				grant := people.Grant{Name: "ana", Scope: people.Operate, Team: c.bound, Lasts: time.Minute}
				_, ana, err := all.Create(t.Context(), grant, operator, t0)
				if err != nil {
					t.Fatal(err)
				}
				g, err := give(t.Context(), r, activity.Actor{Who: ana.Actor()})
				if err != nil {
					t.Fatal(given, err)
				}
				for _, team := range c.moves {
					move(team)
				}
				code := use(&agent{t: t, r: r, token: g.credential}, g, t0)
				if refused := code != ""; refused != c.ends {
					t.Errorf("%s, %+v: %s is answered %q", given, c, used, code)
				}
			}
		}
	}
}

// Who was let in stays: what lets in has done it, and its agent has mail.
func TestWhoWasLetInStays(t *testing.T) {
	for given, give := range gives {
		r, _ := called(t)
		all, ana := person(t, r)
		g, err := give(t.Context(), r, activity.Actor{Who: ana.Actor()})
		if err != nil {
			t.Fatal(given, err)
		}
		in := &agent{t: t, r: r, token: g.credential}
		if code := in.signals(workspace.SignalHeartbeat, g, t0); code != "" {
			t.Fatal(given, code)
		}
		if _, _, err := all.Revoke(t.Context(), ana.ID, operator, t0); err != nil {
			t.Fatal(err)
		}
		for used, use := range uses {
			if code := use(in, gift{}, t0); code != "" {
				t.Errorf("%s: %s is answered %q", given, used, code)
			}
		}
	}
}

// A rotation by somebody who was revoked since leaves the agent its credential.
func TestARevokedRotationLeavesTheAgentItsCredential(t *testing.T) {
	r, a := called(t)
	all, ana := person(t, r)
	by := activity.Actor{Who: ana.Actor()}
	if _, err := gives["rotate, shown"](t.Context(), r, by); err != nil {
		t.Fatal(err)
	}
	if _, _, err := all.Revoke(t.Context(), ana.ID, operator, t0); err != nil {
		t.Fatal(err)
	}
	for used, use := range uses {
		if code := use(a, gift{}, t0); code != "" {
			t.Errorf("%s is answered %q", used, code)
		}
	}
}

// countingPeople counts the reads of people.
type countingPeople struct {
	registry.Enrolments
	reads int
}

func (c *countingPeople) Person(ctx context.Context, id string) (people.Person, error) {
	c.reads++
	return c.Enrolments.Person(ctx, id)
}

// Only a call that gets in by what a person gave reads the person: once, and never what a stranger calls.
func TestTheGiverIsReadOnlyWhereItMatters(t *testing.T) {
	for given, give := range gives {
		r, _ := called(t)
		_, ana := person(t, r)
		g, err := give(t.Context(), r, activity.Actor{Who: ana.Actor()})
		if err != nil {
			t.Fatal(given, err)
		}
		counting := &countingPeople{Enrolments: r.Enrolments}
		r.Enrolments = counting
		wanted := func(want int, what string) {
			t.Helper()
			if counting.reads != want {
				t.Errorf("%s: %s: the person was read %d times, not %d", given, what, counting.reads, want)
			}
		}
		if given != "repair --anyone" {
			stranger := registry.Registration{ID: "w", Credential: "x", From: "6.6.6.6"}
			if _, err := r.Register(t.Context(), stranger, t0); err == nil {
				t.Fatal(given, "a stranger is let in")
			}
			wanted(0, "a stranger")
		}
		in := &agent{t: t, r: r, token: g.credential}
		if code := in.register("w", g.enrolment, t0); code != "" {
			t.Fatal(given, code)
		}
		wanted(1, "the register that gets in")
		for range 3 {
			if in.register("w", "", t0) != "" || in.heartbeat("w", t0) != "" {
				t.Fatal(given, "the agent is refused")
			}
		}
		wanted(1, "all calls after it")
	}
}

// A repair keeps no window, and trusts no address, of somebody who was revoked since: neither while the window is open
// nor after it.
func TestARepairDoesNotGoOnWithARevokedOnesWindow(t *testing.T) {
	thief := "6.6.6.6"
	for name, in := range map[string]registry.RepairInput{
		"a plain repair": {}, "as the verdict said": {From: thief, Told: true},
	} {
		for _, after := range []time.Duration{time.Minute, time.Hour} {
			for _, revoked := range []bool{false, true} {
				r, _ := called(t)
				all, ana := person(t, r)
				by := activity.Actor{Who: ana.Actor()}
				if _, err := r.Repair(t.Context(), registry.RepairInput{ID: "w", From: thief, By: by}, t0); err != nil {
					t.Fatal(err)
				}
				if revoked {
					if _, _, err := all.Revoke(t.Context(), ana.ID, operator, t0); err != nil {
						t.Fatal(err)
					}
				}
				in.ID, in.By = "w", operator
				out, err := r.Repair(t.Context(), in, t0.Add(after))
				if refused := fault.CodeOf(err) == fault.RepairAddressUnknown; refused != revoked {
					t.Errorf("%s, %s later, revoked is %v: %v, a window for %q", name, after, revoked, err,
						out.Facts.BootstrapFrom)
				}
			}
		}
	}
}
