package chat

import "time"

// Told is what became of telling a sender's URL that its message has ended.
type Told struct {
	Tries int
	At    time.Time // of the last try
	Error string    // of the last try; "": it was confirmed
	Done  bool      // it was confirmed, or given up
}

// toldTries is how often a sender's URL is called, and toldPause how long after the first try the second one is due;
// each pause is twice as long as the one before.
const (
	toldTries = 6
	toldPause = time.Minute
)

// Due reports whether the next try may be made now.
func (t Told) Due(now time.Time) bool {
	return !t.Done && (t.Tries == 0 || !now.Before(t.At.Add(toldPause<<(t.Tries-1))))
}

// Tried is what became of it after one more try; problem is "" when it was confirmed.
func (t Told) Tried(problem string, now time.Time) Told {
	t.Tries, t.At, t.Error = t.Tries+1, now, problem
	t.Done = problem == "" || t.Tries >= toldTries
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
