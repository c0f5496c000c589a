package storetest

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// precedence is Leases.Precede, and what it is for.
func (c contract) precedence(t T) {
	t.Run("who read before can't save any more, and signals go on", func(t T) {
		f := c.created(t)
		must(t, c.Precede(t.Context(), f.ID, t0.Add(time.Second)))
		next := f
		next.Version, next.MaxTasks = f.Version+1, 9
		wantCode(t, c.Save(t.Context(), f, next, registry.SaveExtras{}), fault.Conflict)
		want := f
		want.Version, want.PrecedenceUntil = f.Version+1, t0.Add(time.Second)
		same(t, want, c.read(t, f.ID))
		_, err := c.Renew(t.Context(), f.ID, hash("secret"), workspace.Signal{Kind: workspace.SignalCall, From: "a"}, t0)
		must(t, err)
	})
	t.Run("it is taken again, and nothing is made by it", func(t T) {
		f := c.created(t)
		for n := range 3 {
			until := t0.Add(time.Duration(n) * time.Second)
			must(t, c.Precede(t.Context(), f.ID, until))
			if got := c.read(t, f.ID); !got.PrecedenceUntil.Equal(until) || got.Version != f.Version+int64(n)+1 {
				t.Fatalf("%+v", got)
			}
		}
		nobody := uuid.NewString()
		wantCode(t, c.Precede(t.Context(), nobody, t0), fault.WorkspaceUnknown)
		_, err := c.Get(t.Context(), nobody)
		wantCode(t, err, fault.WorkspaceUnknown)
	})
	for act, end := range endings {
		for name, call := range thiefsCalls {
			t.Run(act+" is the last word on: "+name, func(t T) { c.endWins(t, end, call) })
		}
	}
	for name, act := range operatorsActs {
		t.Run("whoever has the credential does not hold up: "+name, func(t T) { c.actWins(t, act) })
	}
}

// operatorsActs are acts of an operator that read, decide and write.
var operatorsActs = map[string]func(context.Context, *registry.Registry, string) error{
	"revoke": func(ctx context.Context, r *registry.Registry, id string) error {
		_, _, err := r.Revoke(ctx, id, true, anOperator, t0)
		return err
	},
	"remove": func(ctx context.Context, r *registry.Registry, id string) error {
		_, err := r.Hold(ctx, id, workspace.Removed, anOperator, t0)
		return err
	},
	"pause": func(ctx context.Context, r *registry.Registry, id string) error {
		_, err := r.Hold(ctx, id, workspace.Paused, anOperator, t0)
		return err
	},
	"repair": func(ctx context.Context, r *registry.Registry, id string) error {
		_, err := r.Repair(ctx, registry.RepairInput{ID: id, Show: true, Force: true, By: anOperator}, t0)
		return err
	},
	"rotate": func(ctx context.Context, r *registry.Registry, id string) error {
		in := registry.RotateInput{ID: id, To: workspace.ToOperator, Force: true, By: anOperator}
		_, _, err := r.Rotate(ctx, in, t0)
		return err
	},
	"adopt": func(ctx context.Context, r *registry.Registry, id string) error {
		in := registry.CreateInput{ID: id, Adopt: true, ResetCredentials: true, Force: true, By: anOperator}
		_, err := r.Create(ctx, in, t0)
		return err
	},
	"move": func(ctx context.Context, r *registry.Registry, id string) error {
		_, err := r.Create(ctx, registry.CreateInput{ID: id, Adopt: true, Team: "red", By: anOperator}, t0)
		return err
	},
}

var anOperator = activity.Actor{Who: "operator"}

