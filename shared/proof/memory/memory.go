// Package memory is every port of Rollcall without AWS: the fake that unit tests
// run on. It passes the same contract suite (shared/proof/storetest) as shared/dynamo
// and shared/sqs, or it would be a mock.
package memory

import (
	"cmp"
	"context"
	"maps"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Store is both tables.
type Store struct {
	Policy workspace.Policy

	mu       sync.Mutex
	facts    map[string]workspace.Facts
	profiles map[string]workspace.Profile
	messages map[string]map[string]chat.Message
	owners   map[token.Hash]string
	notes    map[string][]delivery.Note
	tasks    map[string]map[string]delivery.Delegation
	errands  map[string]map[delivery.Errand]bool

	enrolments map[string]registry.Enrolment
	fleet      workspace.Fleet
	changes    []delivery.Change
	announced  int64
	announcing time.Time
}

var (
	_ registry.Leases     = (*Store)(nil)
	_ registry.Profiles   = (*Store)(nil)
	_ registry.Owners     = (*Store)(nil)
	_ delivery.Ledger     = (*Store)(nil)
	_ delivery.Logbook    = (*Store)(nil)
	_ delivery.News       = (*Store)(nil)
	_ registry.FleetStore = (*Store)(nil)

	_ registry.Enrolments = (*Store)(nil)
)

// NewStore makes an empty store; the policy is what Renew observes by.
func NewStore(p workspace.Policy) *Store {
	return &Store{Policy: p, facts: map[string]workspace.Facts{}, profiles: map[string]workspace.Profile{}, messages: map[string]map[string]chat.Message{},
		owners: map[token.Hash]string{}, notes: map[string][]delivery.Note{}, tasks: map[string]map[string]delivery.Delegation{}, errands: map[string]map[delivery.Errand]bool{}, enrolments: map[string]registry.Enrolment{}}
}

// Get implements registry.Leases.
func (s *Store) Get(_ context.Context, id string) (workspace.Facts, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.facts[id]
	if !ok {
		return workspace.Facts{}, workspace.UnknownError(id)
	}
	return f, nil
}

// Renew implements registry.Leases.
func (s *Store) Renew(_ context.Context, id string, credential token.Hash, sig workspace.Signal, now time.Time) (workspace.Facts, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.facts[id]
	switch {
	case !ok:
		return f, workspace.UnknownError(id)
	case f.Hold == workspace.Removed || !credential.Matches(f.Credential):
		return f, &registry.Refused{Facts: f}
	}
	f = workspace.Observe(f, sig, s.Policy, now)
	s.facts[id] = f
	return f, nil
}

// Save implements registry.Leases.
func (s *Store) Save(_ context.Context, old, next workspace.Facts, with registry.SaveExtras) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.save(old, next, with)
}

// NoteRefusal implements registry.Leases.
func (s *Store) NoteRefusal(_ context.Context, old, next workspace.Facts) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.facts[next.ID]
	if f.Version != old.Version || f.Refusals != old.Refusals || f.Stranger != old.Stranger {
		return fault.New(fault.Conflict, "the workspace changed meanwhile")
	}
	s.facts[next.ID] = merge(f, old, next)
	return nil
}

func (s *Store) save(old, next workspace.Facts, with registry.SaveExtras) error {
	stored, ok := s.facts[next.ID]
	if ok != (old.ID != "") || stored.Version != old.Version {
		return fault.New(fault.Conflict, "the workspace changed meanwhile")
	}
	if e := with.Enrolment; e != nil {
		kept, ok := s.enrolments[e.ID]
		if !ok || kept.Hash != e.Hash || kept.Uses < 1 {
			return registry.EnrolmentUnknown()
		}
		kept.Uses--
		s.enrolments[e.ID] = kept
	}
	if with.Audit != nil {
		s.notes[next.ID] = append(s.notes[next.ID], delivery.AuditNote(next.ID, *with.Audit))
	}
	for _, h := range []token.Hash{next.Credential, next.NextCredential} {
		if !h.Zero() && h != old.Credential && h != old.NextCredential {
			s.owners[h] = next.ID
		}
	}
	s.facts[next.ID] = merge(stored, old, next)
	if with.Profile != nil {
		s.profiles[next.ID] = with.Profile.Apply(s.profiles[next.ID])
	}
	return nil
}

