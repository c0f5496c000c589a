package delivery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/retry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// words are why a push failed, as a status says it: what its fault says already is left out.
func (r PushResult) words() string {
	why := r.Why
	switch r.Fault {
	case workspace.FaultHTTP:
		why = strings.TrimPrefix(why, "the agent answered ")
	case workspace.FaultPage:
		why = strings.TrimPrefix(why, "what answers there is not an agent: ")
	}
	return chat.Clip(why, registry.MaxWhole)
}

// told is what is noted of a push that failed: f are the facts before it, and next is what becomes of its message. What
// names a message at which the agent goes away stays, where this one says nothing against it.
func (r PushResult) told(f workspace.Facts, next chat.Message) (words string, fault workspace.PushFault) {
	open := next.State.Open()
	switch {
	case r.Blamed != "" && open:
		why := fmt.Sprintf("%s (try %d of it)", r.words(), next.Tries())
		return workspace.Blaming(r.Blamed, why), workspace.FaultGone
	case f.KeepsBlame(r.Fault) && (open || !f.Blames(next.ID)):
		return f.PushError, r.Fault
	}
	return r.words(), r.Fault
}

// quote keeps the words of the agent of which the lease has the beginning only: u is what the lease is told, and next
// is lost if u says so. They are written before the lease is, and only when they change. If that fails,
// the status shows the beginning.
func (d *Delivery) quote(
	ctx context.Context, f workspace.Facts, agent *workspace.Profile, r PushResult, u MailboxUpdate, next chat.Message,
) {
	said, push := agent.Words, cmp.Or(u.Push, &PushUpdate{})
	failed, _ := r.told(f, next)
	for _, w := range []struct {
		at    time.Time // when it is told of; zero: it is not
		whole string
		kept  *string
	}{
		{push.FailedAt, failed, &said.PushError},
		{push.AnswerFailedAt, chat.Clip(r.TaskError, registry.MaxWhole), &said.AnswerError},
		{u.LostAt, chat.Clip(next.FullReason(), registry.MaxWhole), &said.LostWhy},
	} {
		if !w.at.IsZero() && len(w.whole) > workspace.MaxWords {
			*w.kept = w.whole
		}
	}
	if said != agent.Words && d.Registry.Profiles.Quote(ctx, f.ID, agent.URL, said) == nil {
		agent.Words = said
	}
}

// push claims one message, pushes it and writes the outcome. Its ticket is used
// up by the attempt, however it ends: what is still open gets a new one. Claim
// and outcome are written only while the host is the one it was read of. A message that
// somebody else wrote meanwhile stays as it is. Error: conflict when the claim was lost
// to another.
func (d *Delivery) push(
	ctx context.Context, f workspace.Facts, q ChatQueue, agent *workspace.Profile, m chat.Message, t ReceivedTicket,
) (chat.Outcome, error) {
	ms, err := d.withBodies(ctx, []chat.Message{m})
	if err != nil {
		_ = d.Queues.Release(ctx, q, t)
		return "", err
	}
	taken, f, err := d.claim(ctx, f, agent, ms[0])
	if err != nil {
		_ = d.Queues.Release(ctx, q, t) // the ticket is still good; if this fails, its visibility timeout frees it
		return "", err
	}
	if taken.State != chat.InFlight {
		return chat.Lost, d.Queues.Delete(ctx, q, t)
	}
	began := d.Clock.Now()
	r, defect := d.handOver(ctx, *agent, taken)
	r = r.blame(taken).judged(d.takes(f), taken)
	byWish := r.Handover == Refused && d.sendersDoing(ctx, f, taken, r)
	next, u, outcome := d.outcome(f, taken, r, byWish)
	d.quote(ctx, f, agent, r, u, next)
	if d.overtaken(ctx, f, r, began) {
		u.Push = &PushUpdate{AsideUntil: u.Push.AsideUntil}
	}
	err = d.writeOutcome(ctx, f, taken, next, u)
	if errors.Is(err, errOtherHost) {
		back, rest := taken.Recall(r.unanswered()), MailboxUpdate{ClaimReleased: true, PushEnded: u.PushEnded}
		if outcome == chat.HostGone { // that host is gone, whatever the next one does
			back, rest = next, u.ofAnyHost()
		}
		outcome = chat.Superseded
		err = d.writeOutcome(ctx, f, taken, back, rest)
	}
	if errors.Is(err, errLifeOver) {
		return chat.Superseded, d.Queues.Delete(ctx, q, t) // the sweep ends the message
	}
	if errors.Is(err, errMessageMoved) {
		return chat.Lost, errors.Join(d.Queues.Delete(ctx, q, t), d.noteMoved(ctx, taken, u))
	}
	if err != nil {
		return outcome, err
	}
	d.recordPush(ctx, f, u.Push)
	return outcome, errors.Join(defect, d.Queues.Delete(ctx, q, t))
}

