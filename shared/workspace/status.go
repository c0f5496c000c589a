package workspace

import (
	"fmt"
	"slices"
	"time"
)

// Status is what an operator sees first.
type Status string

// The statuses. No status is ever stored to decide anything.
const (
	StatusRemoved      Status = "removed"
	StatusPaused       Status = "paused"
	StatusProvisioning Status = "provisioning"
	StatusOnline       Status = "online"
	StatusDegraded     Status = "degraded"
	StatusOffline      Status = "offline"
	StatusUnknown      Status = "unknown"
)

// Reason is the code of why a workspace has its status.
type Reason string

// The reasons, in the order in which Assess looks for them.
const (
	ReasonRemoved             Reason = "removed"
	ReasonPaused              Reason = "paused"
	ReasonCredentialsRejected Reason = "credentials_rejected"
	ReasonNeverRegistered     Reason = "never_registered"
	ReasonPlatformSuspect     Reason = "platform_suspect"
	ReasonLeaseExpired        Reason = "lease_expired"
	ReasonDuplicateHost       Reason = "duplicate_host"
	ReasonRuntimeWedged       Reason = "runtime_wedged"
	ReasonInboxUnattended     Reason = "inbox_unattended"
	ReasonPushFailing         Reason = "push_failing"
	ReasonBacklogStalled      Reason = "backlog_stalled"
	ReasonErrorRate           Reason = "error_rate"
	ReasonBusy                Reason = "busy"
	ReasonHealthy             Reason = "healthy"
)

// Evidence is one dated fact that a verdict rests on.
type Evidence struct {
	At   time.Time `json:"at"`
	Fact string    `json:"fact"`
}

// Verdict answers: will a message sent now reach the agent, and if not, why, since when, and what mends it?
type Verdict struct {
	Status   Status     `json:"status"`
	Reason   Reason     `json:"reason"`
	Since    time.Time  `json:"since"`
	Hint     string     `json:"hint"`
	Action   string     `json:"action"`
	Evidence []Evidence `json:"evidence"`
	// RecheckAt is when the passing of time alone would change this verdict; zero: never.
	RecheckAt time.Time `json:"recheck_at,omitzero"`
}

// Reachable reports whether the agent can be handed mail now: it is alive, and the credential it holds is accepted.
// Trouble with the mail itself does not make it unreachable, or delivery would never be tried again.
func (v Verdict) Reachable() bool {
	switch v.Status {
	case StatusOnline:
		return true
	case StatusDegraded:
		return v.Reason != ReasonCredentialsRejected
	}
	return false
}

// rules is the status table: the first rule that returns a verdict decides.
var rules = []func(situation) *Verdict{
	onHold,
	credentialsRevoked,
	credentialsRejected,
	neverRegistered,
	platformSuspect,
	leaseExpired,
	duplicateHost,
	runtimeWedged,
	inboxUnattended,
	pushFailing,
	backlogStalled,
	probeLost,
	errorRate,
}

// Assess is the only place that names a status. It is called on every read, so a status is true at the second it is
// read, with no writer in between. It knows one workspace only: Fleet.Assess decides over one that has fallen silent.
func Assess(f Facts, p Policy, now time.Time) Verdict { return Fleet{}.Assess(f, p, now) }

// Assess is the verdict over a workspace, with what is known of its fleet: when many agents fall silent at once, or
// the platform was out of order, silence proves nothing for a while.
func (fl Fleet) Assess(f Facts, p Policy, now time.Time) Verdict {
	s := newSituation(f, fl, p, now)
	v := s.judge()
	if v.Since.IsZero() {
		v.Since = f.CreatedAt
	}
	neverHappened := func(e Evidence) bool { return e.At.IsZero() }
	v.Evidence = slices.DeleteFunc(v.Evidence, neverHappened)
	v.RecheckAt = s.recheckAt(v)
	if v.Reason != ReasonRemoved && s.within(f.StrangerAt, p.RefusalMemory) {
		v.Evidence = append(v.Evidence, Evidence{f.StrangerAt, fmt.Sprintf("warning: an attempt from %s %s was refused; "+
			"it can't be attributed to this agent and changes nothing", f.StrangerFrom, f.StrangerWith.words())})
	}
	return v
}

