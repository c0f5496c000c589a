package workspace

import "time"

// Bootstrap says who may be given a first credential.
type Bootstrap string

// The bootstrap policies.
const (
	Open     Bootstrap = "open"     // anyone who names an unused id: local use only
	Enrolled Bootstrap = "enrolled" // an operator creates the workspace and gets its credential
)

// Policy is every number and choice a verdict rests on.
type Policy struct {
	Bootstrap Bootstrap

	// LeaseTTL is how long one accepted signal proves life; three beats of the
	// slowest known client (30 s). Grace is added before silence is "offline".
	LeaseTTL, Grace time.Duration
	// HeartbeatEvery is what the server asks agents for.
	HeartbeatEvery time.Duration
	// DeliveryObjective is how long mail may wait before someone must be told.
	DeliveryObjective time.Duration
	// BusyPatience is how long "busy" explains that nothing was delivered, and
	// DeliveryPatience how long a first attempt that is under way does: as long as
	// one delivery may take.
	BusyPatience, DeliveryPatience time.Duration
	// RefusalsToDegrade register refusals in a row degrade a workspace whose
	// heartbeats pass; RefusalMemory is when they are forgiven.
	RefusalsToDegrade int
	RefusalMemory     time.Duration
	// RefusalWriteEvery bounds the writes a stream of refusals can cause, once
	// the count has reached RefusalsToDegrade.
	RefusalWriteEvery time.Duration
	// PushFailuresToDegrade failed pushes in a row are "push_failing".
	PushFailuresToDegrade int
	// ErrorRateEnter and ErrorRateLeave are the hysteresis of "error_rate".
	ErrorRateEnter, ErrorRateLeave float64
	// TakeoversForDuplicate times in a row that a former incarnation comes back,
	// each within a LeaseTTL, make two agents of one.
	TakeoversForDuplicate int
	// SuspectLeases leases, and SuspectShare of the fleet, that run out within
	// one LeaseTTL point at the platform and not at so many agents.
	SuspectLeases int
	SuspectShare  float64
	// OutageAfter without a finished sweep, the platform itself may have been deaf.
	OutageAfter time.Duration
	// SuspectFor is how long after a lease's grace the platform may be suspected
	// in the agent's place: the longest that a real death can hide behind it.
	SuspectFor time.Duration
	// ProbeEvery is how often an idle workspace of which nothing else proves that
	// mail reaches it is probed; 0 is never.
	ProbeEvery time.Duration
	// BootstrapWindow is how long a repair leaves bootstrap open.
	BootstrapWindow time.Duration
}

// DefaultPolicy is what a deployment runs with.
func DefaultPolicy() Policy {
	return Policy{
		Bootstrap:             Enrolled,
		LeaseTTL:              90 * time.Second,
		Grace:                 30 * time.Second,
		HeartbeatEvery:        30 * time.Second,
		DeliveryObjective:     60 * time.Second,
		BusyPatience:          10 * time.Minute,
		DeliveryPatience:      150 * time.Second,
		RefusalsToDegrade:     2,
		RefusalMemory:         24 * time.Hour,
		RefusalWriteEvery:     30 * time.Second,
		PushFailuresToDegrade: 3,
		ErrorRateEnter:        0.5,
		ErrorRateLeave:        0.1,
		TakeoversForDuplicate: 2,
		SuspectLeases:         5,
		SuspectShare:          0.5,
		OutageAfter:           3 * time.Minute,
		SuspectFor:            5 * time.Minute,
		BootstrapWindow:       15 * time.Minute,
	}
}