// defectWords say to who may read of a message, or of an agent, that the platform could not read what came back.
const defectWords = "a defect of the platform: what came back could not be read; its function dispatch logs more"

// handOver pushes a message. What comes back is of a stranger: when reading it meets a defect of the platform, this is
// a push that failed, so that the message is tried again and ends in time. The defect is for the log.
func (d *Delivery) handOver(
	ctx context.Context, agent workspace.Profile, m chat.Message,
) (r PushResult, defect error) {
	defect = fault.Contain(func() error {
		r = d.Agents.Push(ctx, d.target(agent), m)
		return nil
	})
	if defect != nil {
		r = PushResult{Handover: Unreachable, Fault: workspace.FaultBroken, Why: defectWords}
	}
	return r, defect
}

// ofAnyHost is what an update says of the message alone: another host has registered.
func (u MailboxUpdate) ofAnyHost() MailboxUpdate {
	return MailboxUpdate{
		ClaimReleased: true, PushEnded: u.PushEnded, Lost: u.Lost, LostInVain: u.LostInVain,
		ForgetLost: u.ForgetLost, LostAt: u.LostAt, LostWhy: u.LostWhy,
		UndeliveredAt: u.UndeliveredAt,
	}
}

// overtaken reports whether the agent took something that was handed over after this
// one began, which did not reach it: then it says nothing of the agent any more.
func (d *Delivery) overtaken(ctx context.Context, f workspace.Facts, r PushResult, began time.Time) bool {
	if r.Handover != Unreachable {
		return false
	}
	now, err := d.Registry.Leases.Get(ctx, f.ID)
	return err == nil && now.Life() == f.Life() && now.ReachedAt.After(began)
}

// noteMoved ends the delivery of a message that somebody else wrote while it was pushed:
// the claim is released, and what the push showed of the agent is noted, if that is
// still the workspace's host. u is what the outcome would have done.
func (d *Delivery) noteMoved(ctx context.Context, taken chat.Message, u MailboxUpdate) error {
	shown := *u.Push
	shown.AsideUntil = time.Time{} // the message waits for nothing
	if !shown.FailedAt.IsZero() && shown.Fault == workspace.FaultGone {
		shown.Error, shown.Fault = workspace.BlameEnded, workspace.FaultBroken
	}
	return retry.OnConflict(ctx, d.Clock, writeTries, func() error {
		now, err := d.Registry.Leases.Get(ctx, taken.Workspace)
		if err != nil || now.Life() != LifeOf(taken) {
			return err
		}
		// A claim that ends later is that of another delivery.
		note := MailboxUpdate{ClaimReleased: !now.ClaimedUntil.After(taken.Claim.Until), PushEnded: u.PushEnded}
		current := u.Host.Current(now)
		if current {
			note.Host, note.Push = u.Host, &shown
		}
		if err := d.write(ctx, now, nil, nil, note); err != nil || !current {
			return err
		}
		d.recordPush(ctx, now, &shown)
		return nil
	})
}

// target is the agent's URL, with what signs a call to it now.
func (d *Delivery) target(agent workspace.Profile) Target {
	now := d.Clock.Now()
	return Target{URL: agent.URL, Secrets: agent.Signing.Secrets(now), At: now}
}