// actWins plays an act while whoever has the credential writes before each of its reads and writes. It ends within four
// saves, and takes precedence once.
func (c contract) actWins(t T, act func(context.Context, *registry.Registry, string) error) {
	thief := c.registryOver(c.Store)
	id := uuid.NewString()
	made, err := thief.Create(t.Context(), registry.CreateInput{ID: id, By: anOperator}, t0)
	must(t, err)
	calls, written := 0, 0
	writes := func() {
		calls++
		name := fmt.Sprint("n", calls)
		for _, err := range []error{
			errorOf(thief.Register(t.Context(), registry.Registration{
				ID: id, Credential: made.AuthToken, From: "a", CardName: name, Card: []byte(`{"name":"` + name + `"}`),
			}, t0)),
			errorOf(thief.SetCard(t.Context(), id, made.AuthToken, "a", name+"x", []byte(`{"name":"x"}`), t0)),
			thief.FailRegister(t.Context(), registry.Registration{ID: id, Credential: made.AuthToken, From: "a"},
				fault.New(fault.InvalidRequest, "%s", name), t0),
			func() error {
				_, _, err := thief.Rotate(t.Context(), registry.RotateInput{
					ID: id, To: workspace.ToAgent, Own: registry.Own{Credential: made.AuthToken, Life: made.Facts.Lives},
				}, t0)
				return err
			}(),
		} {
			switch fault.CodeOf(err) {
			case "":
				written++
			case fault.OperatorFirst, fault.InvalidRequest, fault.CredentialUnknown, fault.CredentialPending,
				fault.WorkspaceRemoved: // nothing was changed
			default:
				t.Fatalf("an agent's call: %v", err)
			}
		}
	}
	writes()
	before := written
	contended := &contendedLeases{Leases: c.Store, before: writes}
	reg := c.registryOver(contended)
	must(t, act(t.Context(), reg, id))
	if contended.saves > 4 || contended.precedes > 1 || before == 0 || written == before {
		t.Fatalf("%d saves, %d times precedence; the agent wrote %d times before and %d then", contended.saves,
			contended.precedes, before, written-before)
	}
	if f := c.read(t, id); !f.PrecedenceUntil.IsZero() {
		t.Fatalf("precedence stayed: %+v", f)
	}
}

func errorOf[V any](_ V, err error) error { return err }

// contendedLeases are leases before each call of which somebody else writes.
type contendedLeases struct {
	registry.Leases
	before          func()
	saves, precedes int
}

func (l *contendedLeases) Get(ctx context.Context, id string) (workspace.Facts, error) {
	l.before()
	return l.Leases.Get(ctx, id)
}

func (l *contendedLeases) Save(ctx context.Context, old, next workspace.Facts, extras registry.SaveExtras) error {
	l.before()
	l.saves++
	return l.Leases.Save(ctx, old, next, extras)
}

func (l *contendedLeases) Precede(ctx context.Context, id string, until time.Time) error {
	l.before()
	l.precedes++
	return l.Leases.Precede(ctx, id, until)
}

// registryOver is a registry of the store, over leases.
func (c contract) registryOver(leases registry.Leases) *registry.Registry {
	return &registry.Registry{
		Leases: leases, Profiles: c.Store, Owners: c.Store, Enrolments: c.Store, Fleets: c.Store, Wakeups: silent{},
		Guard: silent{}, StatusLog: silent{}, Policy: c.policy, Clock: silent{},
	}
}

// silent is what surrounds a registry, and does nothing. Its clock stands still.
type silent struct{}

func (silent) Send(context.Context, string, string, time.Duration) error { return nil }
func (silent) SendSlow(context.Context, string, string) error            { return nil }
func (silent) SendCallbacks(context.Context, string, string) error       { return nil }
func (silent) RecordCall(context.Context, workspace.Facts, time.Time)    {}
func (silent) Objection(string) string                                   { return "" }
func (silent) Now() time.Time                                            { return t0 }
func (silent) Random() float64                                           { return 0 }
func (silent) Sleep(ctx context.Context, _ time.Duration) error          { return ctx.Err() }
func (silent) Record(context.Context, workspace.Facts, workspace.Fleet, time.Time) (bool, error) {
	return false, nil
}

