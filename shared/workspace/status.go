package workspace

import (
	"fmt"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/visible"
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

// Choices are the statuses.
func (Status) Choices() []string {
	return []string{
		string(StatusOnline), string(StatusDegraded), string(StatusOffline), string(StatusUnknown),
		string(StatusProvisioning), string(StatusPaused), string(StatusRemoved),
	}
}

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
	ReasonRestartLoop         Reason = "restart_loop"
	ReasonInboxFull           Reason = "inbox_full"
	ReasonErrorRate           Reason = "error_rate"
	ReasonBusy                Reason = "busy"
	ReasonHealthy             Reason = "healthy"
)

// Reasons are all reasons, in the same order.
func Reasons() []Reason {
	return []Reason{
		ReasonRemoved, ReasonPaused, ReasonCredentialsRejected, ReasonNeverRegistered, ReasonPlatformSuspect,
		ReasonLeaseExpired, ReasonDuplicateHost, ReasonRuntimeWedged, ReasonInboxUnattended, ReasonPushFailing,
		ReasonBacklogStalled, ReasonAnswersFailing, ReasonRestartLoop, ReasonInboxFull, ReasonErrorRate, ReasonBusy,
		ReasonHealthy,
	}
}

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
	// Sentence is the reason in a sentence, where the facts know it better than the reason does.
	Sentence string `json:"-"`
	// NextCommand is the command that comes next, where the facts name it better than the reason does.
	NextCommand string `json:"-"`
}

// Remark is something to know and to do beside the verdict.
type Remark struct {
	Code string `json:"code"`
	Text string `json:"text"`
	// CommandNeeds is the scope that the command needs, where the person who reads has a smaller one. Who shows the
	// verdict fills it in.
	CommandNeeds string `json:"command_needs,omitempty"`
	Command      string `json:"command"` // of the command-line program; "" for none
}

// The codes of the remarks.
const (
	// RemarkMailLost is of mail that died or expired undelivered. It is lost again if its cause is still there, such as
	// a message that ends its agent: so its command puts mail back only where nobody could take it; see lostRemark.
	RemarkMailLost  = "mail_lost"
	RemarkInboxFull = "inbox_full" // mail was refused for want of room

	RemarkRegisterRefused = "register_refused" // the agent's last register was refused, and its status does not say so
	RemarkCallRefused     = "call_refused"     // another call of the agent was refused, and its status does not say so

	RemarkCallsTooSeldom = "calls_too_seldom" // its calls are further apart than its lease
)

// RemarkCodes are the codes of all remarks.
func RemarkCodes() []string {
	return []string{RemarkMailLost, RemarkInboxFull, RemarkRegisterRefused, RemarkCallRefused, RemarkCallsTooSeldom}
}

// Assess is the only place that names a status. It is called on every read, so a status is true at the second it is
// read, with no writer in between. It knows one workspace only: Fleet.Assess decides over one that has fallen silent.
func Assess(f Facts, p Policy, now time.Time) Verdict { return Fleet{}.Assess(f, p, now) }

// Assess is the verdict over a workspace, with what is known of its fleet: when many agents fall silent at once, or
// the platform was out of order, silence proves nothing for a while.
func (fl Fleet) Assess(f Facts, p Policy, now time.Time) Verdict {
	s := newSituation(&f, fl, p, now)
	v := s.judge()
	s.tellFailed(&v)
	if v.Status == StatusOnline {
		v.Evidence = s.wellEvidence(v.Reason)
	}
	if v.Since = s.since(v); v.Since.IsZero() {
		v.Since = f.CreatedAt
	}
	v.Remarks = slices.Concat(s.refusedRemark(v), s.failedRemark(v), s.seldomRemark(v), s.remarks(v))
	neverHappened := func(e Evidence) bool { return e.At.IsZero() }
	v.Evidence = slices.DeleteFunc(v.Evidence, neverHappened)
	v.Evidence = append(v.Evidence, s.sinceEvidence(v)...)
	s.tellBoot(&v)
	s.tellRestarts(&v)
	v.Hint = inSentences(v.Hint)
	if s.within(f.BadMetricAt, p.LeaseTTL) {
		v.Evidence = append(v.Evidence, Evidence{f.BadMetricAt, "a heartbeat had a metric that can't be read, " +
			"and it was dropped: " + visible.Quoted(f.BadMetric)})
	}
	said := v.Hop == HopCredential && s.anothersSpeak() // its evidence has the call
	if v.Reason != ReasonRemoved && s.within(f.StrangerAt, p.RefusalMemory) && !said {
		v.Evidence = append(v.Evidence, Evidence{f.StrangerAt, s.strangerWarning()})
	}
	return v
}