// recordPush records a change of the verdict that a push may have brought about.
func (d *Delivery) recordPush(ctx context.Context, f workspace.Facts, u *PushUpdate) {
	over := (u.Succeeded && (f.Unproved() || f.NewBootUnproved(d.Registry.Policy))) ||
		(u.AnswerSucceeded && f.AnswerFailures > 0)
	if !u.Degraded && !over {
		return
	}
	if now, err := d.Registry.Leases.Get(ctx, f.ID); err == nil { // else the next sweep records it
		d.Registry.StatusLog.RecordCall(ctx, now, d.Clock.Now())
	}
}

// claim takes the message for one delivery, and returns the facts after that too. When
// the delivery before was lost, it may be set aside instead, or dead: that is so for any
// host. Error: conflict when it has expired since it was read.
func (d *Delivery) claim(
	ctx context.Context, f workspace.Facts, agent *workspace.Profile, m chat.Message,
) (taken chat.Message, next workspace.Facts, err error) {
	now := d.Clock.Now()
	if m.Due(now) {
		return m, f, fault.New(fault.Conflict, "the message has expired meanwhile")
	}
	claim := chat.Claim{Token: uuid.NewString(), Until: now.Add(d.Policy.VisibilityTimeout), Epoch: f.Epoch}
	taken = m.Take(chat.ByPush, claim, d.Policy, f.PassedAt, now)
	count := f.CountPush(d.Registry.Policy, now)
	u := MailboxUpdate{
		Host: HostOf(f), RequireNoHold: true, ClaimedUntil: taken.Claim.Until, Push: &PushUpdate{TriedAt: count.At},
		PushBegins: count,
	}
	switch taken.State {
	case chat.Dead:
		u = d.lost(f, taken, now)
		d.quote(ctx, f, agent, PushResult{}, u, taken)
	case chat.Queued:
		u = MailboxUpdate{Host: HostOf(f), RequireNoHold: true, ClaimReleased: true}
		u.Push = &PushUpdate{AsideUntil: taken.NotBefore}
	}
	moves := []chat.Move{{From: m, To: taken}}
	next, _ = u.Apply(f, chat.DeltaOf(moves))
	return taken, next, d.write(ctx, f, nil, moves, u)
}

// outcome is what a push's result makes of the message and of its mailbox. byWish is whether a refusal is the sender's
// doing.
func (d *Delivery) outcome(f workspace.Facts, taken chat.Message, r PushResult, byWish bool) (
	next chat.Message, u MailboxUpdate, outcome chat.Outcome,
) {
	now := d.Clock.Now()
	why := chat.Clip(r.Why, registry.MaxWhole)
	switch r.Handover {
	case Busy:
		next, outcome = taken.Defer(), chat.AgentBusy
	case Refused:
		if outcome = chat.Refused; byWish {
			next = taken.RefuseByWish(why, now)
			break
		}
		next = taken.Refuse(why, now)
		u = d.lost(f, next, now)
	case AgentError:
		next, outcome = taken.Fail(why, d.Policy, f.PassedAt, f.Epoch, now), chat.Failed
		if next.State == chat.Dead {
			u = d.lost(f, next, now)
		}
	case Unreachable:
		next, outcome = d.unanswered(f, taken, r, now)
		if next.State == chat.Dead {
			u = d.lost(f, next, now)
		}
	default:
		failed := chat.Clip(r.TaskError, registry.MaxWhole)
		next, outcome = taken.Deliver("the agent took it", r.Answer, failed, now), chat.Succeeded
		switch {
		case r.TaskError != "":
			next.Reason = "the agent took it, and said that its task failed"
		case r.Cut != "":
			next.Reason = "the agent took it; " + r.Cut
		}
		u.DeliveredAt = now
	}
	if taken.Due(now) {
		// The claim has ended too: its sender may have read that it has expired.
		next, outcome = taken.Expire(now), chat.Lost
		u = d.lost(f, next, now)
	}
	u.ClaimReleased, u.PushEnded = true, f.LastPushCounter(d.Registry.Policy)
	u.Push = d.pushUpdate(f, taken.Probe, r, next, now)
	if !u.Push.FailedAt.IsZero() && f.ProbePassed {
		// The agent is there: how long the next try waits is for this message to say.
		n, _ := taken.FailuresBefore()
		u.Push.RestUntil = now.Add(d.Policy.Rest(n+1, d.Clock.Random()))
	}
	if next.State == chat.Dead && outcome != chat.HostGone && !r.refusedByPage() {
		u.Push = &PushUpdate{Succeeded: true, ReachedAt: now} // the agent is there: it is this message that fails
	}
	u.Host = hostOfOutcome(f, u.Push)
	if next.NotBefore.After(now) {
		// It is set aside: what waits behind it goes on at once.
		u.Push.RestUntil, u.Push.AsideUntil = time.Time{}, next.NotBefore
	}
	return next, u, outcome
}

