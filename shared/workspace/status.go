package workspace

import (
	"fmt"
	"slices"
	"strings"
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
	ReasonAnswersFailing      Reason = "answers_failing"
	ReasonInboxFull           Reason = "inbox_full"
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
	Since    time.Time  `json:"since"` // when the verdict began
	Hint     string     `json:"hint"`
	Action   string     `json:"action"`
	Evidence []Evidence `json:"evidence"`
	// Remarks are what an operator has to know beside the reason, whatever the status is.
	Remarks []Remark `json:"remarks,omitempty"`
	// Hop is the link of the chain at fault, where the facts name it better than the reason does.
	Hop Hop `json:"-"`
	// RecheckAt is when the passing of time alone would change this verdict; zero: never.
	RecheckAt time.Time `json:"recheck_at,omitzero"`
}

// Remark is something to know and to do beside the verdict.
type Remark struct {
	Code    string `json:"code"`
	Text    string `json:"text"`
	Command string `json:"command"` // of the command-line program; "" for none
}

// The codes of the remarks.
const (
	RemarkMailLost  = "mail_lost"  // mail died or expired undelivered
	RemarkInboxFull = "inbox_full" // mail was refused for want of room
)

// rules is the status table: the first rule that returns a verdict decides.
var rules = []func(situation) *Verdict{
	onHold,
	credentialsRevoked,
	credentialIgnored,
	credentialsRejected,
	neverRegistered,
	platformSuspect,
	leaseExpired,
	duplicateHost,
	runtimeWedged,
	inboxUnattended,
	pushFailing,
	backlogStalled,
	endedUndelivered,
	answersFailing,
	inboxFull,
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
	v.Remarks = s.remarks()
	neverHappened := func(e Evidence) bool { return e.At.IsZero() }
	v.Evidence = slices.DeleteFunc(v.Evidence, neverHappened)
	v.RecheckAt = s.recheckAt(v)
	s.tellFailedRegister(&v)
	if s.within(f.BadMetricAt, p.LeaseTTL) {
		v.Evidence = append(v.Evidence, Evidence{f.BadMetricAt, "a heartbeat brought a metric that can't be read, " +
			"and that was dropped: " + f.BadMetric})
	}
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
			return s.spareWork(*v)
		}
	}
	return *healthy(s)
}

// spareWork keeps a verdict from asking for a restart while the agent is at work: a restart would destroy that work.
func (s situation) spareWork(v Verdict) Verdict {
	if v.Action == "restart" && s.leased() && s.atWork(s.p, s.now) {
		v.Action = "wait"
		v.Hint += "; it is at work now, and a restart would destroy that work: wait until it is done"
	}
	return v
}

// tellFailedRegister adds that the last register was refused for another reason than its credential: the agent may be
// silent, or still be known by what it said before, for that reason.
func (s situation) tellFailedRegister(v *Verdict) {
	if !s.RegisterFailedAt.After(s.RegisteredAt) || !s.within(s.RegisterFailedAt, s.p.RefusalMemory) || s.Hold != NoHold {
		return
	}
	v.Evidence = append(v.Evidence, Evidence{s.RegisterFailedAt, "its last register was refused: " + s.RegisterFailedWhy})
	if v.Status != StatusOnline {
		v.Hint += "; its last register was refused: " + s.RegisterFailedWhy
	}
}

// remarks are what to know beside the verdict.
func (s situation) remarks() (out []Remark) {
	if s.inboxFull() {
		out = append(out, Remark{Code: RemarkInboxFull, Command: "rollcall receipts " + s.ID, Text: s.fullWords()})
	}
	if s.LostMessages <= 0 || !s.within(s.LostAt, s.p.LostMailMemory) {
		return out
	}
	return append(out, Remark{
		Code: RemarkMailLost, Command: "rollcall redrive " + s.ID,
		Text: fmt.Sprintf("%s ended undelivered, the last at %s: %s",
			plural(s.LostMessages, "message"), stamp(s.LostAt), s.LostWhy),
	})
}

