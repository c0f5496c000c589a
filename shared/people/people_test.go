package people_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

var (
	t0   = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	root = activity.Actor{Who: "root rco_x", From: "10.0.0.9"}
)

// counting counts reads and notes of use.
type counting struct {
	people.Store
	reads, uses int
}

func (c *counting) Person(ctx context.Context, id string) (people.Person, error) {
	c.reads++
	return c.Store.Person(ctx, id)
}

func (c *counting) NotePersonUse(ctx context.Context, id, from string, at time.Time) error {
	c.uses++
	return c.Store.NotePersonUse(ctx, id, from, at)
}

func world() (*people.People, *counting, *memory.Store) {
	store := memory.NewStore(workspace.DefaultPolicy())
	counted := &counting{Store: store}
	return &people.People{Store: counted, Audit: store}, counted, store
}

func ana(t *testing.T, p *people.People) (string, people.Person) {
	t.Helper()
	text, made, err := p.Create(t.Context(),
		people.Grant{Name: "ana", Scope: people.Operate, Lasts: time.Hour}, root, t0)
	if err != nil {
		t.Fatal(err)
	}
	return text, made
}

func TestACredentialIsFoundWithOneReadAndCachedForSeconds(t *testing.T) {
	p, counted, store := world()
	text, made := ana(t, p)
	for range 100 {
		found, err := p.Find(t.Context(), text, "10.0.0.1", t0)
		if err != nil || found.Name != "ana" || found.Scope != people.Operate {
			t.Fatalf("%+v, %v", found, err)
		}
	}
	if counted.reads != 1 || counted.uses != 1 {
		t.Errorf("%d reads, %d notes of use", counted.reads, counted.uses)
	}
	if _, err := p.Find(t.Context(), text, "10.0.0.1", t0.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if counted.reads != 2 || counted.uses != 1 {
		t.Errorf("a minute later: %d reads, %d notes of use", counted.reads, counted.uses)
	}
	stored, err := store.Person(t.Context(), made.ID)
	if err != nil || !stored.UsedAt.Equal(t0) || stored.UsedFrom != "10.0.0.1" {
		t.Errorf("%+v, %v", stored, err)
	}
}

// Another function's cache is the one that a revocation does not reach.
func TestARevokedCredentialEndsWithinSeconds(t *testing.T) {
	p, _, store := world()
	text, made := ana(t, p)
	elsewhere := &people.People{Store: store, Audit: store}
	if _, err := elsewhere.Find(t.Context(), text, "a", t0); err != nil {
		t.Fatal(err)
	}
	if _, ended, err := p.Revoke(t.Context(), made.ID, root, t0); err != nil || !ended {
		t.Fatal(ended, err)
	}
	if err := elsewhere.Still(t.Context(), text, t0); fault.CodeOf(err) != fault.CredentialUnknown {
		t.Errorf("an act elsewhere: %v", err)
	}
	if _, err := p.Find(t.Context(), text, "a", t0); fault.CodeOf(err) != fault.CredentialUnknown {
		t.Errorf("here: %v", err)
	}
	_, err := elsewhere.Find(t.Context(), text, "a", t0.Add(5*time.Second))
	if fault.CodeOf(err) != fault.CredentialUnknown {
		t.Errorf("elsewhere: %v", err)
	}
	again, ended, err := p.Revoke(t.Context(), made.ID, activity.Actor{Who: "bo"}, t0.Add(time.Second))
	if err != nil || !ended || again.EndedBy != root || !again.EndedAt.Equal(t0) {
		t.Errorf("twice: %+v, %v", again, err)
	}
	trail, err := store.AuditTrail(t.Context(), activity.Platform, "", 10)
	if lines := slices.DeleteFunc(trail, func(r activity.Row) bool { return r.Method != "token_revoked" }); err != nil ||
		len(lines) != 1 || lines[0].SourceID != root.Who {
		t.Errorf("%+v, %v", lines, err)
	}
	if err = p.Forget(t.Context(), made.ID); err != nil {
		t.Error(err)
	}
	if _, _, err = p.Revoke(t.Context(), made.ID, root, t0); fault.CodeOf(err) != fault.TokenUnknown {
		t.Errorf("when it is forgotten: %v", err)
	}
}

// Whose credential has expired is told to get one for that name again; of one that is nobody's, no name is known.
func TestTheHintNamesWhoseCredentialItIs(t *testing.T) {
	p, _, _ := world()
	text, made, err := p.Create(t.Context(),
		people.Grant{Name: "eve", Scope: people.View, Lasts: time.Hour}, root, t0)
	if err != nil {
		t.Fatal(err)
	}
	for credential, want := range map[string]string{
		text: "--name eve --scope view,", text[:len(text)-1]: "--name NAME --scope operate,",
	} {
		_, err := p.Find(t.Context(), credential, "a", made.ExpiresAt)
		refused, ok := errors.AsType[*fault.Error](err)
		if !ok || !strings.Contains(refused.Hint, want) {
			t.Errorf("%v, %+v: want %q", err, refused, want)
		}
	}
}

func TestWhatIsNoPersonsIsRefused(t *testing.T) {
	p, counted, _ := world()
	text, made := ana(t, p)
	if _, err := p.Find(t.Context(), text, "a", made.ExpiresAt); fault.CodeOf(err) != fault.CredentialExpired {
		t.Errorf("expired: %v", err)
	}
	reads := counted.reads
	agents, _ := token.Mint(token.Workspace)
	for _, bad := range []string{"", "garbage", agents, text[:len(text)-1]} {
		if _, err := p.Find(t.Context(), bad, "a", t0); fault.CodeOf(err) != fault.CredentialUnknown {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if counted.reads != reads {
		t.Errorf("what can't be a person's was asked for %d times", counted.reads-reads)
	}
	unknown, _ := token.Mint(token.Person)
	if _, err := p.Find(t.Context(), unknown, "a", t0); fault.CodeOf(err) != fault.CredentialUnknown {
		t.Errorf("of nobody: %v", err)
	}
}

// The public id of a credential is no secret: who knows it and guesses at the rest is nobody.
func TestAGuessAtASecretIsRefused(t *testing.T) {
	p, counted, store := world()
	guess, _ := token.Mint(token.Person)
	_, hash := token.Mint(token.Person)
	err := store.AddPerson(t.Context(), people.Person{
		ID: token.PublicID(guess), Name: "ana", Scope: people.Admin, Hash: hash, ExpiresAt: t0.Add(time.Hour),
	}, activity.AuditEntry{Actor: root, Action: "token_created", At: t0})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time from the cache
		if found, err := p.Find(t.Context(), guess, "a", t0); fault.CodeOf(err) != fault.CredentialUnknown {
			t.Errorf("%+v, %v", found, err)
		}
	}
	if counted.reads != 1 {
		t.Errorf("%d reads", counted.reads)
	}
}

func TestAGrantIsBounded(t *testing.T) {
	p, _, _ := world()
	good := people.Grant{Name: "ana", Scope: people.View, Lasts: time.Hour}
	for name, change := range map[string]func(*people.Grant){
		"no name":        func(g *people.Grant) { g.Name = " " },
		"a long name":    func(g *people.Grant) { g.Name = strings.Repeat("x", people.MaxName+1) },
		"a control":      func(g *people.Grant) { g.Name = "a\x1b[31m" },
		"a direction":    func(g *people.Grant) { g.Name = "a\u202eb" },
		"no scope":       func(g *people.Grant) { g.Scope = "" },
		"another scope":  func(g *people.Grant) { g.Scope = "root" },
		"for an instant": func(g *people.Grant) { g.Lasts = 0 },
		"for ever":       func(g *people.Grant) { g.Lasts = people.MaxLife + time.Second },
	} {
		g := good
		change(&g)
		if _, _, err := p.Create(t.Context(), g, root, t0); fault.CodeOf(err) != fault.InvalidRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
	if all, _ := p.Store.People(t.Context()); len(all) > 0 {
		t.Errorf("made all the same: %+v", all)
	}
}

// A name is one word, which shows all that it has and reads as no command and no quotation.
func TestANameIsOneWord(t *testing.T) {
	long := strings.Repeat("x", people.MaxName)
	for name, want := range map[string]fault.Code{
		"ana": "", "ana.maria@example.com": "", "ci-pipeline_2+a": "", "आना": "", "ana\u0301": "", "أنا": "",
		"山":                                 "",
		long:                                "",
		long + "x":                          fault.InvalidRequest,
		"bo rollcall token revoke 3qjksm2e": fault.InvalidRequest, "bo\u3000ana": fault.InvalidRequest,
		"bo\u2800ana": fault.InvalidRequest, "bo\u3164ana": fault.InvalidRequest, "bo\u115fana": fault.InvalidRequest,
		"bo\uffa0ana": fault.InvalidRequest, "bo\u034fana": fault.InvalidRequest, "bo\ufe0f": fault.InvalidRequest,
		"bo\u00a0ana": fault.InvalidRequest, "bo\u200dana": fault.InvalidRequest, "bo\nana": fault.InvalidRequest,
		"“bo”": fault.InvalidRequest, `"bo"`: fault.InvalidRequest, "`x`": fault.InvalidRequest,
		"$(rollcall)": fault.InvalidRequest, "a;b": fault.InvalidRequest, "a|b": fault.InvalidRequest,
		"ana #3qjksm2e": fault.InvalidRequest, "a/b": fault.InvalidRequest, "\xff": fault.InvalidRequest,
	} {
		p, _, _ := world()
		grant := people.Grant{Name: name, Scope: people.View, Lasts: time.Hour}
		if _, _, err := p.Create(t.Context(), grant, root, t0); fault.CodeOf(err) != want {
			t.Errorf("%+q: %v, want %q", name, err, want)
		}
	}
}

func TestScopesIncludeTheLesser(t *testing.T) {
	order := []people.Scope{people.View, people.Operate, people.Admin}
	for i, a := range order {
		for j, b := range order {
			if a.Includes(b) != (i >= j) {
				t.Errorf("%s includes %s: %v", a, b, a.Includes(b))
			}
		}
		if a.Includes("") || people.Scope("").Includes(a) {
			t.Errorf("%s and no scope", a)
		}
	}
}

// A flood of refused credentials is one line a minute, whichever functions see it.
func TestRefusedCredentialsLeaveOneLineAMinute(t *testing.T) {
	p, _, store := world()
	elsewhere := &people.People{Store: store, Audit: store}
	for i := range 120 {
		for _, one := range []*people.People{p, elsewhere} {
			if err := one.NoteRefused(t.Context(), "guess", "6.6.6.6", t0.Add(time.Duration(i)*time.Second)); err != nil {
				t.Fatal(err)
			}
		}
	}
	trail, err := store.AuditTrail(t.Context(), activity.Platform, "", 100)
	if err != nil || len(trail) != 2 {
		t.Fatalf("%d lines, %v", len(trail), err)
	}
	if row := trail[0]; row.From != "6.6.6.6" || strings.Contains(row.SourceID, "guess") {
		t.Errorf("%+v", row)
	}
}

// crowd is a store that has as many credentials as there may be.
type crowd struct{ people.Store }

func (crowd) People(context.Context) ([]people.Person, error) {
	return make([]people.Person, people.MaxMany), nil
}

func TestThereAreSoManyCredentialsAtMost(t *testing.T) {
	p, _, _ := world()
	p.Store = crowd{p.Store}
	grant := people.Grant{Name: "one-more", Scope: people.View, Lasts: time.Hour}
	if text, _, err := p.Create(t.Context(), grant, root, t0); fault.CodeOf(err) != fault.InvalidRequest || text != "" {
		t.Errorf("%q, %v", text, err)
	}
}

// A flood of guesses does not fill a function's memory: it forgets what it has read.
func TestWhatIsKnownOfCredentialsIsBounded(t *testing.T) {
	p, counted, _ := world()
	guesses := make([]string, 5*people.MaxMany)
	for i := range guesses {
		guesses[i], _ = token.Mint(token.Person)
	}
	for range 2 {
		for _, guess := range guesses {
			if _, err := p.Find(t.Context(), guess, "a", t0); fault.CodeOf(err) != fault.CredentialUnknown {
				t.Fatal(err)
			}
		}
	}
	if counted.reads <= len(guesses) {
		t.Errorf("all %d guesses are remembered", len(guesses))
	}
}

// A chain of makers has an end, so that a record has one. The root's own credentials begin a new one.
func TestMakersAreSoManyAtMost(t *testing.T) {
	p, _, _ := world()
	by := root
	grant := people.Grant{Name: "ana", Scope: people.Admin, Lasts: time.Hour}
	for deep := range people.MaxDeep + 1 {
		_, made, err := p.Create(t.Context(), grant, by, t0)
		if err != nil || len(made.Makers) != deep {
			t.Fatalf("%d deep: %v, %v", deep, made.Makers, err)
		}
		by.Who, by.Line = made.Actor(), made.Line()
	}
	if _, _, err := p.Create(t.Context(), grant, by, t0); fault.CodeOf(err) != fault.InvalidRequest {
		t.Error(err)
	}
	if _, made, err := p.Create(t.Context(), grant, root, t0); err != nil || made.Makers != nil {
		t.Error(made.Makers, err)
	}
}