// hostOfOutcome is the host that must still be the workspace's when an outcome is
// written. What did not succeed counts for the boot it was tried at alone, also when
// the next one serves the same URL: a new boot does not wait out the rest of another.
func hostOfOutcome(f workspace.Facts, u *PushUpdate) *Host {
	h := HostOf(f)
	h.Boot = !u.Succeeded
	return h
}

// sendersDoing reports whether the agent refused a message for what its sender wrote: the agent is well and takes
// others, and has taken none that is like this one.
func (d *Delivery) sendersDoing(ctx context.Context, f workspace.Facts, m chat.Message, r PushResult) bool {
	return d.takes(f) && d.well(f, d.Clock.Now()) && !r.refusedByPage() && !d.tookLike(ctx, f, m)
}

// lookedThrough is how many of the last entries of a workspace's log are searched for a message that its agent took,
// and lookedAtOnce how many are read at a time: the run delivers for others too.
const (
	lookedThrough = 100
	lookedAtOnce  = 10
)

// tookLike reports whether the agent took a plain message of the same form lately, and since it registered. It reads
// only of a plain message that is refused, and then the log and the bodies that are apart. A message that can't be
// read shows nothing.
func (d *Delivery) tookLike(ctx context.Context, f workspace.Facts, m chat.Message) bool {
	refused, ok := chat.ReadPlain(m.Body)
	if !ok {
		return false
	}
	below := ""
	for range lookedThrough / lookedAtOnce {
		items, err := d.Activity.ActivityLog(ctx, f.Life(), activity.Range{
			Below: below, Limit: lookedAtOnce, Messages: true,
		})
		if err != nil {
			return false
		}
		if d.anyLike(ctx, f, m.Method, refused, items) {
			return true
		}
		if len(items) < lookedAtOnce {
			return false
		}
		below = items[len(items)-1].OrderKey
	}
	return false
}

// anyLike reports whether one of the entries of a log is a plain message of the same method and form that the agent
// took lately, and since it registered.
func (d *Delivery) anyLike(
	ctx context.Context, f workspace.Facts, method string, refused chat.Plain, items []activity.Item,
) bool {
	now := d.Clock.Now()
	var taken []chat.Message
	for _, i := range items {
		if i.Message == nil || i.Message.Method != method || !i.Message.TakenFromPush() ||
			max(len(i.Message.Body), i.Message.BodyApart.Bytes) > chat.MaxPlain {
			continue
		}
		at := i.Message.SettledAt
		if now.Sub(at) < d.Registry.Policy.LostMailMemory && !at.Before(f.RegisteredAt) {
			taken = append(taken, *i.Message)
		}
	}
	taken, err := d.Ledger.Texts(ctx, chat.Bodies, taken)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(taken, func(t chat.Message) bool {
		plain, ok := chat.ReadPlain(t.Body)
		return ok && refused.Like(plain)
	})
}

// takes reports whether the agent has shown lately, and since it registered, that it takes messages.
// Otherwise a sender could have any workspace shown as one that loses mail.
func (d *Delivery) takes(f workspace.Facts) bool {
	lately := d.Clock.Now().Sub(f.PassedAt) < d.Registry.Policy.LostMailMemory
	return lately && !f.PassedAt.Before(f.RegisteredAt)
}

// judged is what came back from a URL, whose agent may have shown that it takes messages. What knows not even the call
// by which every agent takes a message, and has taken none, is no agent: no message may die of it.
func (r PushResult) judged(takes bool, m chat.Message) PushResult {
	if takes || r.Handover != Refused || !r.NoSuchCall || !chat.PlainSend(m.Method) {
		return r
	}
	return PushResult{
		Handover: Unreachable, Fault: workspace.FaultPage,
		Why: "what answers there is not an agent: to " + m.Method + " it says " + r.Why,
	}
}

