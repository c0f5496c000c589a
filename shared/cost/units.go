package cost

import "math"

// Units is what one operation asks of AWS: calls, and DynamoDB's write and read units.
type Units struct {
	Calls       int
	Write, Read float64
}

// The operations of the hot paths, without the texts of messages that are apart. TestBudget holds those that it
// measures to them (make bench prints them); the rule they are counted by is in shared/capacity.
var (
	Heartbeat = Units{Calls: 1, Write: 1}
	EmptyPoll = Units{Calls: 1, Write: 1}
	// Enqueue counts the message on the lease, and puts it with an entry in each of two indexes.
	Enqueue = Units{Calls: 2, Write: 4}
	// Take claims a message: a transaction over the lease and the message, after a look at the open mail.
	Take = Units{Calls: 4, Write: 4, Read: 3}
	// End writes an end: a transaction over the lease, the message and its entry in the index of open mail.
	End = Units{Calls: 3, Write: 6, Read: 3}
)

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
