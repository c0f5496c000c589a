package chat

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strconv"
)

// InlineText is the longest body or answer, in bytes, that stands in its message's own item. Each move of a message
// writes that item, so a longer one costs less in an item of its own, which is written once: what is saved is two write
// units or more for each move that the message would take beyond 1 KB, what is paid is one unit and one read.
const InlineText = 256

// Apart is a body or an answer that is kept apart from its message. It is read only where it is handed out or shown.
type Apart struct {
	Bytes int    // 0: it stands in the message, or there is none
	Row   int    // at least as many bytes as it adds to an answer that shows it
	Name  string // what tells it from the texts of other messages that were sent under the id, and of other ends
	// Own says that it stands with the texts of its message alone. Those of all messages of a life stood together once.
	Own bool `json:",omitempty"`
}

// Texts are which of a message's texts are meant.
type Texts int

// The texts of a message.
const (
	Bodies Texts = 1 << iota
	Answers
)

// Split is the message as its own item has it, and the texts that are to be written apart beside it; nil for one that
// is short, or that was written before.
func (m Message) Split() (small Message, body, answer json.RawMessage) {
	if m.BodyApart.Bytes == 0 && len(m.Body) > InlineText {
		body, m.BodyApart = m.Body, Apart{len(m.Body), bodyRow(m.Body), strconv.FormatInt(m.Seq, 10), true}
	}
	if m.AnswerApart.Bytes == 0 && len(m.Answer) > InlineText {
		answer, m.AnswerApart = m.Answer, Apart{len(m.Answer), answerRow(m.Answer), nameOf(m.Answer), true}
	}
	if m.BodyApart.Bytes > 0 {
		m.Body = nil
	}
	if m.AnswerApart.Bytes > 0 {
		m.Answer = nil
	}
	return m, body, answer
}

// nameOf is the beginning of a text's digest, which other texts do not have.
func nameOf(text json.RawMessage) string {
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// Lacks reports which of these texts the message has and was read without.
func (m Message) Lacks(which Texts) (out Texts) {
	if m.BodyApart.Bytes > 0 && m.Body == nil {
		out |= Bodies
	}
	if m.AnswerApart.Bytes > 0 && m.Answer == nil {
		out |= Answers
	}
	return out & which
}