// refusedByPage reports whether a page refused the message, and not the agent: what
// stands before the agent takes nothing, and the agent itself was not reached.
func (r PushResult) refusedByPage() bool {
	return r.Handover == Refused && r.Fault == workspace.FaultPage
}

// blame is the result with the message at which the agent goes away: no answer came back, and the host before went away
// with the same one. An agent that may hang is told as that: it holds whoever tries it.
func (r PushResult) blame(m chat.Message) PushResult {
	if r.unanswered() && m.Unanswered.Gone > 0 && !r.Fault.Hangs() {
		r.Blamed = m.ID
	}
	return r
}

// unanswered is what a push to which no answer came back makes of the message.
func (d *Delivery) unanswered(
	f workspace.Facts, taken chat.Message, r PushResult, now time.Time,
) (chat.Message, chat.Outcome) {
	why := chat.Clip(r.Why, registry.MaxWhole)
	switch {
	case !r.Fault.Connected():
		return taken.Miss(why), chat.Unreachable
	case taken.Suspect():
		return taken.LeaveAgain(why, d.Policy, f.PassedAt, now), chat.HostGone
	case d.failsAlone(f, taken, r):
		return taken.FailAlone(why, d.Policy, f.PassedAt, f.Epoch, now), chat.FailedAlone
	}
	return taken.Leave(why), chat.Unreachable
}

// unanswered reports whether something took the connection, and no answer of the agent came back.
func (r PushResult) unanswered() bool { return r.Handover == Unreachable && r.Fault.Connected() }

// failsAlone reports whether it is the message that fails, and not its agent: no answer to
// it came back, nor to the attempts before, as many as degrade a workspace, and the agent
// took something else since the last of them, such as a probe. One attempt before is enough
// of a message that hangs the agent, as each takes minutes, and none of one that failed before it was redriven.
func (d *Delivery) failsAlone(f workspace.Facts, taken chat.Message, r PushResult) bool {
	enough := d.Registry.Policy.PushFailuresToDegrade
	if r.Fault == workspace.FaultTimeout {
		enough = 1
	}
	n, last := taken.FailuresBefore()
	switch former := taken.Former; {
	case former.Suspect && n == 0:
		return r.Fault.Connected() && !f.ReachedAt.Before(former.SettledAt)
	case former.Suspect:
		enough = 1
	}
	return r.Fault.Connected() && n >= enough && f.ReachedAt.After(last)
}

// pushUpdate is what a push's result shows of the agent; next is what becomes of the message, of one that was pushed.
func (d *Delivery) pushUpdate(
	f workspace.Facts, probe bool, r PushResult, next chat.Message, now time.Time,
) *PushUpdate {
	u := &PushUpdate{}
	switch {
	case r.Handover == Busy:
		u.BusyAt, u.RestUntil = now, now.Add(d.Policy.BusyRest(r.RetryAfter))
		u.Degraded = !f.BusySince.IsZero() && now.Sub(f.BusySince) >= d.Registry.Policy.BusyBelieved
	case r.Handover == AgentError || r.Handover == Unreachable || r.refusedByPage():
		words, fault := r.told(f, next)
		u.FailedAt, u.Error, u.Fault = now, registry.Beginning(words), fault
		u.RestUntil = now.Add(d.Policy.Rest(f.PushFailures+1, d.Clock.Random()))
		u.Degraded = f.PushFailures+1 >= d.Registry.Policy.PushFailuresToDegrade
	default:
		u.Succeeded, u.ReachedAt = true, now
		switch {
		case probe && r.TaskError != "" && f.AnswerFailures > 0:
			u.AnswerFailedAt, u.AnswerError = now, registry.Beginning(r.TaskError)
		case probe || r.Handover == Refused: // the agent is there, and has taken no message
		case r.TaskError != "":
			u.AnswerFailedAt, u.AnswerError = now, registry.Beginning(r.TaskError)
			u.Degraded = f.AnswerFailures+1 >= d.Registry.Policy.AnswerFailuresToDegrade
		default:
			u.PassedAt, u.AnswerSucceeded = now, true
		}
	}
	return u
}

