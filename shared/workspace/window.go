package workspace

import (
	"fmt"
	"strings"
	"time"
)

// A bootstrap window lets in one address, or whoever registers first. Whoever opened it is told which, and whether
// calls from another address are refused: these go on being refused.

// restartIfSilent asks for the register that ends an open window. Some agents register again and again when they are
// refused; others end, or go on as before.
const restartIfSilent = "restart the agent if it does not register again"

// AfterRepair says what comes after a repair that opened a window; before is the facts before it, and f those after it.
func AfterRepair(before, f Facts, p Policy, now time.Time) string {
	s := newSituation(&f, Fleet{}, p, now)
	whose := "the first register, from whatever address, is given a new credential; "
	if f.BootstrapFrom != "" {
		whose = "its register from " + f.BootstrapFrom + ", and from no other address, is given a new credential; "
	}
	next := restartIfSilent + " before the window ends: " + whose + before.fetchesWords()
	return next + s.refusedElsewhere(next)
}

// windowFor is whom the bootstrap window is open to, in words.
func (s *situation) windowFor() string {
	if s.BootstrapFrom == "" {
		return "whoever registers first"
	}
	return s.BootstrapFrom
}

// refusedElsewhere is what follows on what is said of an open window, if calls from another address than the window's
// are refused: the agent may have moved, or it may be a thief. No command moves a window that is open: that takes a
// person who knows where the agent is. It names the command that lets nobody in, unless that is said already.
func (s *situation) refusedElsewhere(said string) string {
	own := s.refusedBesideWindow(s.RefusedFrom, s.RefusedAt)
	stranger := s.refusedBesideWindow(s.StrangerFrom, s.StrangerAt) && !s.StrangerWith.ofAnother() &&
		!s.misnames()
	from, at, known := s.RefusedFrom, s.RefusedAt, "If you don't know whose they are"
	switch {
	case !own && !stranger:
		return ""
	case !own:
		from, at = s.StrangerFrom, s.StrangerAt
	case stranger && s.StrangerFrom != s.RefusedFrom:
		from, at = from+" and "+s.StrangerFrom, latest(at, s.StrangerAt)
	case s.refusedAtHome() && !s.distrusted():
		known = "Calls were accepted from there lately; but if you don't know that its agent is there now"
	}
	when := "were refused, the last at " + stamp(at)
	if s.within(at, s.p.LeaseTTL) {
		when = "are being refused"
	}
	show := " (" + s.showCommand() + ")"
	if strings.Contains(said, s.showCommand()) {
		show = ""
	}
	return fmt.Sprintf("; but calls from %s %s, and the window is not for them. %s, have a credential shown and place "+
		"it%s: that lets nobody in. If you know that they are this agent's, repair it with --from and that address",
		from, when, known, show)
}

// refusedBesideWindow reports whether a call that was refused came from another address than the one that the window is
// for, and is worth telling: it was refused just now, or since the window opened, or since the agent was last heard.
func (s *situation) refusedBesideWindow(from string, at time.Time) bool {
	if s.BootstrapFrom == "" || from == "" || from == s.BootstrapFrom {
		return false
	}
	told := !at.Before(s.windowOpened(s.p)) || at.After(s.LastSignal())
	return s.within(at, s.p.LeaseTTL) || told && s.within(at, s.p.RefusalMemory)
}
