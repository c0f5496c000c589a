// Package people is the credentials of people: who may look at a deployment, who
// may operate it, and who may give others a credential. A credential is kept as a
// digest, under its public id, so that one read finds it.
package people

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/visible"
)

// Scope is what a person may do. Each scope includes those before it.
type Scope string

// The scopes, from the least.
const (
	View    Scope = "view"    // see status, explanations, history and events
	Operate Scope = "operate" // read and send chat, and do what operators do
	Admin   Scope = "admin"   // make and revoke people's credentials
)

var ranks = map[Scope]int{View: 1, Operate: 2, Admin: 3}

// Known reports whether s is a scope.
func (s Scope) Known() bool { return ranks[s] > 0 }

// Includes reports whether who has s may do what o allows.
func (s Scope) Includes(o Scope) bool { return o.Known() && ranks[s] >= ranks[o] }

// Person is one credential of a person.
type Person struct {
	ID        string // the credential's public id
	Name      string
	Scope     Scope
	Team      string     // the only team it is good for; "": all
	Hash      token.Hash // of the credential
	CreatedAt time.Time
	CreatedBy string
	// Makers are the ids of the credentials that it descends from. It was made with the last one, which was made with
	// the one before, and so on; the first one was made with the root's.
	Makers    []string
	ExpiresAt time.Time
	UsedAt    time.Time // last use, as noted at most once in useEvery; zero: never
	UsedFrom  string
	// EndedAt is when it was revoked, and EndedBy is by whom; zero: it was not. It is nobody's credential from then on.
	// Its record stays until all has ended that ends with it.
	EndedAt time.Time
	EndedBy activity.Actor
}

// Actor is what the audit trail calls the person.
func (p Person) Actor() string { return p.Name + idMark + p.ID }

// Line is the ids of the credentials that it descends from, and its own (activity.Actor).
func (p Person) Line() string { return strings.Join(append(slices.Clone(p.Makers), p.ID), " ") }

// LineOf is the ids of the credentials from which something comes that by did: of a record that has no line, the one of
// who did it.
func LineOf(line, by string) []string {
	if line = cmp.Or(line, IDOf(by)); line == "" {
		return nil // the root did it, or no person
	}
	return strings.Fields(line)
}

// ComesFrom reports of what somebody did whether it comes from one of these credentials (LineOf).
func ComesFrom(ids []string) func(line, by string) bool {
	return func(line, by string) bool {
		return slices.ContainsFunc(LineOf(line, by), func(id string) bool { return slices.Contains(ids, id) })
	}
}

// Compare orders by name, and those of one name by when they were made.
func (p Person) Compare(o Person) int {
	return cmp.Or(cmp.Compare(p.Name, o.Name), p.CreatedAt.Compare(o.CreatedAt), cmp.Compare(p.ID, o.ID))
}

// idMark is between a person's name and public id. No id has one in it, and no actor who is no person has one.
const idMark = " " + string(token.Person) + "_"

// IDOf is the public id of the person whose Actor it is; "" when it is nobody's, as of the root.
func IDOf(actor string) string {
	at := strings.LastIndex(actor, idMark)
	if at < 0 {
		return ""
	}
	return actor[at+len(idMark):]
}

// NameOf is the name of the person whose Actor it is.
func NameOf(actor string) string { return strings.TrimSuffix(actor, idMark+IDOf(actor)) }

// Store keeps people's credentials. Errors: token_unknown, platform_unavailable.
type Store interface {
	// AddPerson stores a new one, with its audit line.
	AddPerson(ctx context.Context, p Person, by activity.AuditEntry) error
	// Person reads one by its public id, strongly consistent.
	Person(ctx context.Context, id string) (Person, error)
	// People lists all, in no order.
	People(ctx context.Context) ([]Person, error)
	// EndPerson ends one, and returns it as it is then: without its hash, and with who ended it first, and when. It
	// depends on nothing that is stored but the record: no other write of it makes it fail.
	EndPerson(ctx context.Context, id string, by activity.Actor, at time.Time) (Person, error)
	// RemovePerson forgets one.
	RemovePerson(ctx context.Context, id string) error
	// NotePersonUse notes a use. It is for one that is there still: a forgotten one
	// does not come back by it.
	NotePersonUse(ctx context.Context, id, from string, at time.Time) error
}

// Bounds of a person's credential.
const (
	MaxName = 64 // characters of a name
	MinLife = time.Minute
	MaxLife = 366 * 24 * time.Hour
	MaxMany = 1000 // credentials of one deployment
	MaxDeep = 16   // credentials that one descends from
	// KeptFor is how long a store knows of a credential that expired, at least.
	KeptFor = 30 * 24 * time.Hour
)

const (
	// cachedFor is how long a credential that was read is taken for what it was. A
	// revoked one is good for so long, at most.
	cachedFor = 5 * time.Second
	// cacheSize bounds the cache.
	cacheSize = 1000
	// useEvery is how often a use is noted, at most.
	useEvery = 5 * time.Minute
	// failuresEvery is how often a refused credential leaves a line in the audit
	// trail, at most.
	failuresEvery = time.Minute
)