// merge writes to stored what differs between old and next, as the table's
// update does, so that a signal or a message in between is not undone.
func merge(stored, old, next workspace.Facts) workspace.Facts {
	out, was, is := reflect.ValueOf(&stored).Elem(), reflect.ValueOf(old), reflect.ValueOf(next)
	for _, field := range workspace.FieldsOf[workspace.Facts]() {
		if a, b := was.FieldByName(field), is.FieldByName(field); !a.Equal(b) {
			out.FieldByName(field).Set(b)
		}
	}
	return stored
}

// Page implements registry.Leases.
func (s *Store) Page(_ context.Context, cursor string, limit int) ([]workspace.Facts, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for id := range s.facts {
		if id > cursor {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	next := ""
	if len(ids) > limit {
		ids, next = ids[:limit], ids[limit-1]
	}
	var out []workspace.Facts
	for _, id := range ids {
		out = append(out, s.facts[id])
	}
	return out, next, nil
}

// Profile implements registry.Profiles.
func (s *Store) Profile(_ context.Context, id string) (workspace.Profile, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.profiles[id], nil
}

// Profiles implements registry.Profiles.
func (s *Store) Profiles(_ context.Context, ids ...string) (map[string]workspace.Profile, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]workspace.Profile{}
	for _, id := range ids {
		if p, ok := s.profiles[id]; ok {
			out[id] = p
		}
	}
	return out, nil
}

// Describe implements registry.Profiles.
func (s *Store) Describe(_ context.Context, id string, c workspace.ProfileChange) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.profiles[id] = c.Apply(s.profiles[id])
	return nil
}

// Owner implements registry.Owners.
func (s *Store) Owner(_ context.Context, credential token.Hash) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.owners[credential], nil
}

// Accept implements delivery.Ledger.
func (s *Store) Accept(_ context.Context, seen workspace.Facts, m chat.Message, attended bool) (chat.Message, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.facts[m.Workspace]
	if was, dup := s.messages[m.Workspace][m.ID]; dup {
		return was, false, nil
	}
	if !ok || f.Accepted != seen.Accepted || f.Hold == workspace.Removed || (attended && (f.InFlight != seen.InFlight || !f.ClaimedUntil.Equal(seen.ClaimedUntil))) {
		return m, false, fault.New(fault.Conflict, "another message was accepted meanwhile")
	}
	if s.messages[m.Workspace] == nil {
		s.messages[m.Workspace] = map[string]chat.Message{}
	}
	s.messages[m.Workspace][m.ID] = m
	f.Accepted, f.Open = m.Seq, f.Open+1
	if m.Probe {
		f.ProbedAt = m.AcceptedAt
	}
	if f.OldestOpen.IsZero() {
		f.OldestOpen = m.AcceptedAt
	}
	s.facts[m.Workspace] = f
	return m, true, nil
}

// Open implements delivery.Ledger.
func (s *Store) Open(_ context.Context, id string, limit int) ([]delivery.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []delivery.Entry
	for _, m := range s.messages[id] {
		if m.State.Open() {
			out = append(out, delivery.Entry{ID: m.ID, Seq: m.Seq, Priority: m.Priority, AcceptedAt: m.AcceptedAt, ExpiresAt: m.ExpiresAt})
		}
	}
	slices.SortFunc(out, func(a, b delivery.Entry) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.Seq, b.Seq))
	})
	if limit > 0 && len(out) > limit {
		out = out[:limit]
	}
	return out, nil
}

// Messages implements delivery.Ledger.
func (s *Store) Messages(_ context.Context, id string, messageIDs ...string) ([]chat.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []chat.Message
	for _, mid := range messageIDs {
		if m, ok := s.messages[id][mid]; ok {
			out = append(out, m)
		}
	}
	return out, nil
}

