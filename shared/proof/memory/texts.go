package memory

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
)

// text is a body or an answer, and until when it is kept.
type text struct {
	raw   json.RawMessage
	until time.Time
}

// textGrace is how much longer a text is kept than its message.
const textGrace = 2 * 24 * time.Hour

// textUntil is until when the texts of a message are kept: it ends when it expires, at the latest.
func (s *Store) textUntil(m chat.Message) time.Time {
	end := m.ExpiresAt
	if m.SettledAt.After(end) {
		end = m.SettledAt
	}
	return end.Add(s.Retention + textGrace)
}

// keepBody keeps the body of a message that is to live longer, as one that is redriven. It reports whether it is there.
func (s *Store) keepBody(mv chat.Move) bool {
	if mv.To.BodyApart.Bytes == 0 || !mv.To.ExpiresAt.After(mv.From.ExpiresAt) {
		return true
	}
	kept := s.texts[delivery.LifeOf(mv.To)]
	body, there := kept[bodyKey(mv.To)]
	if there {
		body.until = s.textUntil(mv.To)
		kept[bodyKey(mv.To)] = body
	}
	return there
}

func bodyKey(m chat.Message) string { return "body " + m.ID + " " + m.BodyApart.Name }

func answerKey(m chat.Message) string { return "answer " + m.ID + " " + m.AnswerApart.Name }

// putTexts keeps the texts of a message that are apart; nil ones are not kept.
func (s *Store) putTexts(m chat.Message, body, answer json.RawMessage) error {
	for key, raw := range map[string]json.RawMessage{bodyKey(m): body, answerKey(m): answer} {
		if len(raw)+itemOverhead > maxItem {
			return errTooLarge
		}
		if raw != nil {
			put(s.texts, delivery.LifeOf(m), key, text{textual(slices.Clone(raw)), s.textUntil(m)})
		}
	}
	return nil
}

// Texts implements delivery.Ledger.
func (s *Store) Texts(_ context.Context, which chat.Texts, ms []chat.Message) ([]chat.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.Clone(ms)
	for i := range out {
		m := &out[i]
		kept, lacks := s.texts[delivery.LifeOf(*m)], m.Lacks(which)
		if lacks&chat.Bodies != 0 {
			m.Body = copyText(kept[bodyKey(*m)].raw)
		}
		if lacks&chat.Answers != 0 {
			m.Answer = copyText(kept[answerKey(*m)].raw)
		}
	}
	return out, nil
}
