package cost

// Units is what one operation asks of AWS: calls, and DynamoDB's write and read units.
type Units struct {
	Calls       int
	Write, Read float64
}

// The operations of the hot paths, with messages of at most 1 KB. TestBudget holds those that it
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

// RewritesOfBody is how many write units a message costs from accept to end for each KB above the first: one when it is
// put, two in the transaction that claims it, two in the one that ends it.
const RewritesOfBody = 1 + 2 + 2

// ReadsOfBody is how many read units a message costs for each 4 KB above the first: it is read before it is claimed and
// before it ends, strongly consistent.
const ReadsOfBody = 2