// situation is what the rules look at.
type situation struct {
	Facts
	fleet Fleet
	p     Policy
	now   time.Time
	mode  Mode
}

func newSituation(f Facts, fl Fleet, p Policy, now time.Time) situation {
	return situation{Facts: f, fleet: fl, p: p, now: now, mode: EffectiveMode(f, p, now).Effective}
}

func (s situation) judge() Verdict {
	for _, rule := range rules {
		if v := rule(s); v != nil {
			return *v
		}
	}
	return *healthy(s)
}

// within reports whether t is less than d ago.
func (s situation) within(t time.Time, d time.Duration) bool { return !t.IsZero() && s.now.Sub(t) < d }

func (s situation) leased() bool { return s.Leased(s.p, s.now) }

// recheckAt is the first moment after now at which time alone makes the verdict another one.
func (s situation) recheckAt(v Verdict) time.Time {
	for _, at := range s.deadlines() {
		then := newSituation(s.Facts, s.fleet, s.p, at).judge()
		if then.Status != v.Status || then.Reason != v.Reason || then.Action != v.Action {
			return at
		}
	}
	return time.Time{}
}

// deadlines are the moments after now, in order, at which one of the clocks that the rules read runs out. A rule that
// reads another clock adds it here.
func (s situation) deadlines() []time.Time {
	p := s.p
	var out []time.Time
	for _, clock := range []struct {
		from  time.Time
		after []time.Duration
	}{
		{s.LeaseUntil, []time.Duration{p.Grace, p.Grace + p.SuspectFor}},
		{s.fleet.OutageEnd, []time.Duration{p.LeaseTTL + p.Grace}},
		{s.TakenOverAt, []time.Duration{p.LeaseTTL}},
		{s.LastSignal(), []time.Duration{p.LeaseTTL / 2}},
		{s.ActiveAt, []time.Duration{p.LeaseTTL, -maxSkew}},
		{s.RefusedAt, []time.Duration{p.LeaseTTL, p.RefusalMemory}},
		{s.AlternatedAt, []time.Duration{p.LeaseTTL}},
		{s.BootstrapUntil, []time.Duration{0}},
		{s.OldestOpen, []time.Duration{p.DeliveryObjective, 2 * p.DeliveryObjective, p.BusyPatience, p.DeliveryPatience}},
		{s.DeliveredAt, []time.Duration{p.DeliveryObjective, 2 * p.DeliveryObjective, p.BusyPatience, p.DeliveryPatience}},
		{s.RegisteredAt, []time.Duration{p.DeliveryObjective}},
		{s.PolledAt, []time.Duration{p.DeliveryObjective}},
	} {
		for _, after := range clock.after {
			if at := clock.from.Add(after); !clock.from.IsZero() && at.After(s.now) {
				out = append(out, at)
			}
		}
	}
	slices.SortFunc(out, time.Time.Compare)
	return out
}

// mailOverdue reports whether the oldest message has waited for longer than the objective.
func (s situation) mailOverdue() bool {
	return s.Open > 0 && s.now.Sub(s.OldestOpen) >= s.p.DeliveryObjective
}

// stuckFor reports whether mail has waited for d without a delivery.
func (s situation) stuckFor(d time.Duration) bool {
	return s.Open > 0 && s.now.Sub(latest(s.OldestOpen, s.DeliveredAt)) >= d
}

func (s situation) mailEvidence() []Evidence {
	if s.Open == 0 {
		return nil
	}
	ev := []Evidence{{s.OldestOpen, fmt.Sprintf("the oldest of %d waiting messages was accepted", s.Open)}}
	if !s.DeliveredAt.IsZero() {
		ev = append(ev, Evidence{s.DeliveredAt, "last delivery"})
	}
	return ev
}

// strangerHint adds to a hint that somebody at another address is refused now: that may be the silent agent itself,
// without its credential at a new address.
func (s situation) strangerHint() string {
	if !s.within(s.StrangerAt, s.p.LeaseTTL) {
		return ""
	}
	return fmt.Sprintf("; calls from %s %s are being refused now: if that is this agent, rollcall repair %s",
		s.StrangerFrom, s.StrangerWith.words(), s.ID)
}

