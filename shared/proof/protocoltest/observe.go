package protocoltest

import (
	"fmt"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/proof/model"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/workspace"
)

// knowledge is what only the machine knows of the messages: what its agents took,
// acknowledged and answered.
type knowledge struct {
	taken         map[string]bool
	redriven      map[string]bool
	acceptedTwice map[string]bool
	acknowledged  map[string]bool
	// confirmedByReplaced: see model.MessageView.
	confirmedByReplaced map[string]bool

	wasAside  map[string]bool
	refused   map[string]bool      // the agent said that it can't take it
	answered  map[string]int       // pushes that use up an attempt
	passedAt  map[string]time.Time // when the agent took it by a push, and did not fail its task
	troubleAt map[string]time.Time // when a push of it last failed
	reachedAt time.Time            // when the agent last took a push or a probe

	pushClaims      []string       // the tokens of the pushes' claims; model.View has their index
	takenByReplaced map[uint8]bool // the claims of pushes that a replaced host took
	// returned are the claims of pushes that have come back: only the drain of each
	// writes its message next.
	returned map[uint8]bool
}

func newKnowledge() knowledge {
	return knowledge{
		taken: map[string]bool{}, redriven: map[string]bool{}, acceptedTwice: map[string]bool{},
		acknowledged: map[string]bool{}, confirmedByReplaced: map[string]bool{},
		wasAside: map[string]bool{}, refused: map[string]bool{}, answered: map[string]int{},
		passedAt: map[string]time.Time{}, troubleAt: map[string]time.Time{},
		takenByReplaced: map[uint8]bool{}, returned: map[uint8]bool{},
	}
}

// claimOf is the claim of a message as the promises see it.
func (k *knowledge) claimOf(m chat.Message) uint8 {
	if m.State != chat.InFlight {
		return 0
	}
	if claimedByPoll(m) {
		return model.ByPoll
	}
	at := slices.Index(k.pushClaims, m.Claim.Token)
	if at < 0 {
		at, k.pushClaims = len(k.pushClaims), append(k.pushClaims, m.Claim.Token)
	}
	return uint8(at%(model.ByPoll-1)) + 1
}

func claimedByPoll(m chat.Message) bool {
	n := len(m.Attempts)
	return m.State == chat.InFlight && n > 0 && m.Attempts[n-1].Via == chat.ByPoll
}

// noteAcknowledged notes which messages a poll of one host has acknowledged; before is
// how they were. A replaced host must not acknowledge what was handed out to the newer
// one.
func (m *machine) noteAcknowledged(h *host, before []chat.Message) {
	after := m.messages()
	for i, old := range before {
		switch {
		case !claimedByPoll(old):
		case h != m.replaced:
			m.acknowledged[old.ID] = m.acknowledged[old.ID] || h.proved[old.ID]
		case after[i].State == chat.Delivered && (m.handedOut[old.ID] || old.Claim.Epoch >= m.epoch):
			m.confirmedByReplaced[old.ID] = true
		}
	}
}

// observation is what was observed last.
type observation struct {
	view       model.View
	claimUntil []time.Time // the end of each message's claim
	claimEpoch []int64     // the epoch of each message's claim
	broken     string      // the first broken promise; "" for none
}

// broken notes a broken promise, if it is the first.
func (m *machine) broken(format string, args ...any) {
	if m.observed.broken == "" {
		m.observed.broken = fmt.Sprintf(format, args...)
	}
}

func (m *machine) messages() []chat.Message {
	messages, err := m.reliable.Ledger.Messages(m.ctx, m.life, m.sent...)
	if err != nil || len(messages) != len(m.sent) {
		m.broken("%d of %d messages are in the ledger, %v", len(messages), len(m.sent), err)
	}
	return messages
}

// observe reads the workspace as it is now, and notes which promise it breaks, if any.
func (m *machine) observe() {
	facts, err := m.reliable.Registry.Leases.Get(m.ctx, m.id)
	if err != nil {
		m.broken("%v", err)
		return
	}
	messages, now := m.messages(), m.Now()
	before := m.observed.view
	m.noteConfirmedByReplaced(before, messages)
	after := m.view(facts, messages, now)
	for i, old := range before.Messages { // what has ended or come back meanwhile, anyone may claim
		before.Messages[i].ClaimActive = old.ClaimActive && now.Before(m.observed.claimUntil[i]) &&
			!m.returned[old.ClaimedBy] && !formerClaim(facts, old.ClaimedBy == model.ByPoll, m.observed.claimEpoch[i])
	}
	m.observed.view, m.observed.claimUntil, m.observed.claimEpoch = after, nil, nil
	for _, msg := range messages {
		m.observed.claimUntil = append(m.observed.claimUntil, msg.Claim.Until)
		m.observed.claimEpoch = append(m.observed.claimEpoch, msg.Claim.Epoch)
	}
	var last int64
	for _, msg := range messages {
		if msg.Seq <= last || msg.Seq > facts.Accepted {
			m.broken("%s has the sequence number %d after %d, of %d", msg.ID, msg.Seq, last, facts.Accepted)
		}
		last = msg.Seq
	}
	if broken := model.StepBreaks(before, after); broken != "" {
		m.broken("%s", broken)
	}
	if broken := model.StateBreaks(after); broken != "" {
		m.broken("%s", broken)
	}
	m.checkCounters(facts, messages)
	m.checkChanges(facts)
}