// Stands is the status and the reason of Assess alone, at a small part of its cost.
func (fl Fleet) Stands(f Facts, p Policy, now time.Time) (Status, Reason) {
	s := newSituation(&f, fl, p, now)
	v := s.judge()
	return v.Status, v.Reason
}

// situation is what the rules look at.
type situation struct {
	Facts
	fleet Fleet
	p     Policy
	now   time.Time
	mode  Mode

	asked  time.Time // when the facts are judged: now, where they are not judged at another time
	newest time.Time // see newestDate
}

func newSituation(f *Facts, fl Fleet, p Policy, now time.Time) situation {
	return situation{Facts: *f, fleet: fl, p: p, now: now, asked: now, mode: f.Mode(p, now), newest: f.newestDate(p)}
}

// at is the verdict that time alone makes of the facts by then.
func (s *situation) at(then time.Time) Verdict {
	later := *s
	later.now, later.mode = then, s.Mode(s.p, then)
	return later.judge()
}

// judge is the verdict: what the status table says, where no date that lies ahead hides another one.
func (s *situation) judge() Verdict { return s.unlessAhead(s.rule()) }

// rule is the status table: the first rule that returns a verdict decides.
func (s *situation) rule() Verdict {
	var v *Verdict
	decides := func(by *Verdict) bool { v = by; return v != nil }
	if decides(onHold(s)) ||
		decides(credentialsRevoked(s)) ||
		decides(credentialIgnored(s)) ||
		decides(credentialsRejected(s)) ||
		decides(credentialOfAnother(s)) ||
		decides(neverRegistered(s)) ||
		decides(platformSuspect(s)) ||
		decides(leaseExpired(s)) ||
		decides(duplicateHost(s)) ||
		decides(runtimeWedged(s)) ||
		decides(inboxUnattended(s)) ||
		decides(pushFailing(s)) ||
		decides(backlogStalled(s)) ||
		decides(endedUndelivered(s)) ||
		decides(answersFailing(s)) ||
		decides(restartLoop(s)) ||
		decides(inboxFull(s)) ||
		decides(errorRate(s)) {
		return s.tellDamage(s.mendBoot(s.spareWork(s.afterRestart(*v))))
	}
	return healthy(s)
}

// spareWork keeps a verdict from asking for a restart while the agent is at work: a restart would destroy that work.
func (s *situation) spareWork(v Verdict) Verdict {
	if v.Action == "restart" && s.leased() && s.atWork(s.p, s.now) {
		v.Action = "wait"
		if s.Busy(s.p, s.now) > 0 || s.atFetchedWork(s.p, s.now) {
			v.Hint += "; it is at work now, and a restart would destroy that work: wait until it is done"
		} else {
			v.Hint += fmt.Sprintf(", but not now: it works on a message, and a restart would destroy that work: "+
				"wait until it has answered, or until %s, when the delivery is given up", stamp(s.ClaimedUntil))
		}
	}
	return v
}

// remarks are what to know beside a verdict. None of them says what the reason says.
func (s *situation) remarks(v Verdict) (out []Remark) {
	if s.wasFull() && v.Reason != ReasonInboxFull {
		out = append(out, Remark{Code: RemarkInboxFull, Command: s.fullCommand(), Text: s.fullWords()})
	}
	if s.LostMessages <= 0 || !s.within(s.LostAt, s.p.LostMailMemory) || s.Hold == Removed {
		return out // nothing can be redriven to a workspace that is removed
	}
	return append(out, s.lostRemark(v))
}

