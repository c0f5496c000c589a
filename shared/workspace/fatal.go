package workspace

import (
	"fmt"
	"strings"

	"github.com/rollcall/rollcall/shared/visible"
)

// An agent may end at a message each time that it is handed it. The push that shows it is followed by others that meet
// the ended process, or by the next message that ends it: they say nothing against it. So what pushes failed with goes
// on to name that message, until the agent takes one, another is named, or that one ends.

// blamed begins the error that names a message at which the agent goes away; the id and ": " follow.
const blamed = "message "

// Blaming is the error that names the message at which the agent goes away.
func Blaming(messageID, why string) string { return blamed + messageID + ": " + why }

// BlameEnded is the error in place of one that names a message, when that one has ended.
const BlameEnded = "it went away at a message that has ended"

// ofEnded reports whether an agent that ends, or that is being started again, brings the fault about. The errors of
// these are the platform's own words, none of which begins as Blaming does.
func (pf PushFault) ofEnded() bool { return pf.ofStopped() || pf == FaultBroken || pf == FaultGone }

// blames reports whether what pushes failed with names a message at which the agent goes away.
func (f *Facts) blames() bool {
	return f.PushFailures > 0 && f.PushFault.ofEnded() && strings.HasPrefix(f.PushError, blamed)
}

// KeepsBlame reports whether a push that failed so says nothing against the message that is named: the error stays.
func (f *Facts) KeepsBlame(pf PushFault) bool { return f.blames() && pf.ofEnded() }

// Blames reports whether this is the message that is named. Of a long id, the facts have the beginning.
func (f *Facts) Blames(messageID string) bool {
	if !f.blames() || messageID == "" {
		return false
	}
	names := Blaming(messageID, "")
	kept, _, cut := strings.Cut(f.PushError, "…")
	return strings.HasPrefix(kept, names) || cut && strings.HasPrefix(names, kept)
}

// failedWords say what the last push failed with, and what the message did that is named.
func (f *Facts) failedWords() string {
	words := visible.Quoted(f.PushError)
	if !f.blames() || f.PushFault == FaultGone {
		return words
	}
	return strings.ReplaceAll(string(f.PushFault), "_", " ") + ", after " + words
}

// fatalMessage is the message that waits, and at which the agent goes away each time; "" when none is known. An id that
// is too long to be kept here is not known. It stands in a command, and so it is one word.
func (s *situation) fatalMessage() string {
	if !s.blames() || s.Open == 0 {
		return ""
	}
	id, _, whole := strings.Cut(strings.TrimPrefix(s.PushError, blamed), ": ")
	if !whole || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	return id
}

// cancelCommand is the command that ends the message at which the agent goes away.
func (s *situation) cancelCommand() string {
	return fmt.Sprintf("rollcall cancel %s %s", s.ID, s.fatalMessage())
}

// fatalWords are what to do about that message.
func (s *situation) fatalWords() string {
	return fmt.Sprintf("the agent goes away each time it is handed this message: look at its log for why; %s ends the "+
		"message; rollcall receipts %s %s shows its tries", s.cancelCommand(), s.ID, s.fatalMessage())
}

// pushHop is the link of the chain that pushes fail at.
func (s *situation) pushHop() Hop {
	if s.blames() && s.Open > 0 {
		return HopAgent
	}
	return s.PushFault.Hop()
}
