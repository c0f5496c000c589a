package model

import "fmt"

// Rules say what the protocol does and what a search tries.
type Rules struct {
	Mistakes

	MaxFaults         uint8 // in one history
	MaxAttempts       uint8 // that a message uses up before it is set aside; at most 3
	MaxDrains         int   // at once; at most DrainCount
	TwoHosts          bool  // a new host takes over while the one before goes on; this also counts epochs
	ReplacedHostPolls bool  // the replaced host polls at any time, as a copy of the new one does
	PushOnly          bool  // no host ever polls
	SeparateTimers    bool  // each timer runs out by itself; else all run out together
	Expiry            bool  // messages have a time to live
	Trouble           bool  // an agent that hangs or fails all mail for a while, and messages that always fail
	TwoOutages        bool  // of the agent, in one history; else one
	NoOperator        bool  // no operator does anything, except to mend what a start has broken
	// NoNames leaves the steps without names: writing them takes most of a search's
	// time.
	NoNames bool
}

// Mistakes are choices that break a promise. The real protocol makes none of them:
// each is there to show that the search finds it.
type Mistakes struct {
	// Mistakes of the system this one replaces.

	SecondBusyDelivers bool // the second busy answer marks the message delivered
	ClaimNeverEnds     bool // a claim has no visibility timeout
	StoredModeWins     bool // the stored mode wins over what the agent declares and does

	// Mistakes that are easy to make.

	CursorAcksAllBefore    bool // a cursor acknowledges every row before it, handed out or not
	SameCursorAcks         bool // a cursor acknowledges what was handed out to a poll with that same cursor
	ReplacedHostAcks       bool // a cursor acknowledges whatever its epoch
	OldClaimKept           bool // a poll keeps the claim of an older epoch on what it hands out again
	ReplacedHostPushCounts bool // a push claims and writes its outcome though its URL was replaced
	PollTakesFromPush      bool // a poll takes a message that a push has claimed
	OutcomeUnchecked       bool // an outcome is written whoever has claimed the message since
	NoSlotLock             bool // drains do not lock the task slot
	SweepNeverWakes        bool // a sweep sends no wake-up
	HeartbeatNeverWakes    bool // a heartbeat sends no wake-up
	RegisterUndoesRemoval  bool
	PausedHandsOut         bool // a paused workspace answers polls with its mail
	RepeatIsAccepted       bool // an id that is sent again is accepted again
	ExpiresWhileClaimed    bool // a message ends with its lifetime though its claim is active
	ExpiresBeforeAck       bool // a poll ends what is over before it reads its cursor
	UnreachableCounts      bool // a push that did not reach the agent uses up an attempt
	RestOutlivesRegister   bool // a register leaves the rest of the lane as it is
	AsideOutlivesRegister  bool // a register leaves what is set aside as it is, also what no host died of
	KillerGoesFirst        bool // a message that the agent dies of is handed to each new host before all others
	ClaimOutlivesRegister  bool // a push to a URL that another has replaced holds its message
	LockOutlivesRegister   bool // a push to a URL that another has replaced holds the task slot
	NoAside                bool // a message that has used up its attempts stays the head
	AsideHoldsLane         bool // nothing goes before a message that is set aside
	DiesWithoutPass        bool // a message is dead when it has used up its attempts, though no other one passed
	PoisonNeverDies        bool // a message is never dead, however many others pass
	LostNeverAside         bool // an attempt that was lost never sets a message aside
	HangNeverCounts        bool // a message that hangs the agent uses up no attempt, though a probe passes
	BreakNeverCounts       bool // a message that breaks its connection uses up no attempt, though a probe passes
	BreakNeverProbed       bool // no probe is sent when the connection broke
	ProbeIsAMessage        bool // a probe that passes shows that other messages pass
	EndedClaimHoldsLane    bool // in trouble, a message in flight holds the lane though its claim has ended
	NewURLNeverTried       bool // nobody finds out whether a new URL can be reached, unless mail waits
	NoProbeWithoutMail     bool // nobody finds out whether an agent that failed is back, unless mail waits
}

// name is the name of a step, or "" when steps have none.
func (r Rules) name(format string, args ...any) string {
	if r.NoNames {
		return ""
	}
	return fmt.Sprintf(format, args...)
}