// lostRemark is of mail that is lost. Its command is the step that its words say, and what ended the mail says which:
// where nobody could take it, and the agent takes mail now, it is put back; else it is looked at first.
func (s *situation) lostRemark(v Verdict) Remark {
	text := fmt.Sprintf("%s ended undelivered, the last at %s", plural(s.LostMessages, "message"), stamp(s.LostAt))
	if s.LostWhy != "" {
		text += ": " + visible.Quoted(s.LostWhy)
	}
	them := "them"
	if s.LostMessages == 1 {
		them = "it"
	}
	redrive, look := "rollcall redrive "+s.ID, "rollcall receipts "+s.ID+" --lost"
	switch {
	case s.LostInVain > 0:
		text += fmt.Sprintf("; %s. First see what ended %s, and mend that: %s; then %s MESSAGE puts one back. To close this "+
			"line without delivering, run rollcall dismiss %s --lost", s.inVainWords(), them, look, redrive, s.ID)
	case s.takesMail(v):
		text += fmt.Sprintf("; nobody took %s in time, and the agent takes mail now: %s puts %s back", them, redrive, them)
		return Remark{Code: RemarkMailLost, Command: redrive, Text: text}
	default:
		text += fmt.Sprintf("; nobody took %s in time: %s lists %s. Once the agent takes mail again, %s puts %s back",
			them, look, them, redrive, them)
	}
	return Remark{Code: RemarkMailLost, Command: look, Text: text}
}

// takesMail reports whether a message that is put back now arrives, as far as is known.
func (s *situation) takesMail(v Verdict) bool {
	expected, _ := Expect(s.Facts, v, s.mode, s.p, s.now)
	return v.Status == StatusOnline && expected != ExpectRetrying && expected != ExpectNobody
}

// inVainWords says how many of the lost messages a redrive alone may not help.
func (s *situation) inVainWords() string {
	which := fmt.Sprintf("%d of them", s.LostInVain)
	switch {
	case s.LostMessages == 1:
		return "it may be the message that fails, and end the same way when it is put back"
	case s.LostInVain >= s.LostMessages:
		which = "each"
	}
	return which + " may be a message that fails, and end the same way when it is put back"
}

// wasFull reports whether the inbox refused a message a moment ago.
func (s *situation) wasFull() bool { return s.Hold != Removed && s.within(s.FullAt, s.p.FullMemory) }

// inboxFull reports whether it would refuse another one now.
func (s *situation) inboxFull() bool { return s.wasFull() && s.Open > 0 && s.Open >= s.FullOpen }

// fullWords says what is true now of an inbox that was full.
func (s *situation) fullWords() string {
	if s.inboxFull() {
		return fmt.Sprintf("mail to it is refused for want of room: its inbox holds %s, "+
			"more from %s than from any other sender", plural(s.Open, "message"), SenderName(s.FullBy))
	}
	return fmt.Sprintf("mail to it was refused at %s for want of room, when its inbox held more from %s than from any "+
		"other sender; it has room now, and holds %s", stamp(s.FullAt), SenderName(s.FullBy), plural(s.Open, "message"))
}

// fullCommand is the command that comes next for an inbox that was full: while it is, the one that shows what can be
// ended of the mail of who fills it.
func (s *situation) fullCommand() string {
	from := " --from " + SenderName(s.FullBy)
	if s.inboxFull() {
		return "rollcall cancel " + s.ID + from + " --dry-run"
	}
	return "rollcall receipts " + s.ID + from
}