// inboxFull reports whether the inbox refused a message a moment ago and still has mail.
func (s situation) inboxFull() bool {
	return s.Hold != Removed && s.Open > 0 && s.within(s.FullAt, s.p.FullMemory)
}

func (s situation) fullWords() string {
	return fmt.Sprintf("its inbox is full: %s wait, the most of them from %s",
		plural(s.Open, "message"), SenderName(s.FullBy))
}

// SenderName is what to call the sender of a message: its workspace's id, or the user.
func SenderName(source string) string {
	if source == "" {
		return "the user"
	}
	return source
}

func plural(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
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
		{s.RefusedAt, []time.Duration{p.LeaseTTL, p.RefusalDecay, p.RefusalMemory}},
		{s.AlternatedAt, []time.Duration{p.LeaseTTL}},
		{s.BootstrapUntil, []time.Duration{0}},
		{s.OldestOpen, []time.Duration{p.DeliveryObjective, 2 * p.DeliveryObjective, p.BusyPatience, p.DeliveryPatience}},
		{s.DeliveredAt, []time.Duration{p.DeliveryObjective, 2 * p.DeliveryObjective, p.BusyPatience, p.DeliveryPatience}},
		{s.RegisteredAt, []time.Duration{p.DeliveryObjective, p.DeliveryPatience}},
		{s.FetchedSince, []time.Duration{2 * p.DeliveryObjective}},
		{s.PushDegradedAt, []time.Duration{2 * p.DeliveryObjective}},
		{s.TriedAt, []time.Duration{2 * p.DeliveryObjective}},
		{s.RecoveredAt, []time.Duration{p.DeliveryObjective, 2 * p.DeliveryObjective, p.DeliveryPatience}},
		{s.ResumedAt, []time.Duration{p.DeliveryObjective, 2 * p.DeliveryObjective, p.DeliveryPatience}},
		{s.FreeSince, []time.Duration{p.DeliveryObjective, p.DeliveryPatience}},
		{s.PolledAt, []time.Duration{p.DeliveryObjective, p.DeliveryPatience}},
		{s.BusySince, []time.Duration{p.BusyBelieved}},
		{s.ReachedAt, []time.Duration{p.DeliveryObjective}},
		{s.AsideUntil, []time.Duration{
			0, p.DeliveryObjective, p.DeliveryPatience, p.DeliveryObjective + p.DeliveryPatience, -p.RestLimit - maxSkew,
		}},
		{s.FullAt, []time.Duration{p.FullMemory}},
		{latest(s.TriedAt, s.PushFailedAt, s.BusySince), []time.Duration{-maxSkew}},
		{s.ableSince(), []time.Duration{0, -maxSkew}},
		{s.RestUntil, []time.Duration{0, -p.RestLimit - maxSkew}},
		{s.ClaimedUntil, []time.Duration{0, -p.DeliveryPatience - maxSkew}},
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
	return s.Open > 0 && s.now.Sub(s.stuckSince()) >= d
}

// stuckSince is since when mail has waited without a delivery.
func (s situation) stuckSince() time.Time { return latest(s.OldestOpen, s.DeliveredAt) }

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

// credentialIgnored: the agent was given a new credential, never used it, and its calls are refused since: it takes its
// credential from where the platform can't put one.
func credentialIgnored(s situation) *Verdict {
	if s.IssuedAt.IsZero() || !s.RefusedAt.After(s.IssuedAt) || s.BeatsRefused+s.CallsRefused == 0 {
		return nil
	}
	return &Verdict{
		Status: StatusDegraded, Reason: ReasonCredentialsRejected, Since: s.RefusedSince, Action: "place_credential",
		Hint: fmt.Sprintf("the agent was given a new credential at %s, has never used it, and goes on with another: "+
			"it takes its credential from its environment or from a file. rollcall rotate %s shows a credential: "+
			"put that there, then restart the agent", stamp(s.IssuedAt), s.ID),
		Evidence: append([]Evidence{{s.IssuedAt, "a new credential was issued, and never used"}}, s.refusalEvidence()...),
	}
}

