package workspace

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"
)

// Unacknowledged is a message that polls were handed again and again, the last time alone, and that the agent has not
// acknowledged: it may be what the agent fails at. The lease has it where the words of a failed task stand: who polls
// fails no task that it was pushed.
type Unacknowledged struct {
	Times int       // how often it was handed out
	Since time.Time // when first
	ID    string    // "": it is too long to be kept, or is more than a word
	mark  string    // what stands for the id in the lease
}

// maxUnacknowledgedID is how many bytes of an id the lease keeps: those of a UUID.
const maxUnacknowledgedID = 36

// mostHandedOut is the largest number of times that the lease keeps.
const mostHandedOut = 36*36 - 1

// markOf is what stands for the id of a message in the lease: itself, if it fits, and a command can have it.
func markOf(id string) string {
	if len(id) <= maxUnacknowledgedID && !strings.HasPrefix(id, "~") && isWord(id) {
		return id
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(id)) // it takes all
	return "~" + strconv.FormatUint(h.Sum64(), 36)
}

// isWord reports whether an id can stand in a command as it is.
func isWord(id string) bool {
	return id != "" && !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' })
}

// NoteUnacknowledged is the text with which the lease names a message: at most MaxWords bytes.
func NoteUnacknowledged(id string, times int, since time.Time) string {
	return fmt.Sprintf("%s %s %s", strconv.FormatInt(max(0, since.Unix()), 36),
		strconv.FormatInt(int64(min(times, mostHandedOut)), 36), markOf(id))
}

// Unacknowledged is the message that the lease names so; ok is false when there is none.
func (f *Facts) Unacknowledged() (u Unacknowledged, ok bool) {
	if f.AnswerFailures > 0 || f.AnswerError == "" || f.Open == 0 {
		return u, false
	}
	words := strings.SplitN(f.AnswerError, " ", 3)
	if len(words) != 3 {
		return u, false
	}
	since, err := strconv.ParseInt(words[0], 36, 64)
	times, err2 := strconv.ParseInt(words[1], 36, 32)
	if err != nil || err2 != nil || !isWord(words[2]) { // these are an agent's words
		return u, false
	}
	u = Unacknowledged{Times: int(times), Since: time.Unix(since, 0).UTC(), mark: words[2]}
	if markOf(u.mark) == u.mark { // else the agent may have written it
		u.ID = u.mark
	}
	return u, true
}

// Names reports whether it is the message of this id.
func (u Unacknowledged) Names(id string) bool { return u.mark != "" && u.mark == markOf(id) }

// takesOthers reports whether the agent has acknowledged other mail while one message is not.
func (f *Facts) takesOthers() bool {
	u, ok := f.Unacknowledged()
	return ok && f.DeliveredAt.After(u.Since)
}

// unacknowledgedMessage is the verdict over an agent that fetches its mail, and has not acknowledged one message that
// it was handed again and again; nil without one. Other mail that it takes and a restart acknowledge no such message.
// One that takes no other, and says that it is at work, may be at work on it.
func (s *situation) unacknowledgedMessage() *Verdict {
	u, ok := s.Unacknowledged()
	due := latest(u.Since.Add(2*s.p.DeliveryObjective), s.ResumedAt)
	if !ok || s.mode != Poll || s.now.Before(due) || s.busyExplains(s.p, s.now) && !s.takesOthers() && !s.startsInVain() {
		return nil
	}
	v := &Verdict{
		Status: StatusDegraded, Reason: ReasonBacklogStalled, Action: "inspect", Hop: HopAgent, Since: due,
		Sentence: "Its agent was handed one of its messages again and again, and does not acknowledge it.",
	}
	name, ends := "message "+u.ID, fmt.Sprintf("rollcall cancel %s %s", s.ID, u.ID)
	look := fmt.Sprintf("rollcall receipts %s %s", s.ID, u.ID)
	v.NextCommand = look
	if u.ID == "" {
		name, ends = "one message", fmt.Sprintf("rollcall cancel %s MESSAGE", s.ID)
		look = fmt.Sprintf("rollcall receipts %s, which lists its id", s.ID)
		v.NextCommand = ""
	}
	others := "it has acknowledged no other mail since. This message may be what it fails at"
	switch {
	case s.takesOthers():
		v.Sentence = "Its agent takes messages, but for one that it was handed again and again, and does not acknowledge."
		others = "it has acknowledged other mail since. This message may be what it fails at"
		if u.ID != "" {
			v.NextCommand = ends
		}
	case s.DeliveredAt.IsZero():
		others = "it acknowledges nothing. Check that it acknowledges what it has done, " + acknowledges + ". If it does, " +
			"this message may be what it fails at"
	}
	v.Hint = fmt.Sprintf("%s was handed out %d times since %s, and the agent has not acknowledged it; %s: ", name, u.Times,
		stamp(u.Since), others)
	switch again := s.RegisteredAt; {
	case !again.After(u.Since):
	case s.startsInVain():
		v.Hint += fmt.Sprintf("each of its last %d starts was handed its mail, and none acknowledged any of it: ",
			s.FetchedHosts)
	case s.justNow(again) && s.QuickRegisters < 2:
		v.Action = "wait"
		v.Hint += fmt.Sprintf("it registered again at %s, so wait until it acknowledges the message. If it does not: ",
			stamp(again))
	default:
		v.Hint += fmt.Sprintf("it registered again at %s, and that did not help: ", stamp(again))
	}
	v.Hint += fmt.Sprintf("look at its log for what it does with it, and at %s; %s ends it. The others are handed out "+
		"without it", look, ends)
	handed := fmt.Sprintf("from then on %s was handed out, %d times, and not acknowledged", name, u.Times)
	v.Evidence = append(s.mailEvidence(), Evidence{u.Since, handed}, s.lastPoll())
	if s.RegisteredAt.After(u.Since) {
		v.Evidence = append(v.Evidence, Evidence{s.RegisteredAt, "last start"})
	}
	return v
}