// repairHint is how an operator repairs the workspace's credentials.
func (s situation) repairHint() string {
	return fmt.Sprintf("rollcall repair %[1]s (POST /workspaces/%[1]s/repair)", s.ID)
}

func onHold(s situation) *Verdict {
	switch s.Hold {
	case Removed:
		return &Verdict{
			Status: StatusRemoved, Reason: ReasonRemoved, Since: s.HoldSince, Action: "stop",
			Hint:     "an operator removed this workspace; create it again to use it",
			Evidence: []Evidence{{s.HoldSince, "removed by an operator"}},
		}
	case Paused:
		return &Verdict{
			Status: StatusPaused, Reason: ReasonPaused, Since: s.HoldSince, Action: "resume",
			Hint:     "an operator paused this workspace; its mail waits",
			Evidence: []Evidence{{s.HoldSince, "paused by an operator"}},
		}
	}
	return nil
}

// credentialsRevoked: an operator took the agent's credentials away, or issued another in their place, and the agent
// has yet to come with a new one.
func credentialsRevoked(s situation) *Verdict {
	if (s.Enrolled() && s.RevokedAt.IsZero()) || s.LastSignal().IsZero() {
		return nil
	}
	v := &Verdict{
		Status: StatusDegraded, Reason: ReasonCredentialsRejected, Action: "restart",
		Since: latest(s.RevokedAt, s.LastSignal()),
		Hint: fmt.Sprintf("its credentials are revoked; bootstrap is open until %s: "+
			"restart the agent so that it registers again", stamp(s.BootstrapUntil)),
		Evidence: []Evidence{
			{s.LastSignal(), "last accepted call, with a credential that is revoked now"},
			{s.RevokedAt, "an operator revoked its credentials"},
		},
	}
	if !s.BootstrapUntil.IsZero() {
		v.Evidence = append(v.Evidence, Evidence{s.BootstrapUntil, "the bootstrap window ends"})
	}
	switch {
	case s.Enrolled():
		v.Hint = fmt.Sprintf("an operator issued it a new credential, and it has not come with it yet: "+
			"give it to the agent and restart it, or rollcall repair %s if that credential is lost", s.ID)
	case !s.now.Before(s.BootstrapUntil):
		v.Action = "repair"
		v.Hint = "its credentials are revoked and no bootstrap window is open: open one with " + s.repairHint() +
			", then restart the agent"
	}
	if !s.RefusedAt.IsZero() {
		v.Evidence = append(v.Evidence, Evidence{s.RefusedAt, "last refused attempt, from " + s.RefusedFrom})
	}
	if !s.leased() && !s.within(s.RefusedAt, s.p.LeaseTTL) {
		v.Status = StatusOffline
	}
	return v
}

// credentialsRejected: the agent is plainly there, and its credential is refused.
func credentialsRejected(s situation) *Verdict {
	if s.refusalCount() == 0 {
		return nil
	}
	v := &Verdict{
		Status: StatusDegraded, Reason: ReasonCredentialsRejected, Since: s.RefusedSince, Action: "repair",
		Hint: "the agent is running but its credential is refused: repair it with " + s.repairHint() +
			", then restart the agent so that it registers again",
		Evidence: s.refusalEvidence(),
	}
	lastCallRefused := s.RefusedAt.After(s.LastSignal())
	switch {
	case s.otherCallsRefused():
		v.Hint = "the agent's heartbeats pass, but its polls and other calls bring a credential that is refused: " +
			"see that it uses one credential for all (a saved file may win over its environment), " +
			"or repair it with " + s.repairHint() + " and restart it"
	case lastCallRefused && s.refusedNow(), s.registersRefused():
	case lastCallRefused && !s.leased():
		v.Status = StatusOffline
	default:
		return nil
	}
	return v
}

// otherCallsRefused reports whether heartbeats pass while polls or other calls are refused: the agent uses two
// credentials.
func (s situation) otherCallsRefused() bool {
	return s.leased() && s.refusedAtHome() && s.within(s.RefusedAt, s.p.LeaseTTL) &&
		s.CallsRefused >= s.p.RefusalsToDegrade && s.HeartbeatAt.After(s.RefusedSince)
}