func plural(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// within reports whether t is less than d ago.
func (s *situation) within(t time.Time, d time.Duration) bool { return !t.IsZero() && s.now.Sub(t) < d }

func (s *situation) leased() bool { return s.Leased(s.p, s.now) }

// RecheckAt is the first moment after now at which time alone makes a verdict of Assess another one; zero: never. It
// judges once for each clock that runs, and so only who shows it asks for it.
func (fl Fleet) RecheckAt(f Facts, v Verdict, p Policy, now time.Time) time.Time {
	s := newSituation(&f, fl, p, now)
	for _, at := range s.clocks(now, time.Time{}) {
		then := s.at(at)
		other := then.Action != v.Action || then.FaultyHop() != v.FaultyHop()
		if then.Status != v.Status || then.Reason != v.Reason || other {
			return at
		}
	}
	return time.Time{}
}

// clocks are the moments after from, and not after to (zero: for ever), in order, at which one of the clocks that the
// rules read runs out.
func (s *situation) clocks(from, to time.Time) []time.Time {
	out := append(s.ownClocks(from, to), s.clocksAhead(from, to)...)
	slices.SortFunc(out, time.Time.Compare)
	return out
}

// ownClocks are clocks without those of dates that lie ahead, in any order. A rule that reads another clock adds it
// here.
func (s *situation) ownClocks(from, to time.Time) []time.Time {
	p := s.p
	var out []time.Time
	add := func(clock time.Time, after ...time.Duration) {
		if clock.IsZero() {
			return
		}
		for _, d := range after {
			if at := clock.Add(d); at.After(from) && (to.IsZero() || !at.After(to)) {
				out = append(out, at)
			}
		}
	}
	add(s.LeaseUntil, p.Grace, p.Grace+p.SuspectFor)
	add(s.fleet.OutageEnd, p.LeaseTTL+p.Grace)
	add(s.TakenOverAt, p.LeaseTTL/2, p.LeaseTTL)
	add(s.aloneSince(), p.LeaseTTL/2)
	add(s.LastSignal(), p.LeaseTTL/2)
	add(s.HeartbeatAt, p.LeaseTTL/2)
	add(s.LastSignal(), seldomPatience*s.seldomGap())
	add(s.PolledAt, p.LeaseTTL/2+p.PollNoted, p.PollNoted+p.PollPatience())
	add(s.ActiveAt, p.LeaseTTL, -MaxSkew)
	add(s.RefusedAt, p.LeaseTTL/2, p.LeaseTTL, p.RefusalDecay, p.RefusalMemory)
	add(s.AlternatedAt, p.LeaseTTL)
	add(s.StrangerAt, p.LeaseTTL, p.RefusalMemory)
	add(s.BootstrapUntil, 0)
	add(s.OldestOpen, p.DeliveryObjective, 2*p.DeliveryObjective, p.BusyPatience, p.DeliveryPatience)
	add(s.DeliveredAt, p.DeliveryObjective, 2*p.DeliveryObjective, p.BusyPatience, p.DeliveryPatience)
	add(s.RegisteredAt, p.DeliveryObjective, 2*p.DeliveryObjective, p.PollPatience(), p.DeliveryPatience, p.BusyPatience)
	add(s.FetchedSince, 2*p.DeliveryObjective)
	if u, ok := s.Unacknowledged(); ok {
		add(u.Since, 2*p.DeliveryObjective)
	}
	add(s.PushDegradedAt, 2*p.DeliveryObjective)
	add(s.TriedAt, p.DeliveryObjective, 2*p.DeliveryObjective, s.busyPause(p), s.busyPause(p)+p.DeliveryObjective)
	add(s.TriedAt, p.DeliveryPatience)
	add(s.RecoveredAt, p.DeliveryObjective, 2*p.DeliveryObjective, p.DeliveryPatience)
	add(s.ResumedAt, p.DeliveryObjective, 2*p.DeliveryObjective, p.DeliveryPatience)
	add(s.FreeSince, p.DeliveryObjective, p.PollPatience(), p.DeliveryPatience)
	add(s.PolledAt, p.PollPatience(), p.DeliveryPatience, p.BusyPatience)
	add(s.HandedAt, p.BusyPatience)
	add(s.PollAwaitedAt, p.PollPatience(), p.BusyPatience, p.DeliveryObjective, 2*p.DeliveryObjective)
	add(s.CreatedAt, p.PollPatience(), p.BusyPatience)
	add(s.BusySince, p.BusyBelieved, p.DeliveryObjective)
	add(s.ReachedAt, p.DeliveryObjective)
	add(s.AsideUntil, 0, p.DeliveryObjective, p.DeliveryPatience, p.DeliveryObjective+p.DeliveryPatience)
	add(s.AsideUntil, -p.RestLimit-MaxSkew)
	add(s.FullAt, p.FullMemory)
	add(latest(s.TriedAt, s.PushFailedAt, s.BusySince), -MaxSkew)
	add(s.ableSince(), 0, -MaxSkew)
	add(s.backSince(), 0, -MaxSkew)
	add(s.RestUntil, 0, p.DeliveryObjective, -p.RestLimit-MaxSkew)
	add(s.ClaimedUntil, 0, -p.DeliveryPatience-MaxSkew)
	add(s.ProbedAt, 0, -p.ProbePatience-MaxSkew)
	return out
}