// Move implements delivery.Ledger.
func (s *Store) Move(_ context.Context, id string, moves []chat.Move, mail delivery.Mail) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	conflict := fault.New(fault.Conflict, "the mailbox changed meanwhile")
	for _, mv := range moves {
		if m, ok := s.messages[id][mv.From.ID]; !ok || m.Version != mv.From.Version {
			return conflict
		}
	}
	f, d := s.facts[id], chat.DeltaOf(moves)
	if (mail.Host != nil && !mail.Host.Still(f)) || (mail.Unheld && f.Hold != workspace.NoHold) {
		return conflict
	}
	f.Open, f.InFlight = f.Open+d.Open, f.InFlight+d.InFlight
	f.Delivered, f.Expired, f.Cancelled, f.Dead = f.Delivered+d.Delivered, f.Expired+d.Expired, f.Cancelled+d.Cancelled, f.Dead+d.Dead
	if mail.Oldest != nil {
		if mail.Oldest.IsZero() != (f.Open == 0) {
			return conflict
		}
		f.OldestOpen = *mail.Oldest
	}
	switch {
	case !mail.HeldUntil.IsZero():
		f.ClaimedUntil = mail.HeldUntil
	case mail.Released:
		f.ClaimedUntil = time.Time{}
	}
	if !mail.DeliveredAt.IsZero() {
		f.DeliveredAt = mail.DeliveredAt
	}
	if !mail.ProbeLostAt.IsZero() {
		f.ProbeLostAt = mail.ProbeLostAt
	}
	if mail.PushOK {
		f.PushFailures, f.PushFailingSince, f.PushError = 0, time.Time{}, ""
	}
	if !mail.PushFailedAt.IsZero() {
		if f.PushFailingSince.IsZero() {
			f.PushFailingSince = mail.PushFailedAt
		}
		f.PushFailures, f.PushError = f.PushFailures+1, mail.PushError
	}
	if !mail.BusyAt.IsZero() {
		f.ActiveTasks, f.ActiveAt = mail.Busy, mail.BusyAt
	}
	s.facts[id] = f
	for _, mv := range moves {
		s.messages[id][mv.To.ID] = mv.To
		if delivery.HasErrand(mv) {
			if s.errands[id] == nil {
				s.errands[id] = map[delivery.Errand]bool{}
			}
			s.errands[id][delivery.Errand{MessageID: mv.To.ID, Version: mv.To.Version}] = true
		}
	}
	f.OutboxItems = int64(len(s.errands[id]))
	s.facts[id] = f
	return nil
}

// Errands implements delivery.Ledger.
func (s *Store) Errands(_ context.Context, id string) ([]delivery.Errand, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Keys(s.errands[id]), func(a, b delivery.Errand) int { return cmp.Compare(a.MessageID, b.MessageID) }), nil
}

// ErrandDone implements delivery.Ledger.
func (s *Store) ErrandDone(_ context.Context, id string, e delivery.Errand) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.errands[id], e)
	f := s.facts[id]
	f.OutboxItems = int64(len(s.errands[id]))
	s.facts[id] = f
	return nil
}

// Ends implements delivery.Ledger.
func (s *Store) Ends(_ context.Context, id string) (map[chat.State]int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[chat.State]int64{}
	for _, m := range s.messages[id] {
		if !m.State.Open() {
			out[m.State]++
		}
	}
	return out, nil
}

// Correct implements delivery.Ledger.
func (s *Store) Correct(_ context.Context, seen, next workspace.Facts) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.facts[seen.ID]
	if f.Counters != seen.Counters {
		return fault.New(fault.Conflict, "the mailbox changed meanwhile")
	}
	f.Counters, f.OldestOpen = next.Counters, next.OldestOpen
	s.facts[seen.ID] = f
	return nil
}

// Note implements delivery.Logbook.
func (s *Store) Note(_ context.Context, n delivery.Note) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes[n.Workspace] = append(s.notes[n.Workspace], n)
	return nil
}

// History implements delivery.Logbook.
func (s *Store) History(_ context.Context, id string, w delivery.Window) ([]delivery.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []delivery.Record
	for _, m := range s.messages[id] {
		out = append(out, delivery.Record{Order: delivery.OrderOf(m), Message: &m})
	}
	for _, n := range s.notes[id] {
		if n.OnTrail() {
			continue
		}
		out = append(out, delivery.Record{Order: delivery.LogOrder(n.At, n.ID), Note: &n})
	}
	first, end := w.Bounds()
	out = slices.DeleteFunc(out, func(r delivery.Record) bool { return r.Order < first || r.Order >= end })
	slices.SortFunc(out, func(a, b delivery.Record) int { return cmp.Compare(b.Order, a.Order) })
	return out[:min(w.Limit, len(out))], nil
}

// Delegation implements delivery.Logbook.
func (s *Store) Delegation(_ context.Context, source, id string) (delivery.Delegation, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.tasks[source][id]
	return d, ok, nil
}

// SaveDelegation implements delivery.Logbook.
func (s *Store) SaveDelegation(_ context.Context, d delivery.Delegation) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tasks[d.Source] == nil {
		s.tasks[d.Source] = map[string]delivery.Delegation{}
	}
	s.tasks[d.Source][d.ID] = d
	return nil
}

// Delegations implements delivery.Logbook.
func (s *Store) Delegations(_ context.Context, source string) ([]delivery.Delegation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.Collect(maps.Values(s.tasks[source]))
	slices.SortFunc(out, func(a, b delivery.Delegation) int { return b.At.Compare(a.At) })
	return out, nil
}