// probe pushes a probe that no message stands behind, and writes what it shows. While mail
// waits, it shows whether the next message may be tried, and does not end the trouble: that
// would come and go with each message that fails. It has succeeded when the agent took it.
// Of one workspace, one is under way at a time, whatever wakes its drains and whoever registers meanwhile:
// it is claimed before it is pushed. Error: conflict when the lease has moved since f was read.
func (d *Delivery) probe(
	ctx context.Context, f workspace.Facts, agent *workspace.Profile,
) (chat.Outcome, error) {
	until, err := d.claimProbe(ctx, f)
	if err != nil {
		return "", err
	}
	id := "probe-" + uuid.NewString()
	patient, cancel := context.WithTimeout(ctx, d.Policy.ProbePatience)
	defer cancel()
	began := d.Clock.Now()
	r, defect := d.handOver(patient, *agent, chat.Message{
		ID: id, Workspace: f.ID, Life: f.Lives, Method: chat.ProbeMethod, Body: chat.ProbeBody(id), Probe: true,
	})
	now := d.Clock.Now()
	u := MailboxUpdate{Push: d.pushUpdate(f, true, r, chat.Message{}, now)}
	outcome := chat.Failed
	if u.Push.Succeeded {
		outcome = chat.Succeeded
	}
	if f.Open > 0 && f.PushFailures > 0 {
		u.Push.Succeeded, u.Push.ProbePushedAt, u.Push.ProbePassed = false, now, outcome == chat.Succeeded
	}
	if d.overtaken(ctx, f, r, began) {
		return chat.Failed, errors.Join(d.endProbe(ctx, f, until, MailboxUpdate{}), defect)
	}
	d.quote(ctx, f, agent, r, u, chat.Message{})
	u.Host = hostOfOutcome(f, u.Push)
	u = d.noteStanding(ctx, f, nil, u)
	err = d.endProbe(ctx, f, until, u)
	switch {
	case errors.Is(err, errOtherHost):
		return chat.Superseded, defect
	case err != nil:
		return "", errors.Join(err, defect)
	}
	d.recordPush(ctx, f, u.Push)
	return outcome, defect
}

// claimProbe claims the one probe of a workspace that no message stands behind, and returns until when. A drain that
// dies with it keeps no other from the next one for longer. Error: conflict when the lease has moved since f was read.
func (d *Delivery) claimProbe(ctx context.Context, f workspace.Facts) (until time.Time, err error) {
	until = d.Clock.Now().Add(d.Registry.Policy.ProbePatience).Truncate(time.Millisecond)
	u := MailboxUpdate{Host: HostOf(f), RequireNoHold: true, Probe: &ProbeClaim{Seen: f.ProbedAt, Next: until}}
	return until, d.Ledger.WriteMessages(ctx, f.Life(), nil, d.noteStanding(ctx, f, nil, u))
}

// endProbe writes what a probe showed, and gives its claim back; f are the facts that it was claimed with. Error:
// errOtherHost when u is of a host that is the workspace's no more: then the claim alone is given back.
func (d *Delivery) endProbe(ctx context.Context, f workspace.Facts, until time.Time, u MailboxUpdate) error {
	u.Probe = &ProbeClaim{Seen: until}
	if !f.ProbedAt.After(d.Clock.Now()) { // else it was a wrong clock's
		u.Probe.Next = f.ProbedAt
	}
	var gone error
	err := retry.OnConflict(ctx, d.Clock, writeTries, func() error {
		err := d.Ledger.WriteMessages(ctx, f.Life(), nil, u)
		if fault.CodeOf(err) != fault.Conflict {
			return err
		}
		now, lookErr := d.Registry.Leases.Get(ctx, f.ID)
		switch {
		case lookErr != nil:
			return retry.Final(err)
		case now.Life() != f.Life():
			return retry.Final(errOtherHost)
		}
		if u.Host != nil && !u.Host.Current(now) {
			u, gone = MailboxUpdate{Probe: u.Probe}, errOtherHost
		}
		if !now.ProbedAt.Equal(until) {
			u.Probe = nil // it took longer than it may, and the claim is another's
		}
		return err
	})
	return errors.Join(err, gone)
}