// People finds, makes and revokes the credentials of people.
type People struct {
	Store Store
	Audit activity.Log

	mu      sync.Mutex
	read    map[string]cached // by public id
	refused time.Time         // the last minute with a line of a refused credential
}

// cached is what a read found; known is false when it found nothing.
type cached struct {
	person Person
	known  bool
	until  time.Time
}

// Find is whose a credential is. Errors: credential_unknown, credential_expired,
// platform_unavailable.
func (p *People) Find(ctx context.Context, credential, from string, now time.Time) (Person, error) {
	id := token.PublicID(credential)
	if token.KindOf(credential) != token.Person {
		return Person{}, UnknownCredential()
	}
	found, err := p.find(ctx, id, from, now)
	switch {
	case err != nil:
		return Person{}, err
	case !token.Digest(credential).Matches(found.Hash):
		return Person{}, UnknownCredential()
	case !now.Before(found.ExpiresAt):
		return Person{}, fault.New(fault.CredentialExpired, "this credential expired at %s",
			found.ExpiresAt.UTC().Format(time.RFC3339)).WithHint(askAdmin(found.Name, found.Scope), "login")
	}
	return found, nil
}

// askAdmin says how somebody gets a credential for a name again.
func askAdmin(name string, scope Scope) string {
	return fmt.Sprintf("have an admin make a new one with rollcall token create --name %s --scope %s, "+
		"then sign in with rollcall login", name, scope)
}

// anyName stands for the name of whoever reads it, where that is not known: a credential that is nobody's has none.
const anyName = "NAME"

// UnknownCredential refuses a credential that is nobody's.
func UnknownCredential() error {
	return fault.New(fault.CredentialUnknown, "nobody has this credential, or it was revoked").
		WithHint(askAdmin(anyName, Operate), "login")
}

// find reads a person, from the cache if it was read lately. A read notes the use.
func (p *People) find(ctx context.Context, id, from string, now time.Time) (Person, error) {
	p.mu.Lock()
	c, ok := p.read[id]
	p.mu.Unlock()
	if !ok || !now.Before(c.until) {
		var err error
		if c, err = p.readAnew(ctx, id, now); err != nil {
			return Person{}, err
		}
		if c.known && now.Before(c.person.ExpiresAt) && now.Sub(c.person.UsedAt) >= useEvery {
			// A use that is not noted shows as an older one, and fails no call.
			_ = p.Store.NotePersonUse(ctx, id, from, now)
		}
	}
	if !c.known {
		return Person{}, UnknownCredential()
	}
	return c.person, nil
}

// Still refuses a credential that was revoked since it was found. It reads, whatever was read lately: who acts with a
// credential in the seconds after its end must not keep what the act gives. Errors: credential_unknown,
// platform_unavailable.
func (p *People) Still(ctx context.Context, credential string, now time.Time) error {
	c, err := p.readAnew(ctx, token.PublicID(credential), now)
	if err == nil && !c.known {
		err = UnknownCredential()
	}
	return err
}

// readAnew reads a person from the store, and keeps what it found. Error: platform_unavailable.
func (p *People) readAnew(ctx context.Context, id string, now time.Time) (cached, error) {
	found, err := p.Store.Person(ctx, id)
	if err != nil && fault.CodeOf(err) != fault.TokenUnknown {
		return cached{}, err
	}
	c := cached{found, err == nil && found.EndedAt.IsZero(), now.Add(cachedFor)}
	p.keep(id, c)
	return c, nil
}

func (p *People) keep(id string, c cached) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.read == nil || len(p.read) >= cacheSize {
		p.read = map[string]cached{}
	}
	p.read[id] = c
}

// NoteRefused leaves a line in the audit trail that a person's credential was
// refused: of all in a minute, the first. The line's key is the minute's, so that
// several functions write one line.
func (p *People) NoteRefused(ctx context.Context, credential, from string, now time.Time) error {
	minute := now.UTC().Truncate(failuresEvery)
	p.mu.Lock()
	noted := p.refused.Equal(minute)
	p.refused = minute
	p.mu.Unlock()
	if noted {
		return nil
	}
	return p.Audit.AddRow(ctx, activity.Row{
		ID: "credential_refused", Workspace: activity.PlatformID, Type: activity.TypeAudit, Method: "credential_refused",
		SourceID: "unknown " + token.Name(credential), From: from, Status: "ok", At: minute,
		Summary: "a credential was refused that is no person's; of all in this minute, this is one",
	})
}

// Grant is what a new credential is to be. Its name is one word: it stands in answers and lists beside commands, and
// must not read as one.
type Grant struct {
	Name  string
	Scope Scope
	Team  string
	Lasts time.Duration
}

