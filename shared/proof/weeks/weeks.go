// Package weeks runs the real use cases, and the handlers of one function, through random histories of weeks: a clock
// that jumps over every time that anything is kept, a store that deletes late and in no order, wake-ups that are lost,
// sweepers that stand still, and workspaces that are removed and created again while the agents, senders, followers and
// cursors of their former lives go on. After each step it checks what is promised whatever the time is. At the end of a
// history all that works goes on for a while, and everything must be well again. Only tests import it.
package weeks

import (
	"context"
	"encoding/json"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/api/apidoc"
	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delegation"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/push"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/sweep"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/waiting"
	"github.com/rollcall/rollcall/shared/webhook"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Endpoints are those of one function.
type Endpoints func(*app.Env) []httpapi.Endpoint

// How many histories are run, and how many steps each has on average.
const (
	histories      = 300
	shortHistories = 50 // with -short
	steps          = 40
)

// Histories plays random histories, in which the calls of one function are made through its handlers too.
func Histories(t *testing.T, endpoints Endpoints) {
	t.Helper()
	n, s := histories, steps
	if testing.Short() { // rapid then runs a fifth of the histories, with half the steps
		n, s = 5*shortHistories, 2*s
	}
	setDefault(t, "rapid.checks", n)
	setDefault(t, "rapid.steps", s)
	raw, err := os.ReadFile(filepath.Join("..", "status", "openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := apidoc.New(raw)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) { newMachine(t, endpoints, doc).run(t) })
}

// setDefault sets a flag of rapid for this test, unless the command line does.
func setDefault(t *testing.T, name string, value int) {
	t.Helper()
	f := flag.Lookup(name)
	was := f.Value.String()
	if was != f.DefValue {
		return
	}
	if err := f.Value.Set(strconv.Itoa(value)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Value.Set(was) })
}

// virtual is a clock that only the machine and its sleepers move.
type virtual struct {
	mu  sync.Mutex
	now time.Time
}

func (v *virtual) Now() time.Time {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.now
}

func (v *virtual) Random() float64 { return 0.5 }

// Sleep passes its time at once.
func (v *virtual) Sleep(ctx context.Context, d time.Duration) error {
	v.advance(d)
	return ctx.Err()
}

func (v *virtual) advance(d time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.now = v.now.Add(d)
}

// root is the root credential.
const root = "root-credential-0123456789abcdef"

// machine is a small fleet and all that happens to it.
type machine struct {
	t     *rapid.T
	ctx   context.Context
	clock *virtual
	env   *app.Env
	store *memory.Store
	doc   *apidoc.Document

	queues  *memory.Queues
	wakeups *memory.Wakeups
	pending []wakeup

	serve  httpapi.Handler
	routes []string // that serve has

	spaces  []*space
	serial  int // of all that is named
	past    past
	changes []statuslog.Change // the whole log, also what is kept no more
	mute    bool               // the bus takes no event

	followers []*follower
	hooks     map[string]*receiver // by URL
	persons   []person
}

// wakeup is a wake-up on its queue.
type wakeup struct {
	memory.Wakeup
	due, sent time.Time
}

// past is what was seen at some time, and is used again at any later one.
type past struct {
	cursors, rows, messages, delegations, tags, enrolments, tokens, hooks []string
	numbers                                                               []int64
}

func newMachine(t *rapid.T, endpoints Endpoints, doc *apidoc.Document) *machine {
	m := &machine{
		t: t, ctx: context.Background(), clock: &virtual{now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}, doc: doc,
		wakeups: &memory.Wakeups{}, hooks: map[string]*receiver{},
		spaces: []*space{{id: "ada"}, {id: "bob"}},
	}
	policy := workspace.DefaultPolicy()
	policy.Bootstrap = workspace.Enrolled
	if rapid.Bool().Draw(t, "bootstrap is open") {
		policy.Bootstrap = workspace.Open
	}
	m.store = memory.NewStore(policy)
	m.queues = memory.NewQueues(m.clock.Now)
	m.env = m.wire(policy)
	served := endpoints(m.env)
	for _, e := range served {
		m.routes = append(m.routes, e.Operation.Route)
	}
	m.serve = httpapi.Serve(slog.New(slog.DiscardHandler), m.clock.Now, m.env.Gate, served...)
	return m
}

// wire makes the use cases on the fakes.
func (m *machine) wire(policy workspace.Policy) *app.Env {
	guard := push.New(push.Private, push.Patience{Answer: time.Second})
	changes := &statuslog.Log{Store: m.store, Announcer: m, Policy: policy, Clock: m.clock}
	reg := &registry.Registry{
		Leases: m.store, Profiles: m.store, Owners: m.store, Enrolments: m.store, Fleets: m.store, Wakeups: m.wakeups,
		Guard: guard, Policy: policy, Clock: m.clock, StatusLog: changes,
	}
	chatPolicy := chat.DefaultPolicy()
	chatPolicy.AnswerWithin = 0
	del := &delivery.Delivery{
		Registry: reg, Ledger: m.store, Activity: m.store, Queues: m.queues, Agents: m, DeadAnnouncer: m,
		Policy: chatPolicy, Clock: m.clock,
	}
	hooks := &webhook.Service{Store: m.store, Log: m.store, Sender: m, Bell: m.wakeups, Clock: m.clock, Guard: guard}
	changes.Recorded = hooks.Recorded
	persons := &people.People{Store: m.store, Audit: m.store}
	return &app.Env{
		Config: app.Config{Chat: app.Credential, View: app.Credential}, Log: slog.New(slog.DiscardHandler), Clock: m.clock,
		Gate:   httpapi.Gate{Registry: reg, People: persons, Root: token.Digest(root)},
		People: persons, Registry: reg, Delivery: del, Activity: m.store, StatusLog: changes,
		Waits:       waiting.Places{Store: m.store, Clock: m.clock},
		Delegations: &delegation.Service{Store: m.store, Activity: m.store, Delivery: del},
		Webhooks:    hooks,
		Sweeper: &sweep.Sweeper{
			Registry: reg, Delivery: del, StatusLog: changes, Webhooks: hooks, Activity: m.store, Clock: m.clock,
		},
	}
}

// run plays one history.
func (m *machine) run(t *rapid.T) {
	m.follow(t)
	m.create(t)
	t.Repeat(m.actions())
	m.heals(t)
}

// actions are the steps of a history. The one without a name checks what must hold after each.
func (m *machine) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"":                  m.check,
		"time passes":       m.timePasses,
		"weeks pass":        m.weeksPass,
		"create":            m.create,
		"remove":            m.remove,
		"pause or resume":   m.pause,
		"repair or revoke":  m.repair,
		"register":          m.registers,
		"heartbeat":         m.heartbeats,
		"poll":              m.polls,
		"send":              m.sends,
		"delegate":          m.delegates,
		"report":            m.reports,
		"cancel":            m.cancels,
		"redrive":           m.redrives,
		"acknowledge":       m.acks,
		"sweep":             func(*rapid.T) { m.sweep() },
		"wake-ups arrive":   func(*rapid.T) { m.wake() },
		"follow":            m.follow,
		"webhooks":          m.changeHooks,
		"people":            m.changePeople,
		"the bus":           func(t *rapid.T) { m.mute = rapid.IntRange(0, 3).Draw(t, "mute") == 0 },
		"a call":            m.anyCall,
		"a call, once more": m.anyCall,
	}
}

// must ends the history when a call fails that must not.
func (m *machine) must(what string, err error) {
	if err != nil {
		m.t.Helper()
		m.t.Fatalf("%s: %s: %v", m.clock.Now().Format(time.DateTime), what, err)
	}
}

// next gives a number that nothing had before.
func (m *machine) next() int {
	m.serial++
	return m.serial
}

// encoded is a value as JSON.
func encoded(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // it is what replies are made of
	}
	return string(raw)
}
