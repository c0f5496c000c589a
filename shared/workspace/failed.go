package workspace

import (
	"fmt"
	"strings"
	"time"

	"github.com/rollcall/rollcall/shared/visible"
)

// A call of the agent may be refused for what it sends, though its credential is good: a program that spells a member
// wrongly does so with each call of the kind. The last such call is kept until one of its kind is accepted. A register
// goes first: what mends it may mend the others.

// The kinds of call of which it is kept beside a register.
const (
	FailedPoll      SignalKind = SignalPoll
	FailedAck       SignalKind = "ack"
	FailedHeartbeat SignalKind = SignalHeartbeat
)

// failedKinds are those kinds, each with what its calls are called.
var failedKinds = []struct {
	kind  SignalKind
	calls string
}{{FailedPoll, "polls"}, {FailedAck, "acknowledgements"}, {FailedHeartbeat, "heartbeats"}}

// FailedWhy is what is kept of why a call was refused: that of another kind than a register begins with the kind. No
// message of the platform begins so.
func FailedWhy(kind SignalKind, why string) string {
	if kind == SignalRegister {
		return why
	}
	return string(kind) + ": " + why
}

// failedCall is which call was refused for what it sends, and why.
func (f *Facts) failedCall() (kind SignalKind, why string) {
	for _, k := range failedKinds {
		if why, ok := strings.CutPrefix(f.RegisterFailedWhy, string(k.kind)+": "); ok {
			return k.kind, why
		}
	}
	return SignalRegister, f.RegisterFailedWhy
}

// callFails reports whether the last that is known of a kind of call is that one was refused for what it sent.
func (f *Facts) callFails(kind SignalKind) bool {
	if is, _ := f.failedCall(); is != kind || f.RegisterFailedAt.IsZero() {
		return false
	}
	switch kind {
	case FailedPoll:
		return !f.PolledAt.After(f.RegisterFailedAt)
	case FailedHeartbeat:
		return !f.HeartbeatAt.After(f.RegisterFailedAt)
	case FailedAck:
		return f.InFlight > 0 && !f.DeliveredAt.After(f.RegisterFailedAt)
	}
	return f.RegisterFailedAt.After(f.RegisteredAt)
}

// FailCall is the facts after a call that is no register, and whose credential is good, was refused for what it sends;
// changed is false when that is not worth a write. One that stands is not replaced by one of another kind.
func FailCall(f Facts, kind SignalKind, why string, p Policy, now time.Time) (next Facts, changed bool) {
	is, _ := f.failedCall()
	stands := f.callFails(is) && now.Sub(f.RegisterFailedAt) < p.RefusalDecay
	recent := now.Sub(f.RegisterFailedAt) < p.RefusalWriteEvery
	if stands && is != kind || recent && (is == kind || is != SignalRegister) || f.Hold == Removed {
		return f, false
	}
	was := f
	f.RegisterFailedAt, f.RegisterFailedWhy = now, why
	f.Version++
	return NoteStanding(was, f, p, now), true
}

// failing is the kind of call that is refused for what it sends, "": none is, and what is told of it. Of a poll that
// takes no part in how it gets its mail nothing is told.
func (s *situation) failing() (kind SignalKind, words string) {
	kind, why := s.failedCall()
	switch {
	case kind == SignalRegister:
		if !s.bootFailed() {
			return "", ""
		}
		return kind, "a register was refused, and none was accepted since: " + visible.Quoted(why)
	case s.Hold != NoHold, !s.callFails(kind), !s.within(s.RegisterFailedAt, s.p.RefusalDecay),
		kind == FailedPoll && s.mode != Poll:
		return "", ""
	}
	for _, k := range failedKinds {
		if k.kind == kind {
			words = fmt.Sprintf("its %s are refused: %s", k.calls, visible.Quoted(why))
		}
	}
	return kind, words
}

// failedSentences say in a sentence which calls of an agent are refused.
var failedSentences = map[SignalKind]string{
	SignalRegister: "Its agent's last register was refused for what it sent, and none fetches its messages.",
	FailedPoll:     "Its agent polls, and its polls are refused for what they send.",
	FailedAck:      "Its agent acknowledges its messages, and is refused for what it sends.",
}

// failedSummary is the summary for who operates the workspace, where calls are refused for what they send and the
// verdict says nothing else that is wrong; "": there are none.
func (s *situation) failedSummary(v Verdict) string {
	kind, words := s.failing()
	sentence, ok := failedSentences[kind]
	switch {
	case !ok:
		return ""
	case v.Sentence == sentence:
		return capital(words) + "."
	case v.Reason != ReasonHealthy && v.Reason != ReasonBusy:
		return ""
	case kind == FailedPoll:
		return capital(words) + ". None was accepted since: a message sent now is not fetched until they are mended."
	}
	return capital(words) + ". Its other calls are accepted."
}

// CredentialIsGood stands in the remark that a call is refused for what it sends: such a remark blames no credential.
const CredentialIsGood = "Its credential is good"

// failedMend says what mends it.
const failedMend = "mend what the agent's program or its client sends"

// tellFailed completes a verdict over the agent's mail, where calls by which the agent fetches or acknowledges it are
// refused for what they send: such an agent does poll.
func (s *situation) tellFailed(v *Verdict) {
	kind, words := s.failing()
	unfetched := v.Reason == ReasonInboxUnattended && (kind == SignalRegister || kind == FailedPoll)
	unacknowledged := v.Reason == ReasonBacklogStalled && s.mode == Poll && (kind == FailedPoll || kind == FailedAck)
	if !unfetched && !unacknowledged || v.Hop == HopCredential {
		return
	}
	v.Action, v.NextCommand, v.Hop = "inspect", "rollcall doctor "+s.ID, HopAgent
	v.Sentence = failedSentences[kind] // senders read it: it quotes nothing
	v.Hint = words + ", the last that was noted at " + stamp(s.RegisterFailedAt) + ". " + CredentialIsGood + ": " +
		failedMend + ", and restart it; " + s.doctorWords()
	if kind != SignalRegister { // see tellBoot
		v.Evidence = append(v.Evidence, Evidence{s.RegisterFailedAt, words})
	}
}

// failedRemark is the remark that a call is refused for what it sends, while the verdict does not say so.
func (s *situation) failedRemark(v Verdict) []Remark {
	kind, words := s.failing()
	if kind == "" || strings.Contains(v.Hint, words) || v.Reason == ReasonNeverRegistered && kind == SignalRegister {
		return nil
	}
	code := RemarkCallRefused
	if kind == SignalRegister {
		code = RemarkRegisterRefused
	}
	return []Remark{{
		Code: code, Command: "rollcall doctor " + s.ID,
		Text: fmt.Sprintf("%s, at %s. %s: %s", words, stamp(s.RegisterFailedAt), CredentialIsGood, failedMend),
	}}
}
