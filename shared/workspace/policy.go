package workspace

import "time"

// Bootstrap is who may be given a first credential.
type Bootstrap string

// The bootstrap policies.
const (
	Open     Bootstrap = "open"     // anyone who names an unused id: local use only
	Enrolled Bootstrap = "enrolled" // an operator creates the workspace and gets its credential
)

// Policy is every number and choice that a verdict depends on.
type Policy struct {
	Bootstrap Bootstrap
	Peers     Peers

	// LeaseTTL is how long one accepted signal proves life: three beats of the slowest known client (30 s). Grace is
	// added before silence is "offline".
	LeaseTTL, Grace time.Duration
	// PollNoted is how old the last poll that the facts tell of may be while the agent polls on: a poll that says
	// nothing new is not written, see Noted.
	PollNoted time.Duration
	// ShortestBeat and ShortestPoll are how soon agents are asked to send the next heartbeat or poll at the least.
	ShortestBeat, ShortestPoll time.Duration
	// FleetRate is how many calls a second a whole fleet is asked to make: a larger one calls less often. 0: as often as
	// the shortest paces say, however large it is.
	FleetRate float64
	// DeliveryObjective is how long mail may wait before it shows in the status.
	DeliveryObjective time.Duration
	// BusyPatience is how long "busy" explains that nothing was delivered. DeliveryPatience is how long a first
	// attempt under way explains it: as long as one delivery may take.
	BusyPatience, DeliveryPatience time.Duration
	// ProbePatience is how long a probe may be under way that no message stands behind, until what it shows is written.
	ProbePatience time.Duration
	// RefusalsToDegrade is how many refused registers in a row degrade a workspace whose heartbeats pass.
	// RefusalMemory is when they are forgotten.
	RefusalsToDegrade int
	RefusalMemory     time.Duration
	// RefusalDecay is how long after the last refusal they stop to count while everything else is accepted.
	RefusalDecay time.Duration
	// RefusalWriteEvery bounds the writes that a stream of refusals can cause, once their count has reached
	// RefusalsToDegrade.
	RefusalWriteEvery time.Duration
	// TracesAtOnce and TraceEvery bound the lines of each kind that a workspace's calls leave in the status log and in the
	// audit trail.
	TracesAtOnce int
	TraceEvery   time.Duration
	// PushFailuresToDegrade is how many failed pushes in a row are "push_failing".
	PushFailuresToDegrade int
	// AnswerFailuresToDegrade is how many failed tasks in a row are "answers_failing".
	AnswerFailuresToDegrade int
	// HostsInVain is how many hosts, one after another, must be handed mail of which none is acknowledged to show that
	// it is the mail that ends them: the first one, and three that came after it.
	HostsInVain int64
	// BusyBelieved is how long answers that the agent is busy are believed when its heartbeats don't say the same.
	BusyBelieved time.Duration
	// RestLimit is the longest that an agent is ever left alone.
	RestLimit time.Duration
	// LostMailMemory is how long mail that was lost is told.
	LostMailMemory time.Duration
	// FullMemory is how long after a message was refused for want of room the inbox counts as full.
	FullMemory time.Duration
	// ErrorRateEnter and ErrorRateLeave are the hysteresis of "error_rate".
	ErrorRateEnter, ErrorRateLeave float64
	// QuickRegistersToDegrade is how many registers in a row, each sooner after the one before than agents are asked to
	// call, are "restart_loop". RestartsToDegrade is how many are that come later, if something shows of each that the
	// agent started anew.
	QuickRegistersToDegrade, RestartsToDegrade int
	// TakeoversForDuplicate is how many times in a row a previous instance must come back, each within a LeaseTTL,
	// to show that two agents run.
	TakeoversForDuplicate int
	// SuspectLeases and SuspectShare are how many leases, and which share of the fleet's, must run out within one
	// LeaseTTL to point at the platform and not at so many agents.
	SuspectLeases int
	SuspectShare  float64
	// OutageAfter is how long no sweep has to finish before the platform itself may have been unable to hear agents.
	OutageAfter time.Duration
	// SuspectFor is how long after the end of a lease's grace the platform may be suspected instead of the agent: the
	// longest that a real death can stay hidden.
	SuspectFor time.Duration
	// ProbeEvery is how often an idle workspace is probed when nothing else has shown that mail reaches it; 0
	// disables probing.
	ProbeEvery time.Duration
	// BootstrapWindow is how long a repair leaves bootstrap open.
	BootstrapWindow time.Duration
}

// PollPatience is how long an agent that polls may go without a poll: as long as mail may wait, and two calls at the
// slowest pace that agents are asked to call at.
func (p Policy) PollPatience() time.Duration { return max(p.DeliveryObjective, 2*p.LeaseTTL/3) }

// quickRegister is how soon after the last one a register is one of an agent that starts again and again: sooner than
// any agent is asked to call, so that one that registers to keep its lease is none.
func (p Policy) quickRegister() time.Duration { return min(p.ShortestBeat, p.LeaseTTL/6) }

// restartPause is how long what starts a program may wait until it starts it again: Kubernetes waits for up to five
// minutes.
func (p Policy) restartPause() time.Duration { return 4 * (p.LeaseTTL + p.Grace) }

// startSignsToDegrade is how many StartSigns are "restart_loop". A register that comes later counts for more.
func (p Policy) startSignsToDegrade() int { return p.QuickRegistersToDegrade * p.RestartsToDegrade }

// DefaultPolicy is what a deployment runs with.
func DefaultPolicy() Policy {
	return Policy{
		Bootstrap:             Enrolled,
		Peers:                 PeersFleet,
		LeaseTTL:              90 * time.Second,
		Grace:                 30 * time.Second,
		PollNoted:             90 * time.Second / 4,
		ShortestBeat:          15 * time.Second,
		ShortestPoll:          5 * time.Second,
		FleetRate:             500, // a quarter of what the API takes by default
		DeliveryObjective:     60 * time.Second,
		BusyPatience:          10 * time.Minute,
		DeliveryPatience:      150 * time.Second,
		ProbePatience:         20 * time.Second,
		RefusalsToDegrade:     2,
		RefusalMemory:         24 * time.Hour,
		RefusalDecay:          30 * time.Minute,
		RefusalWriteEvery:     30 * time.Second,
		TracesAtOnce:          6,
		TraceEvery:            time.Minute,
		PushFailuresToDegrade: 3,

		AnswerFailuresToDegrade: 3,
		HostsInVain:             4,
		BusyBelieved:            time.Minute,
		RestLimit:               5 * time.Minute,
		LostMailMemory:          24 * time.Hour,

		FullMemory: 2 * time.Minute,

		ErrorRateEnter:        0.5,
		ErrorRateLeave:        0.1,
		TakeoversForDuplicate: 2,

		QuickRegistersToDegrade: 8, // nine starts, as Docker makes before its pauses are too long to be soon
		RestartsToDegrade:       5,

		SuspectLeases:   5,
		SuspectShare:    0.5,
		OutageAfter:     3 * time.Minute,
		SuspectFor:      5 * time.Minute,
		BootstrapWindow: 15 * time.Minute,
	}
}