func (g Grant) check() error {
	switch {
	case g.Name == "" || utf8.RuneCountInString(g.Name) > MaxName || !utf8.ValidString(g.Name) ||
		strings.ContainsFunc(g.Name, func(r rune) bool { return !inName(r) }):
		return fault.New(fault.InvalidRequest,
			"name must be one word: 1 to %d letters and digits, and of other characters only . _ - @ +", MaxName).
			WithHint("join the words, as in ana-maria or ana@example.com", "stop")
	case !g.Scope.Known():
		return fault.New(fault.InvalidRequest, "scope must be view, operate or admin")
	case g.Team != "" && g.Scope == Admin:
		return fault.New(fault.InvalidRequest, "an admin's credential is for all teams")
	case g.Lasts < MinLife || g.Lasts > MaxLife:
		return fault.New(fault.InvalidRequest, "expires_in_seconds must be from %d to %d",
			int(MinLife.Seconds()), int(MaxLife.Seconds()))
	}
	return nil
}

// inName reports whether a name may have a character: a letter or a digit of any script, a mark on a letter (such as an
// accent), and what mail addresses have. A character that shows nothing, as some letters and marks do, is refused.
func inName(r rune) bool {
	shows := !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) && r != '\u034f'
	return shows && (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r)) || strings.ContainsRune("._-@+", r)
}

// Create makes a credential and returns its text, which is nowhere else. Errors:
// invalid_request, platform_unavailable.
func (p *People) Create(ctx context.Context, g Grant, by activity.Actor, now time.Time) (string, Person, error) {
	if err := g.check(); err != nil {
		return "", Person{}, err
	}
	all, err := p.Store.People(ctx)
	if err != nil {
		return "", Person{}, err
	}
	if len(all) >= MaxMany {
		return "", Person{}, fault.New(fault.InvalidRequest, "there are %d credentials already, and the limit is %d",
			len(all), MaxMany).WithHint("revoke those that are not used: rollcall token list", "stop")
	}
	makers := LineOf(by.Line, by.Who)
	if len(makers) > MaxDeep {
		return "", Person{}, fault.New(fault.InvalidRequest, "a credential may descend from %d others at most, and yours "+
			"does already: it was made with one of them, which was made with another, and so on", MaxDeep).
			WithHint("have somebody make it whose own credential was made with the root credential", "stop")
	}
	text, hash := token.Mint(token.Person)
	made := Person{
		ID: token.PublicID(text), Name: g.Name, Scope: g.Scope, Team: g.Team, Hash: hash,
		CreatedAt: now, CreatedBy: by.Who, Makers: makers, ExpiresAt: now.Add(g.Lasts),
	}
	return text, made, p.Store.AddPerson(ctx, made, activity.AuditEntry{
		Actor: by, Action: "token_created", At: now,
		Summary: fmt.Sprintf("credential %s made for %s, scope %s%s, until %s",
			token.Name(text), visible.Quoted(g.Name), g.Scope, inTeam(g.Team), made.ExpiresAt.UTC().Format(time.RFC3339)),
	})
}

func inTeam(team string) string {
	if team == "" {
		return ""
	}
	return ", team " + visible.Quoted(team)
}

// Revoke ends a person's credential, and returns it as it is then. A function that has read it lately takes it for
// cachedFor longer; whoever acts with it then is refused the answer (Still). It may be called again: of all, the first
// ends it and is in the audit trail. When it fails, the credential may have ended all the same: ended says so. Forget
// comes last. Errors: token_unknown, platform_unavailable.
func (p *People) Revoke(
	ctx context.Context, id string, by activity.Actor, now time.Time,
) (whose Person, ended bool, err error) {
	whose, err = p.Store.EndPerson(ctx, id, by, now)
	if err != nil {
		return whose, false, err
	}
	p.mu.Lock()
	delete(p.read, id)
	p.mu.Unlock()
	line := activity.AuditRow(activity.Platform, activity.AuditEntry{
		Actor: whose.EndedBy, Action: "token_revoked", At: whose.EndedAt,
		Summary: fmt.Sprintf("credential %s_%s of %s revoked", token.Person, whose.ID, visible.Quoted(whose.Name)),
	})
	line.ID = "token_revoked " + id // a repeat writes the same line
	return whose, true, p.Audit.AddRow(ctx, line)
}

// Forget forgets a credential with which all has ended. Errors: token_unknown, conflict, platform_unavailable.
func (p *People) Forget(ctx context.Context, id string) error { return p.Store.RemovePerson(ctx, id) }

// MadeBy lists the credentials that were made with one, by its id, or with one that was made with it, and so on, by
// name: those that are good still, and those that are over. The maker need not be there any more, nor those between.
// Error: platform_unavailable.
func (p *People) MadeBy(ctx context.Context, maker string, now time.Time) (good, over []Person, err error) {
	all, err := p.Store.People(ctx)
	slices.SortFunc(all, Person.Compare)
	for _, one := range all {
		switch {
		case !slices.Contains(one.Makers, maker) && IDOf(one.CreatedBy) != maker:
		case one.EndedAt.IsZero() && now.Before(one.ExpiresAt):
			good = append(good, one)
		default:
			over = append(over, one)
		}
	}
	return good, over, err
}

// Unknown is the error for a credential that is not there.
func Unknown() error {
	return fault.New(fault.TokenUnknown, "no person's credential has this id").
		WithHint("rollcall token list shows their ids; one that ended has left nothing that works", "stop")
}
