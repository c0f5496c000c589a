// Package memory is every port of Rollcall without AWS: the fake that unit tests
// run on. It passes the same contract suite (shared/proof/storetest) as
// shared/dynamo and shared/sqs.
package memory

import (
	"sync"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delegation"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/waiting"
	"github.com/rollcall/rollcall/shared/webhook"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Store is both tables.
type Store struct {
	Policy    workspace.Policy // what Renew observes by
	Retention time.Duration    // how long what has ended is kept

	mu sync.Mutex // guards what follows
	// By workspace or by life, but for owners (by credential), enrolments and people (by id).
	facts       map[string]workspace.Facts
	profiles    map[string]workspace.Profile
	trails      map[string]map[string]row // the audit entries
	rows        map[workspace.Life]map[string]row
	messages    map[workspace.Life]map[string]chat.Message
	tallies     map[workspace.Life]delivery.Tally
	open        map[workspace.Life]map[string]bool // the ids of the open messages: the index
	texts       map[workspace.Life]map[string]text // bodies and answers that are apart
	delegations map[workspace.Life]map[string]lasting
	claims      map[claimed]claimant
	outbox      map[workspace.Life]map[outboxKey]delivery.OutboxItem
	owners      map[token.Hash]workspace.Life
	enrolments  map[string]registry.Enrolment
	people      map[string]people.Person
	hooks       map[string]webhook.Hook
	places      map[taking]int64

	fleet     workspace.Fleet
	segments  map[int]workspace.SegmentState
	changes   []logPage                     // the fleet's log, as far as it is kept
	latest    int64                         // number of the newest change
	rights    map[statuslog.Right]time.Time // until when somebody has each
	announced statuslog.Announced
}

var (
	_ registry.Leases     = (*Store)(nil)
	_ registry.Profiles   = (*Store)(nil)
	_ registry.Owners     = (*Store)(nil)
	_ registry.FleetStore = (*Store)(nil)
	_ registry.Enrolments = (*Store)(nil)
	_ delivery.Ledger     = (*Store)(nil)
	_ activity.Log        = (*Store)(nil)
	_ delegation.Store    = (*Store)(nil)
	_ statuslog.Store     = (*Store)(nil)
	_ people.Store        = (*Store)(nil)
	_ waiting.Store       = (*Store)(nil)
)

// NewStore makes an empty store. It keeps what has ended for as long as receipts are kept.
func NewStore(p workspace.Policy) *Store {
	return &Store{
		Policy: p, Retention: chat.DefaultPolicy().Retention,
		facts: map[string]workspace.Facts{}, profiles: map[string]workspace.Profile{},
		tallies:  map[workspace.Life]delivery.Tally{},
		messages: map[workspace.Life]map[string]chat.Message{}, open: map[workspace.Life]map[string]bool{},
		rows:   map[workspace.Life]map[string]row{},
		trails: map[string]map[string]row{}, texts: map[workspace.Life]map[string]text{},
		delegations: map[workspace.Life]map[string]lasting{}, claims: map[claimed]claimant{},
		outbox: map[workspace.Life]map[outboxKey]delivery.OutboxItem{},
		owners: map[token.Hash]workspace.Life{}, enrolments: map[string]registry.Enrolment{},
		people: map[string]people.Person{}, hooks: map[string]webhook.Hook{}, places: map[taking]int64{},
		rights:   map[statuslog.Right]time.Time{},
		segments: map[int]workspace.SegmentState{},
	}
}
