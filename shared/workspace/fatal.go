package workspace

import (
	"fmt"
	"strings"
)

// blamed begins the error of FaultGone; the id of the message and ": " follow.
const blamed = "message "

// Blaming is the error of FaultGone: it names the message at which the agent goes away.
func Blaming(messageID, why string) string { return blamed + messageID + ": " + why }

// fatalMessage is the message that waits, and at which the agent goes away each time; "" when none is known. An id that
// is too long to be kept here is not known. It stands in a command, and so it is one word.
func (s *situation) fatalMessage() string {
	if s.PushFault != FaultGone || s.Open == 0 {
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
