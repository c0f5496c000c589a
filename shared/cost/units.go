package cost

import (
	"math"
	"time"
)

// Units is what one operation asks of AWS: calls, and DynamoDB's write and read units.
type Units struct {
	Calls       int
	Write, Read float64
}

// The operations of the hot paths, without the texts of messages that are apart. TestBudget holds those that it
// measures to them (make bench prints them); the rule they are counted by is in shared/capacity.
var (
	Heartbeat = Units{Calls: 1, Write: 1}
	// WrittenPoll is an empty poll that is written: a read comes first.
	WrittenPoll = Units{Calls: 2, Write: 1, Read: 1}
	// Enqueue counts the message on the lease, and puts it with an entry in each of two indexes.
	Enqueue = Units{Calls: 2, Write: 4}
	// Take claims a message: a transaction over the lease and the message, after a look at the open mail.
	Take = Units{Calls: 4, Write: 4, Read: 3}
	// End writes an end: a transaction over the lease, the message and its entry in the index of open mail.
	End = Units{Calls: 3, Write: 6, Read: 3}
)

// pollNoted is how long a written poll stands for those after it (workspace.Policy.PollNoted).
const pollNoted = 22500 * time.Millisecond

// EmptyPoll is one of the polls of an agent that polls so often and has no mail, on average: each reads the lease, and
// one in so many is written. A heartbeat in between has the poll after it written too; beatEvery is 0 without
// heartbeats.
func EmptyPoll(every, beatEvery time.Duration) Units {
	if every <= 0 {
		return WrittenPoll
	}
	written := 1 / math.Ceil(float64(pollNoted)/float64(every))
	if beatEvery > 0 {
		written += float64(every) / float64(beatEvery)
	}
	return Units{Calls: 1, Write: min(1, written), Read: 1}
}

// inlineKB is the longest body that stands in its message's item (chat.InlineText).
const inlineKB = 0.25

// ofText is what a body and an answer of so many KB cost beside their message, from accept to end: they are written
// once and read once, each as items of their own, after a look whether the message is new.
func ofText(kb float64) (write, read float64) {
	if kb <= inlineKB {
		return 0, 0
	}
	return math.Ceil(kb), 1 + math.Ceil(kb/4)
}