// logged is how far the log of changes of verdict was looked at.
type logged struct {
	seq  int64 // in the fleet
	own  int64 // in the workspace
	last statuslog.StatusReason
}

// checkChanges holds the log to its promises: no number is left out or given twice, and each change of the workspace
// goes on from the one before.
func (m *machine) checkChanges(f workspace.Facts) {
	changes, err := m.reliableSweeper.StatusLog.Changes(m.ctx, m.logged.seq, manyChanges)
	if err != nil {
		m.broken("the log: %v", err)
	}
	for _, c := range changes {
		if m.logged.seq++; c.Seq != m.logged.seq {
			m.broken("the log has the change %d after %d", c.Seq, m.logged.seq-1)
		}
		if c.Workspace != m.id {
			continue
		}
		from := statuslog.StatusReason{}
		if c.From != nil {
			from = *c.From
		}
		if m.logged.own++; c.WorkspaceSeq != m.logged.own || from != m.logged.last {
			m.broken("%+v comes after number %d, which was %v", c, m.logged.own-1, m.logged.last)
		}
		m.logged.last = c.To
	}
	if f.AnnouncedSeq != m.logged.own {
		m.broken("the workspace has the number %d, its last change %d", f.AnnouncedSeq, m.logged.own)
	}
}

// manyChanges is more than come between two looks.
const manyChanges = 1000

// formerClaim reports whether a claim of an epoch holds nothing since the agent registered
// again: a poll's claim, or a push's when the agent declares now that it polls, or has
// another URL.
func formerClaim(f workspace.Facts, byPoll bool, epoch int64) bool {
	return epoch < f.Epoch && (byPoll || f.Declared == workspace.Poll || !f.Pushable || epoch < f.URLEpoch)
}

// noteConfirmedByReplaced notes which messages a push to a replaced host has delivered.
func (m *machine) noteConfirmedByReplaced(before model.View, messages []chat.Message) {
	for i, old := range before.Messages {
		if i < len(messages) && old.Stage == model.InFlight && messages[i].State == chat.Delivered &&
			m.takenByReplaced[old.ClaimedBy] {
			m.confirmedByReplaced[messages[i].ID] = true
		}
	}
}

var stages = map[chat.State]model.Stage{
	chat.Queued: model.Queued, chat.InFlight: model.InFlight, chat.Delivered: model.Delivered,
	chat.Dead: model.Dead, chat.Cancelled: model.Cancelled, chat.Expired: model.Expired,
}

// view is the workspace as the promises see it.
func (m *machine) view(f workspace.Facts, messages []chat.Message, now time.Time) model.View {
	v := model.View{
		Open: int(f.Open - countedOnly(f, messages)), Ended: int(f.Delivered + f.Expired + f.Cancelled + f.Dead),
		Paused: f.Hold == workspace.Paused, Removed: f.Hold == workspace.Removed,
		RestsForReplaced: f.Resting(m.reliable.Registry.Policy, now) && !m.troubled,
	}
	for _, msg := range messages {
		claim := m.claimOf(msg)
		m.wasAside[msg.ID] = m.wasAside[msg.ID] || msg.AsideEpoch != 0 || msg.FetchedOnce()
		v.Messages = append(v.Messages, model.MessageView{
			Stage:     stages[msg.State],
			ClaimedBy: claim,
			ClaimActive: msg.State == chat.InFlight && now.Before(msg.Claim.Until) && !m.returned[claim] &&
				!formerClaim(f, claimedByPoll(msg), msg.Claim.Epoch),
			Taken: m.taken[msg.ID], Redriven: m.redriven[msg.ID],
			AcceptedTwice: m.acceptedTwice[msg.ID], Acknowledged: m.acknowledged[msg.ID],
			ConfirmedByReplacedHost: m.confirmedByReplaced[msg.ID],
			WasAside:                m.wasAside[msg.ID],
			UsedUnanswered:          m.usedUnanswered(msg), DiedWithoutReason: m.diedWithoutReason(msg),
		})
	}
	for _, push := range m.pushes {
		if push.epoch >= f.URLEpoch && now.Sub(push.began) < m.Delivery.Policy.VisibilityTimeout {
			v.Pushes++
		}
	}
	return v
}

// countedOnly is how many messages were counted and not stored: those of calls that
// were cut off, until the sweep takes them off.
func countedOnly(f workspace.Facts, messages []chat.Message) int64 {
	return f.Accepted - f.Unused - int64(len(messages))
}

// checkCounters compares each counter with the messages.
func (m *machine) checkCounters(f workspace.Facts, messages []chat.Message) {
	n := map[chat.State]int64{}
	for _, msg := range messages {
		n[msg.State]++
	}
	countedOnly := countedOnly(f, messages)
	right := countedOnly >= 0 && countedOnly <= m.cutOff &&
		f.Open == n[chat.Queued]+n[chat.InFlight]+countedOnly &&
		f.InFlight == n[chat.InFlight] && f.Delivered == n[chat.Delivered] && f.Dead == n[chat.Dead] &&
		f.Cancelled == n[chat.Cancelled] && f.Expired == n[chat.Expired]
	if !right || !f.Conserved() {
		m.broken("the counters are %+v, the messages %v", f, n)
	}
	if f.OldestOpen.IsZero() != (f.Open == 0) {
		m.broken("%d are open, the oldest since %v", f.Open, f.OldestOpen)
	}
}
