package workspace

import (
	"fmt"
	"time"

	"github.com/rollcall/rollcall/shared/visible"
)

// An agent registers when it boots. A register that was refused says that the next one is refused too, whatever else is
// wrong; so each verdict tells it, from the first one on.

// bootRefused reports whether the last that is known of the agent's registers is that its credential was refused.
func (s *situation) bootRefused() bool {
	return s.Hold == NoHold && s.RegisterRefused > 0 && s.within(s.RegisterRefusedAt, s.p.RefusalMemory)
}

// bootFailed reports whether its last register was refused for another reason than its credential.
func (s *situation) bootFailed() bool {
	return s.Hold == NoHold && s.RegisterFailedAt.After(s.RegisteredAt) && s.within(s.RegisterFailedAt, s.p.RefusalMemory)
}

// AsksForRepair reports whether the facts ask for a repair: then a credential that is accepted is no sign that the
// agent is well.
func AsksForRepair(f Facts, p Policy, now time.Time) bool {
	s := newSituation(&f, Fleet{}, p, now)
	action := s.judge().Action
	return action == "repair" || action == "place_credential" || (s.bootRefused() && !s.refusalsDecayed(p, now))
}

// bootWords says when a register was refused, from where, as far as that is known, and why.
func (s *situation) bootWords() string {
	from := ""
	if s.RegisterRefusedAt.Equal(s.RefusedAt) { // else the address is that of a later call of another kind
		from = " from " + s.RefusedFrom
	}
	return fmt.Sprintf("a register%s was refused at %s, and none was accepted since: it came %s (%s)",
		from, stamp(s.RegisterRefusedAt), s.RegisterRefusedWith.words(), s.RegisterRefusedWith.code())
}

// asksForABoot reports whether a verdict asks for what a register comes with: a restart, or another URL.
func (v Verdict) asksForABoot() bool {
	return v.Action == "restart" || v.Action == "start" || v.Action == "check_url"
}

// mendBoot keeps a verdict from asking for a register alone, where it would be refused.
func (s *situation) mendBoot(v Verdict) Verdict {
	if !v.asksForABoot() || v.Reason == ReasonCredentialsRejected {
		return v
	}
	switch {
	case s.bootRefused() && !s.refusalsDecayed(s.p, s.now):
		v.Action, v.NextCommand, v.Hop = "repair", s.repairCommand(), HopCredential
		v.Hint = fmt.Sprintf("%s; but %s: what it declared before still counts, and its next register is refused too. "+
			"%s", v.Hint, s.bootWords(), s.repairFirst())
	case s.bootFailed() && v.Action != "check_url":
		v.Action = "inspect"
	}
	return v
}

// repairFirst says to repair the credential before a restart.
func (s *situation) repairFirst() string {
	if s.repairShows() {
		return "Repair its credential first: " + s.placeWords()
	}
	return "Repair its credential first, with " + s.repairCommand() + "; " + s.fetchesWords()
}

// tellBoot adds to a verdict that the last register was refused: the agent may be silent, or still be known by what it
// said before, for that reason.
func (s *situation) tellBoot(v *Verdict) {
	if s.bootRefused() {
		v.Evidence = append(v.Evidence, Evidence{s.RegisterRefusedAt, s.bootWords()})
	}
	if s.bootFailed() {
		failed := "a register was refused, and none was accepted since: " + visible.Quoted(s.RegisterFailedWhy)
		v.Evidence = append(v.Evidence, Evidence{s.RegisterFailedAt, failed})
		if v.Status != StatusOnline {
			v.Hint += "; " + failed
		}
	}
}

// bootRemark is the remark that the last register was refused, while the verdict does not say so.
func (s *situation) bootRemark(v Verdict) []Remark {
	if !s.bootRefused() || s.refusalsDecayed(s.p, s.now) || v.Reason == ReasonCredentialsRejected || v.Action == "repair" {
		return nil
	}
	return []Remark{{
		Code: RemarkRegisterRefused, Command: s.repairCommand(),
		Text: s.bootWords() + "; if that was this agent, it needs a repair before it is restarted",
	}}
}
