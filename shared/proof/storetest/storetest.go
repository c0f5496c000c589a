// Package storetest is the contract of the stores and queues: one suite, a file
// for each verb, that the fakes and the real ones must pass. Only tests import it.
package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delegation"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/waiting"
	"github.com/rollcall/rollcall/shared/webhook"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Store is both tables.
type Store interface {
	registry.Leases
	registry.Profiles
	registry.Owners
	registry.Enrolments
	registry.FleetStore
	delivery.Ledger
	activity.Log
	delegation.Store
	statuslog.Store
	people.Store
	webhook.Store
	waiting.Store
}

// Stores plays the contract of the tables. The policy must be the store's.
func Stores(t *testing.T, s Store, p workspace.Policy) { play(goTest{t}, s, p) }

// Breaks plays the contract of the tables until a case fails, and says which: a
// test that damages a store must see a failure. It is "" when all cases pass.
func Breaks(t *testing.T, s Store, p workspace.Policy) string {
	r := &recorder{test: t}
	r.Run("contract", func(t T) { play(t, s, p) })
	return r.failure
}

// contract is the store under test.
type contract struct {
	Store
	policy workspace.Policy // the store's
}

// play runs the cases, the quick ones first: a damaged store shows soon.
func play(t T, s Store, p workspace.Policy) {
	c := contract{s, p}
	t.Run("fields", c.fields)
	t.Run("owners", c.owners)
	t.Run("profiles", c.profiles)
	t.Run("enrolments", c.enrolments)
	t.Run("people", c.persons)
	t.Run("webhooks", c.webhooks)
	t.Run("places", c.places)
	t.Run("open mail", c.openMail)
	t.Run("lost mail", c.lostMail)
	t.Run("status log", c.statusLog)
	t.Run("rights", c.rights)
	t.Run("fleet", c.fleet)
	t.Run("segments", c.segments)
	t.Run("delegations", c.delegations)
	t.Run("activity log", c.activityLog)
	t.Run("audit trail", c.auditTrail)
	t.Run("lives", c.lives)
	t.Run("save", c.saves)
	t.Run("precedence", c.precedence)
	t.Run("teams", c.teams)
	t.Run("accept", c.accepts)
	t.Run("messages", c.messages)
	t.Run("texts that are apart", c.longTexts)
	t.Run("write messages", c.writes)
	t.Run("host", c.hosts)
	t.Run("pushes", c.pushes)
	t.Run("outbox", c.outboxes)
	t.Run("page", c.pages)
	t.Run("scan", c.scans)
	t.Run("get all", c.many)
	t.Run("note refusal", c.refusals)
	t.Run("correct counters", c.counters)
	t.Run("facts one by one", c.factsAlone)
	t.Run("limits", c.limits)
	t.Run("renew", c.renews)
}

var t0 = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func hash(s string) token.Hash { return token.Digest(s) }

// must ends the test when err is not nil.
func must(t rapid.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantCode ends the test unless err has the code.
func wantCode(t rapid.TB, err error, code fault.Code) {
	t.Helper()
	if got := fault.CodeOf(err); got != code {
		t.Fatalf("got %q (%v), want %q", got, err, code)
	}
}

// same ends the test unless got is want.
func same(t rapid.TB, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("(-want +got)\n%s", d)
	}
}

// created saves a new workspace with a profile and returns its facts.
func (c contract) created(t T) workspace.Facts {
	t.Helper()
	f := workspace.Facts{
		Identity: workspace.Identity{
			ID: uuid.NewString(), Version: 1, Epoch: 1, CreatedAt: t0,
			Declared: workspace.Push, DeclaredBy: workspace.ByAgent, MaxTasks: 2,
		},
		Credentials: workspace.Credentials{Credential: hash("secret")},
	}
	must(t, c.Save(t.Context(), workspace.Facts{}, f, registry.SaveExtras{Profile: &workspace.ProfileChange{
		Name: new("n"), URL: new("http://agent"), Runtime: new("r"), Role: new("x"), Tier: new(3),
		CardName: new("c"), Card: []byte(`{"name":"c"}`), Signing: &createdProfile.Signing,
		Words: &createdProfile.Words,
	}}))
	return f
}

