package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/webhook"
)

// called makes a call as a person, and reads its answer into out, if it succeeds.
func called(
	t *testing.T, env *app.Env, op *api.Operation, by, id, body string, out any,
) events.APIGatewayV2HTTPResponse {
	t.Helper()
	path := map[string]string{"token_id": id, "webhook_id": id, "id": id}
	resp := fixture.CallWith(t, env, endpoints(env), op, path, by, body)
	if resp.StatusCode < http.StatusBadRequest && out != nil {
		if err := json.Unmarshal([]byte(resp.Body), out); err != nil {
			t.Fatal(resp.Body, err)
		}
	}
	return resp
}

// aHook is a webhook to make, at a URL that no other one has.
func aHook() string { return `{"url":"https://hooks.example.com/` + uuid.NewString() + `"}` }

// rivalled is the store of webhooks, of which whoever holds a credential rotates the secret each time that one is read:
// as long as the credential is good.
type rivalled struct {
	webhook.Store
	people people.Store
	holder string // public id
}

func (r rivalled) Hook(ctx context.Context, id string) (webhook.Hook, error) {
	h, err := r.Store.Hook(ctx, id)
	p, gone := r.people.Person(ctx, r.holder)
	if err != nil || gone != nil || !p.EndedAt.IsZero() {
		return h, err
	}
	rotated := h
	rotated.Version++
	return h, r.Store.SaveHook(ctx, rotated, nil)
}

// A credential does not keep itself from being revoked by what it does to its webhooks meanwhile.
func TestNoHolderHoldsUpItsRevocation(t *testing.T) {
	env := fixture.Env(t)
	admin, thief := fixture.Person(t, env, people.Admin, ""), fixture.Person(t, env, people.Operate, "")
	called(t, env, api.CreateWebhook.Operation, thief, "", aHook(), nil)
	env.Webhooks.Store = rivalled{env.Webhooks.Store, env.People.Store, token.PublicID(thief)}
	var out api.RevokedToken
	resp := called(t, env, api.RevokeToken.Operation, admin, token.PublicID(thief), "", &out)
	if resp.StatusCode != http.StatusOK || len(out.Webhooks) != 1 || len(out.NotEnded) > 0 {
		t.Error(resp.Body)
	}
}

// failing are the stores of people, of webhooks and of the audit trail, of whose calls some fail.
type failing struct {
	mu             sync.Mutex
	calls, failsAt int // from 1
	forEver        bool
}

func (f *failing) fail() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.calls++; f.calls == f.failsAt || f.forEver && f.failsAt > 0 && f.calls > f.failsAt {
		return fault.Store("test", errors.New("it fails"))
	}
	return nil
}

type failingPeople struct {
	people.Store
	*failing
}

func (f failingPeople) EndPerson(
	ctx context.Context, id string, by activity.Actor, at time.Time,
) (people.Person, error) {
	if err := f.fail(); err != nil {
		return people.Person{}, err
	}
	return f.Store.EndPerson(ctx, id, by, at)
}

func (f failingPeople) People(ctx context.Context) ([]people.Person, error) {
	if err := f.fail(); err != nil {
		return nil, err
	}
	return f.Store.People(ctx)
}

func (f failingPeople) RemovePerson(ctx context.Context, id string) error {
	if err := f.fail(); err != nil {
		return err
	}
	return f.Store.RemovePerson(ctx, id)
}

type failingHooks struct {
	webhook.Store
	*failing
}

func (f failingHooks) Hooks(ctx context.Context) ([]webhook.Hook, error) {
	if err := f.fail(); err != nil {
		return nil, err
	}
	return f.Store.Hooks(ctx)
}

func (f failingHooks) Hook(ctx context.Context, id string) (webhook.Hook, error) {
	if err := f.fail(); err != nil {
		return webhook.Hook{}, err
	}
	return f.Store.Hook(ctx, id)
}

func (f failingHooks) SaveHook(ctx context.Context, h webhook.Hook, by *activity.AuditEntry) error {
	if err := f.fail(); err != nil {
		return err
	}
	return f.Store.SaveHook(ctx, h, by)
}

type failingAudit struct {
	activity.Log
	*failing
}

func (f failingAudit) AddRow(ctx context.Context, row activity.Row) error {
	if err := f.fail(); err != nil {
		return err
	}
	return f.Log.AddRow(ctx, row)
}

