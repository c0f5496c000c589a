package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

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

// OpenMail implements delivery.Ledger.
func (s *Store) OpenMail(_ context.Context, id string, limit int) ([]delivery.OpenMessage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []delivery.OpenMessage
	for _, m := range s.messages[id] {
		if m.State.Open() {
			out = append(out, delivery.OpenMessage{ID: m.ID, Seq: m.Seq, Priority: m.Priority, AcceptedAt: m.AcceptedAt, ExpiresAt: m.ExpiresAt})
		}
	}
	slices.SortFunc(out, func(a, b delivery.OpenMessage) int {
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

// WriteMessages implements delivery.Ledger.
func (s *Store) WriteMessages(_ context.Context, id string, moves []chat.Move, u delivery.MailboxUpdate) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	conflict := fault.New(fault.Conflict, "the mailbox changed meanwhile")
	for _, mv := range moves {
		if m, ok := s.messages[id][mv.From.ID]; !ok || m.Version != mv.From.Version {
			return conflict
		}
	}
	f, d := s.facts[id], chat.DeltaOf(moves)
	if (u.Host != nil && !u.Host.Current(f)) || (u.RequireNoHold && f.Hold != workspace.NoHold) {
		return conflict
	}
	f.Open, f.InFlight = f.Open+d.Open, f.InFlight+d.InFlight
	f.Delivered, f.Expired, f.Cancelled, f.Dead = f.Delivered+d.Delivered, f.Expired+d.Expired, f.Cancelled+d.Cancelled, f.Dead+d.Dead
	if u.OldestOpen != nil {
		if u.OldestOpen.IsZero() != (f.Open == 0) {
			return conflict
		}
		f.OldestOpen = *u.OldestOpen
	}
	switch {
	case !u.ClaimedUntil.IsZero():
		f.ClaimedUntil = u.ClaimedUntil
	case u.ClaimReleased:
		f.ClaimedUntil = time.Time{}
	}
	if !u.DeliveredAt.IsZero() {
		f.DeliveredAt = u.DeliveredAt
	}
	if !u.UndeliveredAt.IsZero() {
		f.UndeliveredAt = u.UndeliveredAt
	}
	noteLost(&f, u)
	if u.Push != nil {
		notePush(&f, *u.Push)
	}
	s.facts[id] = f
	for _, mv := range moves {
		s.messages[id][mv.To.ID] = mv.To
	}
	for _, left := range u.Outbox {
		if s.outbox[id] == nil {
			s.outbox[id] = map[delivery.OutboxItem]bool{}
		}
		s.outbox[id][left] = true
	}
	f.OutboxItems = int64(len(s.outbox[id]))
	s.facts[id] = f
	return nil
}

// noteLost counts the mail that is told to be lost.
func noteLost(f *workspace.Facts, u delivery.MailboxUpdate) {
	if u.ForgetLost {
		f.LostMessages = 0
	}
	f.LostMessages += u.Lost
	if !u.LostAt.IsZero() {
		f.LostAt, f.LostWhy = u.LostAt, u.LostWhy
	}
}

// notePush notes what a hand-over by push has shown.
func notePush(f *workspace.Facts, u delivery.PushUpdate) {
	first := func(since *time.Time, at time.Time) {
		if since.IsZero() {
			*since = at
		}
	}
	last := func(to *time.Time, at time.Time) {
		if !at.IsZero() {
			*to = at
		}
	}
	last(&f.TriedAt, u.TriedAt)
	switch {
	case u.Succeeded:
		f.PushTrouble = workspace.PushTrouble{}
	case !u.FailedAt.IsZero():
		f.PushFailures++
		first(&f.PushFailingSince, u.FailedAt)
		f.PushFailedAt, f.PushError, f.PushFault = u.FailedAt, u.Error, u.Fault
		if u.Degraded {
			first(&f.PushDegradedAt, u.FailedAt)
		}
	case !u.BusyAt.IsZero():
		f.BusyAnswers++
		first(&f.BusySince, u.BusyAt)
	}
	last(&f.RestUntil, u.RestUntil)
	last(&f.ReachedAt, u.ReachedAt)
	last(&f.PassedAt, u.PassedAt)
	switch {
	case u.AnswerSucceeded:
		f.AnswerTrouble = workspace.AnswerTrouble{}
	case !u.AnswerFailedAt.IsZero():
		f.AnswerFailures++
		first(&f.AnswersFailingSince, u.AnswerFailedAt)
		f.AnswerError = u.AnswerError
		if u.Degraded {
			first(&f.AnswersDegradedAt, u.AnswerFailedAt)
		}
	}
}