// createdProfile is the profile of a created workspace.
var createdProfile = workspace.Profile{
	Name: "n", CardName: "c", URL: "http://agent", Runtime: "r", Role: "x", Tier: 3, Card: []byte(`{"name":"c"}`),
	Signing: workspace.Signing{Secret: "whsec_bmV3", Former: "whsec_b2xk", Since: t0, EndedAt: t0},
	Words:   workspace.Words{PushError: "p", AnswerError: "a", LostWhy: "l", SampleError: "s", RegisterFailedWhy: "r"},
}

// listed is a profile as a list has it: without its card and its secrets.
func listed(p workspace.Profile) workspace.Profile {
	p.Card, p.Signing = nil, workspace.Signing{}
	return p
}

// read is what is stored of a workspace.
func (c contract) read(t T, id string) workspace.Facts {
	t.Helper()
	f, err := c.Get(t.Context(), id)
	must(t, err)
	return f
}

// change saves a change of a workspace and returns its facts.
func (c contract) change(t T, id string, do func(*workspace.Facts)) workspace.Facts {
	t.Helper()
	was := c.read(t, id)
	next := was
	do(&next)
	next.Version++
	must(t, c.Save(t.Context(), was, next, registry.SaveExtras{}))
	return c.read(t, id)
}

// first is the first life of a workspace.
func first(id string) workspace.Life { return workspace.Life{Workspace: id} }

// message is a new message, accepted seq seconds after t0.
func message(id, messageID string, seq int64, p chat.Priority) chat.Message {
	at := t0.Add(time.Duration(seq) * time.Second)
	return chat.Message{
		ID: messageID, Workspace: id, Seq: seq, Source: "peer", Method: "message/send", Priority: p,
		Body: []byte(`{"x":1}`), State: chat.Queued, Reason: "accepted", AcceptedAt: at,
		ExpiresAt: at.Add(time.Hour), Version: 1,
	}
}

// accept accepts a message as the next of a workspace and returns its facts.
func (c contract) accept(t T, f workspace.Facts, messageID string, p chat.Priority) workspace.Facts {
	t.Helper()
	c.put(t, message(f.ID, messageID, f.Accepted+1, p))
	return c.read(t, f.ID)
}

// put counts a message and stores it.
func (c contract) put(t T, m chat.Message) {
	t.Helper()
	if _, counted, err := c.Count(t.Context(), m.Workspace, m.AcceptedAt, m.Probe, manyOpen); !counted || err != nil {
		t.Fatal(counted, err)
	}
	_, err := c.Put(t.Context(), m)
	must(t, err)
}

// manyOpen is more open messages than a case has.
const manyOpen = 1000

// withMail creates a workspace with n messages m0, m1, … and returns both.
func (c contract) withMail(t T, n int) (workspace.Facts, []chat.Message) {
	t.Helper()
	f := c.created(t)
	var ids []string
	for i := range n {
		ids = append(ids, fmt.Sprint("m", i))
		f = c.accept(t, f, ids[i], chat.Task)
	}
	return f, c.stored(t, f.ID, ids...)
}

// stored are messages of a workspace's first life, all of which must be there.
func (c contract) stored(t T, id string, messageIDs ...string) []chat.Message {
	t.Helper()
	return c.storedIn(t, first(id), messageIDs...)
}

// storedIn are messages of a life with all their texts; each must be there.
func (c contract) storedIn(t T, life workspace.Life, messageIDs ...string) []chat.Message {
	t.Helper()
	ms, err := c.Messages(t.Context(), life, messageIDs...)
	must(t, err)
	if len(ms) != len(messageIDs) {
		t.Fatalf("read %d of %d messages", len(ms), len(messageIDs))
	}
	return c.whole(t, ms...)
}

// whole are messages with their texts.
func (c contract) whole(t T, ms ...chat.Message) []chat.Message {
	t.Helper()
	ms, err := c.Texts(t.Context(), chat.Bodies|chat.Answers, ms)
	must(t, err)
	return ms
}

// write writes the change of one message.
func (c contract) write(t T, from, to chat.Message, u delivery.MailboxUpdate) error {
	t.Helper()
	return c.WriteMessages(t.Context(), delivery.LifeOf(from), []chat.Move{{From: from, To: to}}, u)
}

// take claims a message for a push by an epoch's host until a minute after t0.
func take(m chat.Message, epoch int64) chat.Message {
	claim := chat.Claim{Token: "c", Until: t0.Add(time.Minute), Epoch: epoch}
	return m.Take(chat.ByPush, claim, chat.DefaultPolicy(), t0, t0)
}