// Wherever a revocation breaks off, either nothing has happened or the credential has ended, and the same call finishes
// it: its webhooks are told nothing, and the audit trail has one line.
func TestARevocationThatBreaksOffIsFinishedByARepeat(t *testing.T) {
	for failsAt, done := 1, false; !done; failsAt++ {
		for _, forEver := range []bool{false, true} {
			env := fixture.Env(t)
			admin, gone := fixture.Person(t, env, people.Admin, ""), fixture.Person(t, env, people.Admin, "")
			for range 3 {
				called(t, env, api.CreateWebhook.Operation, gone, "", aHook(), nil)
			}
			called(t, env, api.CreateToken.Operation, gone, "", `{"name":"bob","scope":"view"}`, nil)
			makeExpired(t, env, gone, 3)
			f := &failing{failsAt: failsAt, forEver: forEver}
			persons, hooks, audit := env.People.Store, env.Webhooks.Store, env.People.Audit
			env.People.Store, env.Webhooks.Store = failingPeople{persons, f}, failingHooks{hooks, f}
			env.People.Audit = failingAudit{audit, f}
			id := token.PublicID(gone)
			var first, out api.RevokedToken
			resp := called(t, env, api.RevokeToken.Operation, admin, id, "", &first)
			p, err := persons.Person(t.Context(), id)
			switch ended := err != nil || !p.EndedAt.IsZero(); {
			case ended != (resp.StatusCode == http.StatusOK) || !ended && failsAt != 1:
				t.Errorf("at %d: %d, and it has ended: %v", failsAt, resp.StatusCode, ended)
			case ended && (err == nil) != (len(first.NotEnded) > 0):
				t.Errorf("at %d: %s, but of its record: %v", failsAt, resp.Body, err)
			case ended && called(t, env, api.CreateWebhook.Operation, gone, "", aHook(), nil).StatusCode < 400:
				t.Errorf("at %d: it is good still", failsAt)
			}
			done = f.calls < failsAt
			f.failsAt = 0
			if err == nil {
				resp = called(t, env, api.RevokeToken.Operation, admin, id, "", &out)
			} else {
				out = first
			}
			if resp.StatusCode != http.StatusOK || len(out.NotEnded) > 0 || len(out.Webhooks) != 3 ||
				len(out.StillGood) != 1 {
				t.Errorf("at %d, repeated: %s", failsAt, resp.Body)
			}
			isFinished(t, env, id)
		}
	}
}

// makeExpired makes credentials with another one that have expired.
func makeExpired(t *testing.T, env *app.Env, maker string, n int) {
	t.Helper()
	p, err := env.People.Store.Person(t.Context(), token.PublicID(maker))
	for range n {
		if err == nil {
			_, _, err = env.People.Create(t.Context(), people.Grant{Name: "old", Scope: people.View, Lasts: time.Minute},
				activity.Actor{Who: p.Actor()}, env.Clock.Now().Add(-time.Hour))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

func isFinished(t *testing.T, env *app.Env, id string) {
	t.Helper()
	all, err := env.Webhooks.Store.Hooks(t.Context())
	for _, h := range all {
		if h.DisabledAt.IsZero() {
			t.Errorf("%+v", h)
		}
	}
	persons, unread := env.People.Store.People(t.Context())
	for _, p := range persons {
		if slices.Contains(p.Makers, id) && !env.Clock.Now().Before(p.ExpiresAt) {
			t.Errorf("%+v, %v", p, unread)
		}
	}
	trail, failed := env.Activity.AuditTrail(t.Context(), activity.Platform, "", 100)
	lines := 0
	for _, row := range trail {
		if row.Method == "token_revoked" && strings.Contains(row.Summary, id) {
			lines++
		}
	}
	if _, gone := env.People.Store.Person(t.Context(), id); lines != 1 || fault.CodeOf(gone) != fault.TokenUnknown {
		t.Errorf("%d lines in the audit trail, record: %v, %v", lines, gone, errors.Join(err, failed))
	}
}

// late is the store of people of a function that has read a credential just before it was revoked, and that ends it as
// soon as an act has been done with it.
type late struct {
	people.Store
	good people.Person
	asks int
}

func (l *late) Person(ctx context.Context, id string) (people.Person, error) {
	if l.asks++; l.asks == 1 && id == l.good.ID {
		return l.good, nil
	}
	return l.Store.Person(ctx, id)
}

// What is made with a credential in the seconds in which a function takes it for good still is shown to nobody, and a
// webhook of it is told nothing.
func TestWhatIsMadeInTheLastSecondsIsKeptBack(t *testing.T) {
	for op, body := range map[*api.Operation]string{
		api.CreateToken.Operation:     `{"name":"c","scope":"admin"}`,
		api.CreateWebhook.Operation:   aHook(),
		api.CreateWorkspace.Operation: `{"id":"w"}`,
		api.CreateEnrolment.Operation: `{}`,
	} {
		env := fixture.Env(t)
		gone := fixture.Person(t, env, people.Admin, "")
		good, err := env.People.Store.Person(t.Context(), token.PublicID(gone))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err = env.People.Revoke(t.Context(), good.ID, activity.Actor{Who: "ana"}, env.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		store := env.People.Store
		env.People.Store = &late{Store: store, good: good}
		resp := called(t, env, op, gone, "", body, nil)
		if resp.StatusCode != http.StatusUnauthorized || strings.Contains(resp.Body, "_token") ||
			strings.Contains(resp.Body, "whsec_") || strings.Contains(resp.Body, "rcp_") {
			t.Errorf("%s: %d %s", op.Route, resp.StatusCode, resp.Body)
		}
		if hooks, err := env.Webhooks.Store.Hooks(t.Context()); err != nil || len(hooks) > 0 {
			t.Errorf("%+v, %v", hooks, err)
		}
	}
}
