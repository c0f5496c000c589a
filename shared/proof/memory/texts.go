package memory

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
)

func bodyKey(m chat.Message) string { return "body " + m.ID + " " + m.BodyApart.Name }

func answerKey(m chat.Message) string { return "answer " + m.ID + " " + m.AnswerApart.Name }

// putTexts keeps the texts of a message that are apart; nil ones are not kept.
func (s *Store) putTexts(m chat.Message, body, answer json.RawMessage) error {
	for key, text := range map[string]json.RawMessage{bodyKey(m): body, answerKey(m): answer} {
		if len(text)+itemOverhead > maxItem {
			return errTooLarge
		}
		if text != nil {
			put(s.texts, delivery.LifeOf(m), key, json.RawMessage(textual(slices.Clone(text))))
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
			m.Body = copyText(kept[bodyKey(*m)])
		}
		if lacks&chat.Answers != 0 {
			m.Answer = copyText(kept[answerKey(*m)])
		}
	}
	return out, nil
}