// refusedNow reports whether the agent is alive by its refused attempts. While it is leased, that takes several of
// them. If the refused agent may be another one (it calls from another address, or in turn with accepted calls), the
// accepted calls must have stopped too.
func (s situation) refusedNow() bool {
	if !s.within(s.RefusedAt, s.p.LeaseTTL) {
		return false
	}
	mayBeAnother := !s.refusedAtHome() || s.alternating(s.p, s.now)
	return !s.leased() ||
		s.refusalCount() >= s.p.RefusalsToDegrade && !(mayBeAnother && s.RecentlyAccepted(s.p, s.now))
}

// registersRefused reports whether heartbeats pass, but every register since the last accepted one was refused.
func (s situation) registersRefused() bool {
	return s.leased() && s.refusedAtHome() &&
		s.RegisterRefused >= s.p.RefusalsToDegrade && s.within(s.RefusedAt, s.p.RefusalMemory)
}

// refusedAtHome reports whether the refused attempts come from the address of the last accepted signal.
func (s situation) refusedAtHome() bool { return s.RefusedFrom == s.SeenFrom }

func (s situation) refusalEvidence() []Evidence {
	ev := []Evidence{
		{s.RefusedSince, "first refused attempt since the last accepted one"},
		{s.RefusedAt, fmt.Sprintf(
			"last refused attempt noted, from %s; noted as refused: %d register, %d heartbeat and %d other attempts",
			s.RefusedFrom, s.RegisterRefused, s.BeatsRefused, s.CallsRefused)},
	}
	if at := s.LastSignal(); !at.IsZero() {
		ev = append(ev, Evidence{at, "last accepted call of this workspace"})
	}
	return ev
}

func neverRegistered(s situation) *Verdict {
	if !s.LastSignal().IsZero() {
		return nil
	}
	v := &Verdict{
		Status: StatusProvisioning, Reason: ReasonNeverRegistered, Since: s.CreatedAt, Action: "start",
		Hint:     "start the agent with its credential; no call of it was accepted yet" + s.strangerHint(),
		Evidence: []Evidence{{s.CreatedAt, "created; no call accepted since"}},
	}
	switch {
	case s.Enrolled():
	case s.now.Before(s.BootstrapUntil):
		v.Hint = fmt.Sprintf("start the agent: it is given a credential if it registers before %s", stamp(s.BootstrapUntil))
	default:
		v.Action, v.Hint = "repair", "it has no valid credential: "+s.repairHint()+", then start the agent"
	}
	return v
}

// platformSuspect: the agent is silent, and the platform may be the cause.
func platformSuspect(s situation) *Verdict {
	if s.leased() {
		return nil
	}
	sus := s.fleet.suspect(s.Facts, s.p, s.now)
	if sus == nil {
		return nil
	}
	return &Verdict{
		Status: StatusUnknown, Reason: ReasonPlatformSuspect, Since: s.graceEnd(s.p), Action: "wait",
		Hint: fmt.Sprintf("nothing was heard of the agent since %s, but %s: see whether the platform works "+
			"(GET /healthz, the sweeper's log) before you restart the agent; "+
			"at %s it is taken for offline if it has not called",
			stamp(s.LastSignal()), sus.why, stamp(sus.until)),
		Evidence: slices.Concat(s.silenceEvidence(), sus.evidence),
	}
}

func leaseExpired(s situation) *Verdict {
	if s.leased() {
		return nil
	}
	return &Verdict{
		Status: StatusOffline, Reason: ReasonLeaseExpired, Since: s.LeaseUntil, Action: "restart",
		Hint: "no accepted call since the lease ran out: see whether the agent runs and reaches the platform, " +
			"then restart it" + s.strangerHint(),
		Evidence: s.silenceEvidence(),
	}
}

func (s situation) silenceEvidence() []Evidence {
	return []Evidence{{s.LastSignal(), "last accepted call"}, {s.LeaseUntil, "lease ran out"}}
}

