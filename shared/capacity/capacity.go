// Package capacity is DynamoDB's rule of what a request consumes, in request units of on-demand mode. Emulators
// report figures of their own, some of them too low; a budget is held against what is billed.
//
// Sources: DynamoDB Developer Guide, "DynamoDB read and write operations" (how requests are rounded, what a failed
// condition costs), "DynamoDB item sizes and formats", "Amazon DynamoDB Transactions: How it works" (capacity
// management for transactions) and "Local secondary indexes" (provisioned throughput considerations).
package capacity

// A write unit is for 1 KB, a read unit for 4 KB.
const (
	writeBytes = 1 << 10
	readBytes  = 4 << 10
)

// InTransaction is how many times its units a write, a condition check or a read of a transaction costs: it is prepared
// and then committed.
const InTransaction = 2

// Write is the units of a write of one item: for the larger of the item before and after it, at least one. A size is 0
// when there is no item. One whose condition fails costs as much as the item that is there.
func Write(before, after int) float64 { return units(max(before, after), writeBytes) }

// Read is the units of a read of one item: half as many when it is eventually consistent. That there is no item costs
// as much as the smallest one.
func Read(bytes int, consistent bool) float64 {
	if consistent {
		return units(bytes, readBytes)
	}
	return units(bytes, readBytes) / 2
}

// ReadMany is the units of a page of a query or of a scan: its items are added up before they are rounded, as they
// stand in the table or in the index, and not as a projection cuts them.
func ReadMany(bytes []int, consistent bool) float64 {
	sum := 0
	for _, n := range bytes {
		sum += n
	}
	return Read(sum, consistent)
}

// Entry is an entry of an item in an index: what its key is there, and its size with what is projected. The zero Entry
// is none.
type Entry struct {
	Key       string
	Projected string // the projected attributes that are no keys, in a form that can be compared
	Bytes     int
}

// WriteEntry is the units that a write of an item costs in one index.
func WriteEntry(before, after Entry) float64 {
	none := Entry{}
	switch {
	case before == after:
		return 0
	case before == none || after == none:
		return Write(before.Bytes, after.Bytes)
	case before.Key != after.Key: // the old entry is deleted, and a new one put
		return Write(before.Bytes, 0) + Write(0, after.Bytes)
	}
	return Write(before.Bytes, after.Bytes)
}

// units rounds bytes up to units of so many, at least one.
func units(bytes, each int) float64 { return float64(max(1, (bytes+each-1)/each)) }
