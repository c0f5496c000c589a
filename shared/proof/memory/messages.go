package memory

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Count implements delivery.Ledger.
func (s *Store) Count(
	_ context.Context, id string, at time.Time, probe bool, maxOpen int64,
) (workspace.Facts, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.facts[id]
	if !ok || f.Hold == workspace.Removed || f.Open >= maxOpen {
		return f, false, nil
	}
	f.Accepted, f.Open, f.CountedAt = f.Accepted+1, f.Open+1, at
	if probe {
		f.ProbedAt = at
	}
	if f.OldestOpen.IsZero() {
		f.OldestOpen = at
	}
	s.facts[id] = keptFacts(f)
	return s.facts[id], true, nil
}

// Uncount implements delivery.Ledger.
func (s *Store) Uncount(_ context.Context, life workspace.Life) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.facts[life.Workspace]
	if f.Open == 0 || f.Life() != life {
		return nil
	}
	f.Open, f.Unused = f.Open-1, f.Unused+1
	if f.Open == 0 {
		f.OldestOpen = time.Time{}
	}
	s.facts[life.Workspace] = f
	return nil
}

// NoteFull implements delivery.Ledger.
func (s *Store) NoteFull(_ context.Context, life workspace.Life, full workspace.Full) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f, ok := s.facts[life.Workspace]; ok && f.Life() == life {
		f.Full = full
		s.facts[life.Workspace] = keptFacts(f)
	}
	return nil
}

// Put implements delivery.Ledger.
func (s *Store) Put(_ context.Context, m chat.Message) (chat.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	small, body, answer := m.Split()
	stored, err := keptMessage(small)
	if err != nil {
		return m, err
	}
	life := delivery.LifeOf(m)
	if was, dup := s.messages[life][m.ID]; dup {
		return copyMessage(was), nil
	}
	if err := s.putTexts(stored, body, answer); err != nil {
		return m, err
	}
	s.keep(life, stored)
	m.BodyApart, m.AnswerApart = stored.BodyApart, stored.AnswerApart
	return m, nil
}

// keep stores a message, and notes whether it is open.
func (s *Store) keep(life workspace.Life, m chat.Message) {
	put(s.messages, life, m.ID, m)
	if m.State.Open() {
		put(s.open, life, m.ID, true)
	} else {
		delete(s.open[life], m.ID)
	}
}

// OpenMail implements delivery.Ledger.
func (s *Store) OpenMail(_ context.Context, life workspace.Life, limit int) ([]delivery.OpenMessage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []delivery.OpenMessage
	for id := range s.open[life] {
		m := s.messages[life][id]
		out = append(out, delivery.OpenMessage{
			ID: m.ID, Seq: m.Seq, Priority: m.Priority, Source: m.Source,
			WaitsSince: millis(m.WaitsSince()), ExpiresAt: millis(m.ExpiresAt),
		})
	}
	slices.SortFunc(out, func(a, b delivery.OpenMessage) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.Seq, b.Seq))
	})
	if limit > 0 && len(out) > limit {
		out = out[:limit]
	}
	return out, nil
}

// LostMail implements delivery.Ledger.
func (s *Store) LostMail(_ context.Context, life workspace.Life) ([]delivery.LostMessage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []delivery.LostMessage
	for _, m := range s.messages[life] {
		if m.Lost() {
			out = append(out, delivery.LostMessage{ID: m.ID, Seq: m.Seq, State: m.State, SettledAt: millis(m.SettledAt)})
		}
	}
	slices.SortFunc(out, func(a, b delivery.LostMessage) int { return cmp.Compare(a.Seq, b.Seq) })
	return out, nil
}

// Messages implements delivery.Ledger.
func (s *Store) Messages(_ context.Context, life workspace.Life, messageIDs ...string) ([]chat.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []chat.Message
	for _, mid := range messageIDs {
		if m, ok := s.messages[life][mid]; ok {
			out = append(out, copyMessage(m))
		}
	}
	return out, nil
}

// WriteMessages implements delivery.Ledger.
func (s *Store) WriteMessages(
	_ context.Context, life workspace.Life, moves []chat.Move, u delivery.MailboxUpdate,
) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	moves = slices.Clone(moves)
	for i, mv := range moves {
		small, body, answer := mv.To.Split()
		if err := s.putTexts(small, body, answer); err != nil {
			return err
		}
		moves[i].To = small
	}
	stored, err := keptMoves(moves, u)
	if err != nil {
		return err
	}
	for _, mv := range moves {
		if m, ok := s.messages[life][mv.From.ID]; !ok || m.Version != mv.From.Version || !s.keepBody(mv) {
			return conflict()
		}
	}
	if !u.Former {
		f, ok := u.Apply(s.facts[life.Workspace], chat.DeltaOf(moves))
		if !ok || f.Life() != life {
			return conflict()
		}
		s.facts[life.Workspace] = keptFacts(f)
	}
	for _, m := range stored {
		s.keep(life, m)
	}
	for _, item := range u.Outbox {
		if s.outbox[life] == nil {
			s.outbox[life] = map[outboxKey]delivery.OutboxItem{}
		}
		s.outbox[life][keyOf(item)] = keptOutbox(item)
	}
	return nil
}

// keptMoves are the messages to store, if one transaction takes them: DynamoDB
// refuses two writes of one item, and more than so many items or bytes.
func keptMoves(moves []chat.Move, u delivery.MailboxUpdate) ([]chat.Message, error) {
	writes := len(moves) + len(u.Outbox) + 1 // the lease
	if len(moves) > delivery.MaxMoves || writes > maxWrites {
		return nil, fmt.Errorf("memory: %d moves and %d outbox items in one transaction", len(moves), len(u.Outbox))
	}
	var out []chat.Message
	keys, size := map[any]bool{}, 0
	for _, mv := range moves {
		m, err := keptMessage(mv.To)
		if err != nil {
			return nil, err
		}
		keys[m.ID], size, out = true, size+sizeOf(m), append(out, m)
	}
	for _, item := range u.Outbox {
		keys[item] = true
	}
	switch {
	case len(keys) < len(moves)+len(u.Outbox):
		return nil, fault.Store("transaction", fmt.Errorf("two writes of one item"))
	case size > maxTransaction:
		return nil, errTooLarge
	}
	return out, nil
}
