// Package metrics names Rollcall's CloudWatch metrics: the sweeper writes them
// and the stack has alarms on them.
package metrics

// Namespace is where the metrics are.
const Namespace = "Rollcall"

// The metrics of a sweep. Each counts.
const (
	CountersMended = "CountersMended" // mailboxes whose counters differed from the ledger
	SweepErrors    = "SweepErrors"    // faults that were noted and did not stop the sweep
)