// endings are acts of an operator that end a workspace's credentials, or its life. Some show a new credential.
var endings = map[string]func(context.Context, *registry.Registry, string) (shown string, err error){
	"revoke": func(ctx context.Context, r *registry.Registry, id string) (string, error) {
		_, _, err := r.Revoke(ctx, id, true, anOperator, t0)
		return "", err
	},
	"repair": func(ctx context.Context, r *registry.Registry, id string) (string, error) {
		_, err := r.Repair(ctx, registry.RepairInput{ID: id, From: "b", Force: true, By: anOperator}, t0)
		return "", err
	},
	"repair --show": func(ctx context.Context, r *registry.Registry, id string) (string, error) {
		out, err := r.Repair(ctx, registry.RepairInput{ID: id, Show: true, Force: true, By: anOperator}, t0)
		return out.AuthToken, err
	},
	"adopt": func(ctx context.Context, r *registry.Registry, id string) (string, error) {
		in := registry.CreateInput{ID: id, Adopt: true, ResetCredentials: true, Force: true, By: anOperator}
		out, err := r.Create(ctx, in, t0)
		return out.AuthToken, err
	},
	"remove": func(ctx context.Context, r *registry.Registry, id string) (string, error) {
		_, err := r.Hold(ctx, id, workspace.Removed, anOperator, t0)
		return "", err
	},
	"remove and create": func(ctx context.Context, r *registry.Registry, id string) (string, error) {
		if _, err := r.Hold(ctx, id, workspace.Removed, anOperator, t0); err != nil {
			return "", err
		}
		out, err := r.Create(ctx, registry.CreateInput{ID: id, By: anOperator}, t0)
		return out.AuthToken, err
	},
}

// thiefsName is what a thief's call names the workspace.
const thiefsName = "the thief's"

// thiefsCalls are the calls with a credential that write more than that the agent lives. given is a new credential.
var thiefsCalls = map[string]func(context.Context, *registry.Registry, string, registry.Own) (given string, err error){
	"rotate": func(ctx context.Context, r *registry.Registry, id string, own registry.Own) (string, error) {
		_, given, err := r.Rotate(ctx, registry.RotateInput{ID: id, To: workspace.ToAgent, Own: own}, t0)
		return given, err
	},
	"a card": func(ctx context.Context, r *registry.Registry, id string, own registry.Own) (string, error) {
		return "", errorOf(r.SetCard(ctx, id, own.Credential, "a", thiefsName, []byte(`{"name":"x"}`), t0))
	},
	"register": func(ctx context.Context, r *registry.Registry, id string, own registry.Own) (string, error) {
		out, err := r.Register(ctx, registry.Registration{
			ID: id, Credential: own.Credential, From: "a", CardName: thiefsName, Card: []byte(`{"name":"x"}`),
		}, t0)
		return out.AuthToken, err
	},
}

// endWins plays an act that comes before each call of the store that a thief's call makes, in turn. Nothing that the
// thief has is good afterwards, what the operator was shown is, and a new life has nothing of the thief's.
func (c contract) endWins(
	t T, end func(context.Context, *registry.Registry, string) (string, error),
	call func(context.Context, *registry.Registry, string, registry.Own) (string, error),
) {
	reg, came := c.registryOver(c.Store), true
	for turn := 1; came; turn++ {
		id := uuid.NewString()
		made, err := reg.Create(t.Context(), registry.CreateInput{ID: id, By: anOperator}, t0)
		must(t, err)
		own := registry.Own{Credential: made.AuthToken, Life: made.Facts.Lives}
		_, err = reg.AuthenticateCall(t.Context(), id, own.Credential, "a", t0) // as each call is admitted
		must(t, err)
		shown, calls := "", 0
		came = false
		contended := &contendedLeases{Leases: c.Store, before: func() {
			if calls++; calls == turn {
				came = true
				shown, err = end(t.Context(), reg, id)
				must(t, err)
			}
		}}
		given, _ := call(t.Context(), c.registryOver(contended), id, own)
		if !came {
			break
		}
		f := c.read(t, id)
		for _, credential := range []string{own.Credential, given} {
			if credential != "" && f.Accepts(token.Digest(credential)) {
				t.Fatalf("the act came before call %d of the store: a credential of the thief's is good", turn)
			}
		}
		if shown != "" && !f.Accepts(token.Digest(shown)) {
			t.Fatalf("the act came before call %d of the store: what the operator was shown is not good", turn)
		}
		p, err := c.Profile(t.Context(), id)
		must(t, err)
		if f.Lives != own.Life && p.CardName == thiefsName {
			t.Fatalf("the act came before call %d of the store: the thief named the new life", turn)
		}
	}
}