// duplicateHost: two agents use this id, and each takes mail that the other waits for.
func duplicateHost(s situation) *Verdict {
	if s.Takeovers < s.p.TakeoversForDuplicate || !s.within(s.TakenOverAt, s.p.LeaseTTL) {
		return nil
	}
	return &Verdict{
		Status: StatusDegraded, Reason: ReasonDuplicateHost, Since: s.TakeoversSince, Action: "stop_one",
		Hint: "two agents call under this id in turn and share its mail between them: " +
			"stop one, or give it an id of its own " +
			"(if it is one agent that leaves by several addresses, have its heartbeats say uptime_seconds)",
		Evidence: []Evidence{
			{s.TakenOverAt, fmt.Sprintf(
				"one that had called before came back after another, %d times in a row", s.Takeovers)},
			{s.LastSignal(), "last accepted call, from " + s.SeenFrom},
		},
	}
}

func runtimeWedged(s situation) *Verdict {
	if s.WedgedSince.IsZero() {
		return nil
	}
	return &Verdict{
		Status: StatusDegraded, Reason: ReasonRuntimeWedged, Since: s.WedgedSince, Action: "restart",
		Hint: "the agent reports that its runtime is wedged: restart it",
		Evidence: []Evidence{
			{s.WedgedSince, "the agent's heartbeat first said runtime_state=wedged"},
			{s.HeartbeatAt, "last heartbeat"},
		},
	}
}

// inboxUnattended: the agent is to poll for its mail, mail waits, and nobody fetches it.
func inboxUnattended(s situation) *Verdict {
	if s.mode != Poll || !s.mailOverdue() || s.within(s.PolledAt, s.p.DeliveryObjective) {
		return nil
	}
	last := "it has never polled"
	since := s.OldestOpen.Add(s.p.DeliveryObjective)
	ev := s.mailEvidence()
	if !s.PolledAt.IsZero() {
		last = "its last poll was at " + stamp(s.PolledAt)
		since = latest(since, s.PolledAt.Add(s.p.DeliveryObjective))
		ev = append(ev, Evidence{s.PolledAt, "last poll"})
	}
	return &Verdict{
		Status: StatusDegraded, Reason: ReasonInboxUnattended, Since: since, Action: "restart",
		Hint: fmt.Sprintf("the agent is alive but isn't polling for its mail (%s): "+
			"restart it, or register it with a URL so that mail can be pushed", last),
		Evidence: ev,
	}
}

// pushFailing: pushes fail, and the agent does not poll either. This holds for an agent that declared poll too: it was
// pushed to as a last resort, and the next message would meet the same failure.
func pushFailing(s situation) *Verdict {
	polls := s.mode == Poll && s.within(s.PolledAt, s.p.DeliveryObjective)
	if s.PushFailures < s.p.PushFailuresToDegrade || polls {
		return nil
	}
	return &Verdict{
		Status: StatusDegraded, Reason: ReasonPushFailing, Action: "check_url",
		Since: latest(s.PushFailingSince, s.RegisteredAt),
		Hint: fmt.Sprintf("the last %d deliveries to the agent's URL failed (%s): "+
			"check that the URL it registered can be reached from the platform", s.PushFailures, s.PushError),
		Evidence: append(s.mailEvidence(),
			Evidence{s.PushFailingSince, "first of the deliveries that failed"},
			Evidence{s.LastSignal(), "last accepted call"}),
	}
}

// backlogStalled: mail has waited for longer than the objective and nothing moves, though the agent says that it is
// free, or has said that it is busy for longer than busy explains.
func backlogStalled(s situation) *Verdict {
	if !s.mailOverdue() || s.within(s.DeliveredAt, s.p.DeliveryObjective) {
		return nil
	}
	v := &Verdict{
		Status: StatusDegraded, Reason: ReasonBacklogStalled, Action: "restart",
		Since:    latest(s.OldestOpen, s.DeliveredAt).Add(s.p.DeliveryObjective),
		Evidence: s.mailEvidence(),
	}
	if s.mode == Poll && s.within(s.PolledAt, s.p.DeliveryObjective) {
		if !s.stuckFor(2 * s.p.DeliveryObjective) {
			return nil // it fetches its mail, and has yet to acknowledge it
		}
		v.Hint = "the agent polls, but acknowledges nothing, so the same mail is handed out to it again and again: " +
			"see that its polls bring back the id of the last row as since_id, then restart it"
		v.Evidence = append(v.Evidence, Evidence{s.PolledAt, "last poll"})
		return v
	}
	if s.busyExplains() || s.handoverExplains() {
		return nil
	}
	busy := s.busyEvidence()
	v.Hint = busy.Fact + ", but its mail waits and none was delivered: " +
		"look at the receipts' attempts, then restart the agent"
	v.Evidence = append(v.Evidence, busy)
	return v
}

