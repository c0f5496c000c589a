// Package metrics names Rollcall's CloudWatch metrics, and writes them in the
// embedded metric format: functions write them, and the stack has alarms on them
// and a dashboard.
package metrics

import (
	"maps"
	"slices"
	"time"
)

// Namespace is where the metrics are. Each has the dimension Stack, so that stages
// in one account stay apart.
const (
	Namespace = "Rollcall"
	Stack     = "Stack"
	Hop       = "Hop" // PushFailures also has it: the link of the chain at fault
)

// The metrics. Counts, but for those in milliseconds.
const (
	DeliveryAge       = "DeliveryAge"       // milliseconds from the acceptance of a message to its delivery
	MessagesDelivered = "MessagesDelivered" //
	MessagesDead      = "MessagesDead"      // messages whose attempts were used up, or that the agent can't take
	MessagesExpired   = "MessagesExpired"   // messages whose lifetime ended first
	PushFailures      = "PushFailures"      // pushes that failed or reached nobody
	DrainsFailed      = "DrainsFailed"      // drains that ended in a fault of the platform
	ChangesAnnounced  = "ChangesAnnounced"  // changes of verdicts
	SweepDuration     = "SweepDuration"     // milliseconds
	SweepLag          = "SweepLag"          // milliseconds since the last sweep of the whole fleet, or of a segment, ended
	SweepErrors       = "SweepErrors"       // faults that were noted and did not stop the sweep
	PeopleRefused     = "PeopleRefused"     // credentials that came for a person's and are no person's
	CountersMended    = "CountersMended"    // mailboxes whose counters differed from the ledger
)

// CredentialsRefused counts calls whose credential was refused: a filter of the
// functions' logs makes it.
const CredentialsRefused = "CredentialsRefused"

// units are those of metrics that are no counts.
var units = map[string]string{
	DeliveryAge: "Milliseconds", SweepDuration: "Milliseconds", SweepLag: "Milliseconds",
}

type object = map[string]any

// Line is the members of a log line that CloudWatch reads as metrics: values are
// numbers or lists of numbers, by the metrics' names. dimensions are further ones,
// beside the stack's.
func Line(now time.Time, stack string, values map[string]any, dimensions map[string]string) map[string]any {
	sets, line := [][]string{{Stack}}, object{Stack: stack}
	for _, name := range slices.Sorted(maps.Keys(dimensions)) {
		sets, line[name] = append(sets, []string{Stack, name}), dimensions[name]
	}
	var listed []object
	for _, name := range slices.Sorted(maps.Keys(values)) {
		unit := units[name]
		if unit == "" {
			unit = "Count"
		}
		listed, line[name] = append(listed, object{"Name": name, "Unit": unit}), values[name]
	}
	line["_aws"] = object{
		"Timestamp":         now.UnixMilli(),
		"CloudWatchMetrics": []object{{"Namespace": Namespace, "Dimensions": sets, "Metrics": listed}},
	}
	return line
}