// credentialsRejected: the agent is plainly there, and its credential is refused.
func credentialsRejected(s situation) *Verdict {
	if s.refusalCount() == 0 {
		return nil
	}
	v := &Verdict{
		Status: StatusDegraded, Reason: ReasonCredentialsRejected, Action: "repair",
		Since: latest(s.RefusedSince, s.RefusedEnoughAt),
		Hint: "the agent is running but its credential is refused: repair it with " + s.repairHint() +
			", then restart the agent so that it registers again",
		Evidence: s.refusalEvidence(),
	}
	if s.RefusedEnoughAt.IsZero() && !s.leased() {
		v.Since = latest(s.RefusedSince, s.graceEnd(s.p)) // so few count only when the lease is over
	}
	lastCallRefused := s.RefusedAt.After(s.LastSignal())
	switch {
	case s.otherCallsRefused():
		v.Hint = "the agent's heartbeats pass, but its polls and other calls bring a credential that is refused: " +
			"see that it uses one credential for all (a saved file may win over its environment), " +
			"or repair it with " + s.repairHint() + " and restart it"
	case lastCallRefused && s.refusedNow(), s.registersRefused():
	case lastCallRefused && !s.leased():
		v.Status, v.Since = StatusOffline, latest(s.graceEnd(s.p), s.RefusedAt.Add(s.p.LeaseTTL))
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
		s.RegisterRefused >= s.p.RefusalsToDegrade && s.within(s.RefusedAt, s.p.RefusalDecay)
}

// refusedAtHome reports whether the refused attempts come from an address from which this agent was accepted lately.
func (s situation) refusedAtHome() bool { return s.AtHome(s.RefusedFrom, s.now) }

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
			"(GET /healthz says when its last sweep ended, the sweeper's log why) before you restart the agent; "+
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
		Status: StatusOffline, Reason: ReasonLeaseExpired, Since: s.graceEnd(s.p), Action: "restart",
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
		Hint: fmt.Sprintf("two agents call under this id in turn (%s): mail that is pushed goes to the one that registered "+
			"last, and each of them may be handed the same mail when it polls. Stop one, or give it an id of its own "+
			"(if it is one agent that leaves by several addresses, have its heartbeats say uptime_seconds)", s.whereCopiesAre()),
		Evidence: []Evidence{
			{s.TakenOverAt, fmt.Sprintf(
				"one that had called before came back after another, %d times in a row", s.Takeovers)},
			{s.LastSignal(), "last accepted call, from " + s.SeenFrom},
		},
	}
}