// busyExplains reports whether mail waits because the agent is busy.
func (s situation) busyExplains() bool {
	return s.Busy(s.p, s.now) >= s.Slots() && !s.stuckFor(s.p.BusyPatience)
}

// handoverExplains reports whether mail waits because a first attempt is under way: an agent may take its time to
// answer.
func (s situation) handoverExplains() bool {
	return s.InFlight >= int64(s.Slots()) && s.PushFailures == 0 && !s.stuckFor(s.p.DeliveryPatience)
}

// busyEvidence is what the agent last said of how busy it is.
func (s situation) busyEvidence() Evidence {
	busy := s.Busy(s.p, s.now)
	switch {
	case busy > 0:
		return Evidence{s.ActiveAt, fmt.Sprintf("the agent says %d of its %d task slots are taken", busy, s.Slots())}
	case s.within(s.ActiveAt, s.p.LeaseTTL) && s.ActiveTasks == 0:
		return Evidence{s.ActiveAt, "the agent says it is idle"}
	}
	return Evidence{s.LastSignal(), "the agent has not said how busy it is"}
}

// probeLost: the last probe ended undelivered, and nothing has reached the agent since. Without this rule, the end of
// the probe would hide what the probe has shown.
func probeLost(s situation) *Verdict {
	if s.ProbeLostAt.IsZero() || !latest(s.DeliveredAt, s.PolledAt).Before(s.ProbeLostAt) {
		return nil
	}
	v := &Verdict{
		Status: StatusDegraded, Reason: ReasonPushFailing, Since: s.ProbeLostAt, Action: "check_url",
		Hint: "the last probe was not delivered, and nothing else since: " +
			"check that the URL it registered can be reached from the platform, then probe it again",
		Evidence: []Evidence{{s.ProbeLostAt, "a probe ended without being delivered"}},
	}
	if s.mode == Poll {
		v.Reason, v.Action = ReasonInboxUnattended, "restart"
		v.Hint = "the last probe was never fetched, and the agent hasn't polled since: " +
			"restart it, or register it with a URL so that mail can be pushed"
	}
	return v
}

func errorRate(s situation) *Verdict {
	if s.ErrorsSince.IsZero() {
		return nil
	}
	hint := "the agent reports that most of its work fails"
	if s.SampleError != "" {
		hint += ": " + s.SampleError
	}
	return &Verdict{
		Status: StatusDegraded, Reason: ReasonErrorRate, Since: s.ErrorsSince, Action: "inspect", Hint: hint,
		Evidence: []Evidence{{s.ErrorsSince, fmt.Sprintf("error_rate reached %.1f and has not fallen below %.1f since",
			s.p.ErrorRateEnter, s.p.ErrorRateLeave)}},
	}
}

func healthy(s situation) *Verdict {
	v := &Verdict{
		Status: StatusOnline, Reason: ReasonHealthy, Since: latest(s.RegisteredAt, s.CreatedAt, s.RecoveredAt),
		Evidence: slices.Concat([]Evidence{
			{s.LastSignal(), "last accepted call, with an accepted credential"},
			{s.LeaseUntil, "the lease runs until then"},
		}, s.mailEvidence()),
	}
	if s.mode == Poll {
		if quiet := s.NotPolling(s.p, s.now); quiet != "" {
			v.Evidence = append(v.Evidence, Evidence{latest(s.PolledAt, s.RegisteredAt, s.CreatedAt), quiet})
		} else if !s.PolledAt.IsZero() {
			v.Evidence = append(v.Evidence, Evidence{s.PolledAt, "last poll"})
		}
	}
	if busy := s.Busy(s.p, s.now); busy >= s.Slots() {
		v.Reason, v.Since = ReasonBusy, s.ActiveAt
		v.Evidence = append(v.Evidence, Evidence{
			s.ActiveAt,
			fmt.Sprintf("the agent reports %d active tasks of %d", busy, s.Slots()),
		})
	}
	return v
}
