package protocoltest

import (
	"fmt"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/proof/model"
	"github.com/rollcall/rollcall/shared/workspace"
)

// seen is what only the machine can know of messages: what agents truly took,
// acknowledged and said.
type seen struct {
	took, redriven, twice, acked, foreign map[string]bool
	claims                                []string       // tokens of pushes; its place tells one from another
	vain                                  map[uint8]bool // claims by which a host took it that had been replaced
	ended                                 map[uint8]bool // claims whose push has come back: what is written next, its drain writes
}

func newSeen() seen {
	return seen{took: map[string]bool{}, redriven: map[string]bool{}, twice: map[string]bool{}, acked: map[string]bool{}, foreign: map[string]bool{}, vain: map[uint8]bool{}, ended: map[uint8]bool{}}
}

// claim is a claim as the promises see it.
func (s *seen) claim(m chat.Message) uint8 {
	if m.State != chat.InFlight {
		return 0
	}
	if byPoll(m) {
		return model.ByPoll
	}
	at := slices.Index(s.claims, m.Claim.Token)
	if at < 0 {
		at, s.claims = len(s.claims), append(s.claims, m.Claim.Token)
	}
	return uint8(at%(model.ByPoll-1)) + 1
}

func byPoll(m chat.Message) bool {
	n := len(m.Attempts)
	return m.State == chat.InFlight && n > 0 && m.Attempts[n-1].Via == chat.ByPoll
}

// acknowledged notes what a poll of one host should have acknowledged, and what
// it should not.
func (m *machine) acknowledged(h *host, was []chat.Message) {
	is := m.messages()
	for i, old := range was {
		switch {
		case !byPoll(old):
		case h != m.late:
			m.acked[old.ID] = m.acked[old.ID] || h.proved[old.ID]
		case is[i].State == chat.Delivered && (m.handed[old.ID] || old.Claim.Epoch >= m.epoch):
			m.foreign[old.ID] = true // handed out to the newer one
		}
	}
}

// look is what was observed last.
type look struct {
	view   model.View
	until  []time.Time // end of each claim
	broken string      // the first broken promise
}

func (m *machine) broken(format string, args ...any) {
	if m.look.broken == "" {
		m.look.broken = fmt.Sprintf(format, args...)
	}
}

func (m *machine) messages() []chat.Message {
	ms, err := m.sound.Ledger.Messages(m.ctx, m.id, m.sent...)
	if err != nil || len(ms) != len(m.sent) {
		m.broken("%d of %d messages are in the ledger, %v", len(ms), len(m.sent), err)
	}
	return ms
}

var stages = map[chat.State]model.Stage{chat.Queued: model.Queued, chat.InFlight: model.InFlight, chat.Delivered: model.Delivered,
	chat.Dead: model.Dead, chat.Cancelled: model.Cancelled, chat.Expired: model.Expired}

// observe puts the workspace as it is into a view, and notes which promise it
// breaks, if any.
func (m *machine) observe() {
	f, err := m.sound.Registry.Leases.Get(m.ctx, m.id)
	if err != nil {
		m.broken("%v", err)
		return
	}
	ms := m.messages()
	now := m.Now()
	next := look{broken: m.look.broken, view: model.View{
		Open: int(f.Open), Ended: int(f.Delivered + f.Expired + f.Cancelled + f.Dead), Paused: f.Hold == workspace.Paused, Removed: f.Hold == workspace.Removed}}
	was := m.look.view
	for i, msg := range ms {
		if i < len(was.Messages) && was.Messages[i].Stage == model.InFlight && msg.State == chat.Delivered && m.vain[was.Messages[i].ClaimedBy] {
			m.foreign[msg.ID] = true
		}
		if msg.Seq != int64(i+1) {
			m.broken("%s has place %d", msg.ID, msg.Seq)
		}
		claim := m.claim(msg)
		next.until = append(next.until, msg.Claim.Until)
		next.view.Messages = append(next.view.Messages, model.MessageView{
			Stage: stages[msg.State], ClaimedBy: claim, ClaimActive: msg.State == chat.InFlight && now.Before(msg.Claim.Until) && !m.ended[claim],
			Taken: m.took[msg.ID], Redriven: m.redriven[msg.ID], AcceptedTwice: m.twice[msg.ID], Acknowledged: m.acked[msg.ID],
			ConfirmedByReplacedHost: m.foreign[msg.ID],
		})
	}
	for _, began := range m.pushes {
		if now.Sub(began) < m.Delivery.Policy.VisibilityTimeout {
			next.view.Pushes++
		}
	}
	for i, old := range was.Messages { // what ran out or came back meanwhile, anyone may take
		was.Messages[i].ClaimActive = old.ClaimActive && now.Before(m.look.until[i]) && !m.ended[old.ClaimedBy]
	}
	m.look = next
	if what := model.StepBreaks(was, next.view); what != "" {
		m.broken("%s", what)
	}
	if what := model.StateBreaks(next.view); what != "" {
		m.broken("%s", what)
	}
	m.counted(f, ms)
}

// counted holds the counters to the ledger, each by itself.
func (m *machine) counted(f workspace.Facts, ms []chat.Message) {
	n := map[chat.State]int64{}
	for _, msg := range ms {
		n[msg.State]++
	}
	if f.Accepted != int64(len(ms)) || f.Open != n[chat.Queued]+n[chat.InFlight] || f.InFlight != n[chat.InFlight] || f.Delivered != n[chat.Delivered] ||
		f.Dead != n[chat.Dead] || f.Cancelled != n[chat.Cancelled] || f.Expired != n[chat.Expired] || !f.Conserved() {
		m.broken("the counters are %+v, the ledger %v", f, n)
	}
	if f.OldestOpen.IsZero() != (f.Open == 0) {
		m.broken("%d are open, the oldest since %v", f.Open, f.OldestOpen)
	}
}
