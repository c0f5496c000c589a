package chat

import "time"

// Told is what became of telling a sender's URL that its message has ended.
type Told struct {
	Tries     int       // how often the URL was called, or was about to be
	At        time.Time // of the last try
	Error     string    // of the last try; "": it was confirmed
	Unreached bool      `json:",omitempty"` // no answer came back in the last try: Error is for who may operate
	Done      bool      // it was confirmed, or given up
}

// ForSender is the error of the last try as the sender is told of it.
func (t Told) ForSender() string {
	if t.Unreached {
		return "the URL could not be reached"
	}
	return t.Error
}

// toldTries is how often a sender's URL is called, and toldPause how long after the first try the second one is due;
// each pause is twice as long as the one before.
const (
	toldTries = 6
	toldPause = time.Minute
)

// Next is when the next try is due; zero for the first.
func (t Told) Next() time.Time {
	if t.Tries == 0 {
		return time.Time{}
	}
	return t.At.Add(toldPause << (t.Tries - 1))
}

// Due reports whether the next try may be made now. A try dated more than maxSkew ahead was noted by a clock that
// jumped, and holds nothing back.
func (t Told) Due(now time.Time) bool {
	return !t.Done && (!now.Before(t.Next()) || t.At.Sub(now) > maxSkew)
}

// toldUnknown is the error of a try whose call is under way, or was cut off.
const toldUnknown = "the outcome of this call is not known"

// Claim is what is written before one more try, so that nobody else makes it too: it counts at once. call is false
// when all tries are used up, the last of them by a call that was cut off; then it is given up.
func (t Told) Claim(now time.Time) (claimed Told, call bool) {
	if t.Tries >= toldTries {
		t.Done = true
		return t, false
	}
	return Told{Tries: t.Tries + 1, At: now, Error: toldUnknown}, true
}

// Tried is what became of a try that was claimed; problem is "" when it was confirmed, and unreached says that no
// answer came back.
func (t Told) Tried(problem string, unreached bool) Told {
	t.Error, t.Unreached, t.Done = problem, unreached, problem == "" || t.Tries >= toldTries
	return t
}

// GiveUp is that the URL is not called any more, and why.
func (t Told) GiveUp(why string) Told {
	t.Error, t.Unreached, t.Done = why, false, true
	return t
}

// ToldState is where telling a sender's URL stands.
type ToldState string

// The states.
const (
	ToldPending   ToldState = "pending"
	ToldConfirmed ToldState = "confirmed"
	ToldGivenUp   ToldState = "given_up"
)

// State is where it stands.
func (t Told) State() ToldState {
	switch {
	case !t.Done:
		return ToldPending
	case t.Error == "":
		return ToldConfirmed
	}
	return ToldGivenUp
}

// Tell is the message after a try to tell its sender's URL of its end.
func (m Message) Tell(t Told) Message {
	m = m.clone()
	m.Told = t
	return m
}
