package workspace

import (
	"fmt"
	"time"

	"github.com/rollcall/rollcall/shared/token"
)

// An agent whose workspace id is mistyped sends its good credential in the name of another workspace, or of none. Its
// calls are refused, and its own workspace hears nothing. So that is noted there: only who has the credential can bring
// it about.

// NoteMisnamed is the facts after a call that was refused, as it came with the workspace's own credential and named
// another; changed is false when it is not worth a write. Calls that an agent makes about others are no sign of a
// mistyped id: see SaysWho.
func NoteMisnamed(f Facts, r Refusal, p Policy, now time.Time) (next Facts, changed bool) {
	if !r.Kind.SaysWho() || f.Hold == Removed || !f.Accepts(r.Hash) || f.RecentlyAccepted(p, now) {
		return f, false
	}
	next, changed = f.noteStranger(r.From, damagedAs(token.Misnamed, true), p, now)
	if changed {
		next = NoteStanding(f, next, p, now)
	}
	return next, changed
}

// SaysWho reports whether an agent says by a call of the kind who it is: it registers, beats or polls.
func (k SignalKind) SaysWho() bool {
	return k == SignalRegister || k == SignalHeartbeat || k == SignalPoll
}

// misnames reports whether the last that is known of the silent agent, from an address of its own, are calls in the
// name of another workspace. From elsewhere they may be a thief's.
func (s *situation) misnames() bool {
	kind, _ := s.StrangerWith.damage()
	return kind == token.Misnamed && s.StrangerAt.After(s.LastSignal()) && s.within(s.StrangerAt, s.p.RefusalMemory) &&
		(s.LastSignal().IsZero() || s.AtHome(s.StrangerFrom, s.now))
}

// tellMisnamed completes the verdict over a silent agent that names another workspace in its calls.
func (s *situation) tellMisnamed(v *Verdict) {
	v.Action, v.NextCommand, v.Hop = "inspect", "rollcall doctor "+s.ID, HopAgent
	v.Sentence = "Its agent's credential comes in calls that name another workspace: they are refused."
	v.Hint = fmt.Sprintf("calls from %s with this workspace's good credential name another workspace, and %s. If that is "+
		"its agent, %s, and restart it; the credential is good, and needs no repair; %s", s.StrangerFrom, s.strangersWhen(),
		damageWords[token.Misnamed].mend, s.doctorWords())
	v.Evidence = append(v.Evidence, s.strangersCall())
}