// whereCopiesAre names the addresses that two agents of one id call from.
func (s situation) whereCopiesAre() string {
	others := s.otherHomes(s.now)
	if len(others) == 0 {
		return "both from " + s.SeenFrom
	}
	return "from " + s.SeenFrom + " and " + strings.Join(others, ", ")
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
	if s.mode != Poll || !s.mailOverdue() || s.within(s.PolledAt, s.p.DeliveryObjective) || s.workExplains() ||
		s.aboutToPoll() {
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
	// What it was at before it registered is not known any more.
	since = latest(since, s.busyEnded(), s.nextPollDue(), s.RegisteredAt)
	since = latest(since, s.fetchedWorkEnded())
	if s.silentSinceResumed() {
		return &Verdict{
			Status: StatusDegraded, Reason: ReasonInboxUnattended, Since: since, Action: "start",
			Hint: "nothing was heard of the agent since it was resumed: some clients stop for good when they are told " +
				"that they are paused; start it again",
			Evidence: append(ev, Evidence{s.ResumedAt, "an operator resumed it"}, Evidence{s.LastSignal(), "last accepted call"}),
		}
	}
	if s.newlyAble() && s.PolledAt.Before(s.ableSince()) {
		return &Verdict{
			Status: StatusDegraded, Reason: ReasonInboxUnattended, Since: since, Action: "wait",
			Hint: fmt.Sprintf("mail waits, and the agent has not polled for it since it came back at %s: "+
				"wait for its first poll", stamp(s.ableSince())),
			Evidence: ev,
		}
	}
	return &Verdict{
		Status: StatusDegraded, Reason: ReasonInboxUnattended, Since: since, Action: "restart",
		Hint: fmt.Sprintf("the agent is alive but isn't polling for its mail (%s): "+
			"restart it, or register it with a URL so that mail can be pushed", last),
		Evidence: ev,
	}
}

// aboutToPoll reports whether the agent, which has polled since it registered, has said a moment ago that its work is
// done: its next poll is due.
func (s situation) aboutToPoll() bool { return s.now.Before(s.nextPollDue()) }

// nextPollDue is until when that is so; zero when it never was.
func (s situation) nextPollDue() time.Time {
	if s.FreeSince.IsZero() || !s.PolledAt.After(s.RegisteredAt) {
		return time.Time{}
	}
	due, patience := s.FreeSince.Add(s.p.DeliveryObjective), s.stuckSince().Add(s.p.BusyPatience)
	if patience.Before(due) {
		return patience
	}
	return due
}

// fetchedWorkEnded is until when the agent may have been at work on mail that it fetched: until it said that it is
// idle, at the latest for as long as a delivery may take. It is zero when it has fetched none.
func (s situation) fetchedWorkEnded() time.Time {
	if s.InFlight == 0 || !s.ClaimedUntil.IsZero() || s.PolledAt.IsZero() {
		return time.Time{}
	}
	patience := s.PolledAt.Add(s.p.DeliveryPatience)
	if s.saidIdle() && s.ActiveAt.Before(patience) {
		return s.ActiveAt
	}
	return patience
}

// silentSinceResumed reports whether no call was accepted since a pause ended.
func (s situation) silentSinceResumed() bool {
	return !s.ResumedAt.IsZero() && s.LastSignal().Before(s.ResumedAt)
}

// workExplains reports whether mail waits because the agent is at work: on what it fetched, or on as many tasks as it
// takes.
func (s situation) workExplains() bool { return s.busyExplains() || s.atFetchedWork(s.p, s.now) }

// pushFailing: pushes fail, and the agent does not poll either. This holds for an agent that declared poll too: it was
// pushed to as a last resort, and the next message would meet the same failure.
func pushFailing(s situation) *Verdict {
	if polls := s.mode == Poll && s.within(s.PolledAt, s.p.DeliveryObjective); polls {
		return nil
	}
	overdue := s.PushFailures > 0 && s.BusyAnswers == 0 && s.mode == Push && s.stuckFor(s.p.DeliveryObjective)
	if s.PushFailures >= s.p.PushFailuresToDegrade || overdue {
		return s.pushesFail()
	}
	if s.mode == Push && s.BusyAnswers > 0 && !s.busyBelieved() {
		return s.busyForNothing()
	}
	return nil
}

func (s situation) pushesFail() *Verdict {
	advice, action := s.PushFault.advice()
	last := "the last delivery"
	if s.PushFailures > 1 {
		last = fmt.Sprintf("the last %d deliveries", s.PushFailures)
	}
	return &Verdict{
		Status: StatusDegraded, Reason: ReasonPushFailing, Action: action, Hop: s.PushFault.hop(),
		Since: s.pushesFailSince(),
		Hint: fmt.Sprintf("%s to the agent's URL failed (%s): %s; its mail is kept and tried on",
			last, s.PushError, advice),
		Evidence: append(s.mailEvidence(),
			Evidence{s.PushFailingSince, "first of the deliveries that failed"},
			Evidence{s.PushFailedAt, "last of the deliveries that failed: " + s.PushError},
			Evidence{s.LastSignal(), "last accepted call"}),
	}
}

// pushesFailSince is when the failures became a verdict: there were as many as degrade a workspace, or mail was overdue
// before.
func (s situation) pushesFailSince() time.Time {
	overdue := latest(s.PushFailingSince, s.stuckSince().Add(s.p.DeliveryObjective), s.ableSince(), s.pushedSince())
	if s.PushFailures < s.p.PushFailuresToDegrade {
		return overdue
	}
	since := s.PushDegradedAt
	if since.IsZero() {
		since = s.PushFailedAt // two drains failed at once, and neither knew of the other
	}
	since = latest(s.PushFailingSince, since)
	if s.BusyAnswers == 0 && s.mailOverdue() && overdue.Before(since) {
		since = overdue
	}
	if !s.PolledAt.IsZero() {
		since = latest(since, s.PolledAt.Add(s.p.DeliveryObjective)) // until then it got its mail by polling
	}
	return since
}

// pushedSince is since when an agent that declared poll is pushed to all the same: it did not poll for that long. It is
// zero for another.
func (s situation) pushedSince() time.Time {
	if s.Declared != Poll {
		return time.Time{}
	}
	return latest(s.RegisteredAt, s.PolledAt).Add(s.p.DeliveryObjective)
}

// ableSince is when the agent last became able to take mail: it registered or came back, a pause ended, or its reports
// say that it is free.
func (s situation) ableSince() time.Time {
	return latest(s.RegisteredAt, s.RecoveredAt, s.ResumedAt, s.FreeSince)
}

// newlyAble reports whether the agent became able to take mail a moment ago: that mail has waited is not its fault.
// A time that lies ahead is a wrong clock's.
func (s situation) newlyAble() bool {
	return s.within(s.ableSince(), s.p.DeliveryObjective) && s.ableSince().Sub(s.now) <= maxSkew
}

// busyForNothing: the agent answers that it is busy, for longer than that is believed.
func (s situation) busyForNothing() *Verdict {
	return &Verdict{
		Status: StatusDegraded, Reason: ReasonPushFailing, Action: "inspect", Hop: HopAgent,
		Since: latest(s.BusySince.Add(s.p.BusyBelieved), s.PushDegradedAt, s.busyEnded(), s.pushedSince()),
		Hint: "the agent answers each delivery that it is busy, and its heartbeats don't say so: " +
			"see what it is at; its mail is kept and tried on",
		Evidence: append(s.mailEvidence(),
			Evidence{s.BusySince, fmt.Sprintf("first of %d answers in a row that it is busy", s.BusyAnswers)},
			s.busyEvidence()),
	}
}

// busyBelieved reports whether the agent's answers that it is busy are believed: its heartbeats say the same, they are
// new, or the time that its only one asked for still runs, or ended with a new boot that is yet to be tried.
func (s situation) busyBelieved() bool {
	return s.Busy(s.p, s.now) >= s.Slots() || s.within(s.BusySince, s.p.BusyBelieved) ||
		(s.BusyAnswers == 1 && (s.Resting(s.p, s.now) || s.aboutToBeTried()))
}

// aboutToBeTried reports whether a delivery is due: the agent became able to take mail a moment ago, and none was tried
// since.
func (s situation) aboutToBeTried() bool {
	return s.mode == Push && s.newlyAble() && s.TriedAt.Before(s.ableSince())
}

// backlogStalled: mail has waited for longer than the objective and nothing moves, though the agent says that it is
// free, or has said that it is busy for longer than busy explains.
func backlogStalled(s situation) *Verdict {
	if !s.mailOverdue() || s.within(latest(s.DeliveredAt, s.ReachedAt), s.p.DeliveryObjective) {
		return nil
	}
	v := &Verdict{
		Status: StatusDegraded, Reason: ReasonBacklogStalled, Action: "restart",
		Since:    s.stalledSince(),
		Evidence: s.mailEvidence(),
	}
	if s.mode == Poll && s.within(s.PolledAt, s.p.DeliveryObjective) {
		return s.unacknowledged(v)
	}
	if s.waitExplained() {
		return nil
	}
	if s.untried() {
		v.Action, v.Hop = "wait", HopPlatform
		v.Hint = "the platform has not tried to deliver its mail yet: its drains may be waiting on other agents; " +
			"rollcall sweep sends for one now"
		v.Evidence = append(v.Evidence, Evidence{s.TriedAt, "last delivery that was tried"})
		return v
	}
	busy := s.busyEvidence()
	v.Hint = busy.Fact + ", but its mail waits and none was delivered: " +
		"look at the receipts' attempts, then restart the agent"
	v.Evidence = append(v.Evidence, busy)
	return v
}

// stalledSince is when nothing explained any more that mail waits.
func (s situation) stalledSince() time.Time {
	overdue := latest(s.stuckSince(), s.ReachedAt).Add(s.p.DeliveryObjective)
	since := latest(overdue, s.ableSince(), s.asideEnded(), s.busyEnded())
	if s.mode == Poll {
		since = latest(since, s.nextPollDue())
	}
	return since
}

// busyEnded is when the agent's reports of its tasks stopped to explain that mail waits; zero when they never did.
func (s situation) busyEnded() time.Time {
	switch {
	case s.ActiveTasks < s.Slots():
		return s.FreeSince
	case s.Busy(s.p, s.now) >= s.Slots():
		return s.stuckSince().Add(s.p.BusyPatience)
	case s.ActiveAt.Before(s.DeliveredAt) || s.ActiveAt.After(s.now):
		return time.Time{}
	}
	return s.ActiveAt.Add(s.p.LeaseTTL)
}

// asideEnded is when a message was no longer set aside; zero while that is to come.
func (s situation) asideEnded() time.Time {
	ended := s.AsideUntil
	if !ended.IsZero() && s.TriedAt.Before(ended) {
		ended = ended.Add(s.p.DeliveryObjective)
	}
	if ended.After(s.now) {
		return time.Time{}
	}
	return ended
}

// unacknowledged completes the verdict over an agent that polls, and whose mail is open for too long. It has some time
// to acknowledge what it fetched.
func (s situation) unacknowledged(v *Verdict) *Verdict {
	fetched := latest(s.FetchedSince, s.TriedAt, s.PushDegradedAt) // while it was pushed to, it was handed nothing
	due := latest(s.stuckSince(), fetched, s.RecoveredAt, s.ResumedAt).Add(2 * s.p.DeliveryObjective)
	if s.now.Before(due) || s.busyExplains() || s.aboutToPoll() {
		return nil
	}
	v.Since = latest(v.Since, due)
	v.Evidence = append(v.Evidence, Evidence{s.PolledAt, "last poll"})
	if s.newlyAble() {
		v.Action = "wait"
		v.Hint = fmt.Sprintf("the agent came back at %s and has fetched its mail: wait until it acknowledges it",
			stamp(s.ableSince()))
		return v
	}
	v.Hint = "the agent polls, but acknowledges nothing, so the same mail is handed out to it again and again: " +
		"see that its polls bring back the id of the last row as since_id, then restart it"
	return v
}

// waitExplained reports whether something explains that mail waits: work, a delivery that is under way or due, or that
// the message is set aside.
func (s situation) waitExplained() bool {
	return s.workExplains() || s.handoverExplains() || s.aboutToBeTried() || s.setAside(s.p, s.now) ||
		(s.mode == Poll && s.aboutToPoll()) || (s.BusyAnswers > 0 && s.busyBelieved())
}

// untried reports whether nobody has tried to deliver since the oldest message was accepted.
func (s situation) untried() bool {
	return s.mode == Push && s.InFlight == 0 && s.TriedAt.Before(s.OldestOpen)
}

// busyExplains reports whether mail waits because the agent says that it is busy.
func (s situation) busyExplains() bool {
	return s.Busy(s.p, s.now) >= s.Slots() && !s.stuckFor(s.p.BusyPatience)
}

// handoverExplains reports whether mail waits because a first delivery is under way: an agent may take its time to
// answer.
func (s situation) handoverExplains() bool {
	began := latest(s.stuckSince(), s.ableSince(), s.asideEnded())
	return s.InFlight > 0 && s.PushFailures == 0 && s.within(began, s.p.DeliveryPatience) &&
		(s.InFlight >= min(s.Open, int64(s.Slots())) || s.within(s.TriedAt, s.p.DeliveryObjective))
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

// endedUndelivered: the last message, or probe, ended undelivered, and nothing has reached the agent since. Without this
// rule, the end of the message would hide what it has shown.
func endedUndelivered(s situation) *Verdict {
	if !s.undelivered() {
		return nil
	}
	advice, action := s.PushFault.advice()
	v := &Verdict{
		Status: StatusDegraded, Reason: ReasonPushFailing, Since: s.UndeliveredAt, Action: action, Hop: s.PushFault.hop(),
		Hint:     "the last message was not delivered before its time was up, and nothing since: " + advice,
		Evidence: []Evidence{{s.UndeliveredAt, "a message ended without being delivered"}},
	}
	if s.mode == Poll {
		v.Reason, v.Action, v.Hop = ReasonInboxUnattended, "restart", HopAgent
		v.Hint = "the last message was never fetched, and the agent hasn't polled since: " +
			"restart it, or register it with a URL so that mail can be pushed"
	}
	return v
}

// answersFailing: the agent takes its mail, and says that it failed each task.
func answersFailing(s situation) *Verdict {
	if s.AnswerFailures < s.p.AnswerFailuresToDegrade {
		return nil
	}
	enough := s.AnswersDegradedAt
	if enough.IsZero() {
		enough = s.DeliveredAt // two drains delivered at once, and neither knew of the other
	}
	return &Verdict{
		Status: StatusDegraded, Reason: ReasonAnswersFailing, Action: "inspect",
		Since: latest(s.AnswersFailingSince, enough),
		Hint: fmt.Sprintf("the agent takes its mail, and says that its last %d tasks failed: %s",
			s.AnswerFailures, s.AnswerError),
		Evidence: []Evidence{
			{s.AnswersFailingSince, "first of the tasks in a row that failed"},
			{s.DeliveredAt, "last task: " + s.AnswerError},
		},
	}
}

// inboxFull: nothing else is wrong, but a sender fills the inbox.
func inboxFull(s situation) *Verdict {
	if !s.inboxFull() {
		return nil
	}
	return &Verdict{
		Status: StatusDegraded, Reason: ReasonInboxFull, Since: s.FullSince, Action: "inspect",
		Hint:     s.fullWords() + ": stop that sender, or cancel its mail",
		Evidence: append([]Evidence{{s.FullAt, "last message that was refused for want of room"}}, s.mailEvidence()...),
	}
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
	switch busy := s.Busy(s.p, s.now); {
	case busy >= s.Slots():
		v.Reason, v.Since = ReasonBusy, s.AtWorkSince
		v.Evidence = append(v.Evidence, Evidence{
			s.ActiveAt,
			fmt.Sprintf("the agent reports %d active tasks of %d", busy, s.Slots()),
		})
	case s.BusyAnswers > 0:
		v.Reason, v.Since = ReasonBusy, s.BusySince
		v.Evidence = append(v.Evidence, Evidence{s.BusySince, "the agent answered that it is busy"})
	}
	return v
}
