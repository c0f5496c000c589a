package workspace

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// Hop is a part of the path that a message takes.
type Hop string

// The hops; HopNone is for when none is at fault.
const (
	HopNone       Hop = ""
	HopAgent      Hop = "agent"
	HopCredential Hop = "credential"
	HopNetwork    Hop = "network"
	HopQueue      Hop = "queue"
	HopOperator   Hop = "operator"
	HopPlatform   Hop = "platform"
)

// Explanation is a verdict in a person's words.
type Explanation struct {
	WorkspaceID string    `json:"workspace_id"`
	Summary     string    `json:"summary"`
	Status      Status    `json:"status"`
	Reason      Reason    `json:"reason"`
	Since       time.Time `json:"since"`
	Hop         Hop       `json:"faulty_hop"`
	Next        string    `json:"next_step"`
	Command     string    `json:"command"`
	// CommandNeeds is the scope that the command needs, where the person who reads has a smaller one; see Remark too.
	CommandNeeds string     `json:"command_needs,omitempty"`
	Delivery     Delivery   `json:"delivery"`
	Evidence     []Evidence `json:"evidence"`
	Remarks      []Remark   `json:"remarks,omitempty"`
}

// explained is, for each reason, which hop is at fault, in which words, and which command comes next; %s is the
// workspace's id. No command restarts an agent: that is done where the agent runs. Of what an agent has to do, the
// command shows whether it can, or what it did.
var explained = map[Reason]struct {
	hop              Hop
	summary, command string
}{
	ReasonRemoved: {
		HopOperator,
		"An operator removed it; it gets no messages.", "rollcall create %s",
	},
	ReasonPaused: {
		HopOperator,
		"An operator paused it: its messages wait until it is resumed.", "rollcall resume %s",
	},
	ReasonNeverRegistered: {
		HopAgent,
		"It was created, and no call of its agent was accepted yet.", "rollcall doctor %s",
	},
	ReasonCredentialsRejected: {
		HopCredential,
		"Its agent's credential is missing, or isn't accepted.", "rollcall repair %s",
	},
	ReasonLeaseExpired: {
		HopAgent,
		"Its agent has fallen silent: nothing was heard of it since its lease ran out. " +
			"It may have stopped, or its network may be down.", "rollcall doctor %s",
	},
	ReasonPlatformSuspect: {
		HopPlatform,
		"The platform may be at fault: it doesn't hear the agent, or doesn't deliver its mail.", "rollcall sweep",
	},
	ReasonDuplicateHost: {
		HopAgent,
		"Two agents run under its id: its messages go to one of them, or to each.", "rollcall history %s",
	},
	ReasonRuntimeWedged: {
		HopAgent,
		"Its agent calls, and reports that its runtime is stuck.", "rollcall log %s",
	},
	ReasonInboxUnattended: {
		HopAgent,
		"Its agent doesn't fetch its messages.", "rollcall doctor %s",
	},
	ReasonPushFailing: {
		HopNetwork,
		"Its agent calls, but messages pushed to its URL fail.", "rollcall receipts %s",
	},
	ReasonBacklogStalled: {
		HopQueue,
		"Its messages wait, and none is delivered.", "rollcall receipts %s",
	},
	ReasonAnswersFailing: {
		HopAgent,
		"Its agent takes its messages, and fails each task.", "rollcall receipts %s",
	},
	ReasonRestartLoop: {
		HopAgent,
		"Its agent registers again and again: it may end soon after each start.", "rollcall log %s",
	},
	ReasonInboxFull: {
		HopQueue,
		"Its agent is well, but its inbox has no room for all that is sent: some mail is refused.",
		"", // whose mail fills it is a fact
	},
	ReasonErrorRate: {
		HopAgent,
		"Its agent works, but most of what it does fails.", "rollcall log %s",
	},
	ReasonBusy: {
		HopNone,
		"It is well, and at work: a message sent now is delivered when it is free.", "",
	},
	ReasonHealthy: {
		HopNone,
		"It is well: a message sent now reaches its agent.", "",
	},
}

// command is the command that comes next, where the verdict asks for another step than its reason does; command is the
// reason's.
func (v Verdict) command(command string) string {
	switch {
	case v.NextCommand != "":
		return v.NextCommand
	case v.Reason == ReasonCredentialsRejected && v.Action != "repair":
		return "rollcall doctor %s" // the agent is to come with the credential that it was given
	}
	return command
}

// Command is the exact command that comes next for the workspace of this id; "" when nothing is wrong with it.
func (v Verdict) Command(id string) string {
	return strings.ReplaceAll(v.command(explained[v.Reason].command), "%s", id)
}

// ForSenders is Summary in the words that any sender may read: how an agent damages its credential is its operator's
// affair.
func (v Verdict) ForSenders() string {
	if v.FaultyHop() == HopCredential {
		v.Sentence = ""
	}
	return v.Summary()
}

// Summary is the reason in a sentence. It names no address and no step that only an operator can take.
func (v Verdict) Summary() string {
	const silent = "nothing is heard of its agent now."
	switch rejected := v.Reason == ReasonCredentialsRejected && v.Status == StatusOffline; {
	case rejected && v.Sentence != "":
		return v.Sentence + " " + capital(silent)
	case rejected:
		return "Its agent's credential is missing, or isn't accepted, and " + silent
	}
	return cmp.Or(v.Sentence, explained[v.Reason].summary)
}

// FaultyHop is the link of the chain at fault: the one that the facts name, else the one that the reason points at.
func (v Verdict) FaultyHop() Hop {
	if v.Hop != HopNone {
		return v.Hop
	}
	return explained[v.Reason].hop
}

// Explain puts the verdict of Assess in words.
func (fl Fleet) Explain(f Facts, p Policy, now time.Time) Explanation {
	v := fl.Assess(f, p, now)
	e := Explanation{
		WorkspaceID: f.ID, Status: v.Status, Reason: v.Reason, Since: v.Since, Next: v.Hint, Evidence: v.Evidence,
		Hop: v.FaultyHop(), Summary: v.Summary(), Command: v.Command(f.ID),
		Delivery: EffectiveMode(f, p, now), Remarks: v.Remarks,
	}
	s := newSituation(&f, fl, p, now)
	if failed := s.failedSummary(v); failed != "" {
		e.Summary = failed
		return e
	}
	switch v.Reason {
	case ReasonCredentialsRejected:
		expected, why := Expect(f, v, e.Delivery.Effective, p, now)
		switch {
		case expected == ExpectRetrying:
			e.Summary += " Its lease still runs, and its messages are tried, but " + why + "."
		case expected != ExpectNobody:
			e.Summary += " Its lease still runs, so its messages go on."
		case f.Deliverable(p, now):
			e.Summary += " No message reaches it, because it fetches none."
		default:
			e.Summary += " No message can reach it."
		}
		return e
	case ReasonInboxFull:
		if f.Overdue(p, now) || f.refusedPoller(e.Delivery.Effective, now) {
			e.Summary = "Its inbox has no room for all that is sent, and " + f.overdueWords(v.Reason, now) + "."
		}
	case ReasonHealthy, ReasonBusy:
		switch {
		case f.refusedPoller(e.Delivery.Effective, now):
			e.Summary = fmt.Sprintf("It was well when its agent was last heard, at %s. A call from where its agent runs was "+
				"refused since, and no poll was accepted: nothing shows that a message sent now reaches it.", stamp(f.LastSignal()))
			return e
		case f.Overdue(p, now) && f.refusedSinceHeard(now):
			e.Summary = fmt.Sprintf("It was well when its agent was last heard, at %s. A call from where its agent runs was "+
				"refused since, and nothing shows that a message sent now reaches it.", stamp(f.LastSignal()))
			return e
		case f.Overdue(p, now):
			e.Summary = fmt.Sprintf("It was well when its agent was last heard, at %s. Its next call is overdue, and nothing "+
				"shows that a message sent now reaches it.", stamp(f.LastSignal()))
			return e
		}
	}
	if v.Reason != ReasonHealthy {
		return e
	}
	expected, why := Expect(f, v, e.Delivery.Effective, p, now)
	if f.registersOften(p) && (expected == ExpectNow || expected == ExpectNextPoll) {
		e.Summary = "Its calls are accepted, and it registers again and again: a message sent now reaches its agent if it " +
			"runs between two registers."
		return e
	}
	switch expected {
	case ExpectNow:
		if f.URLUntried() {
			e.Summary = "Its lease runs, and a message sent now is pushed at once. Nothing was sent to its URL yet."
		}
	case ExpectNextPoll:
		e.Summary = "It is well: its agent gets a message sent now with its next poll."
	case ExpectWhenIdle:
		e.Summary = "It is well, and at work: a message sent now is delivered after what came before it."
	case ExpectNobody:
		e.Summary = "Its lease runs, but a message sent now waits until its agent registers or polls: " + why + "."
	case ExpectRetrying:
		if f.PushFailures > 0 {
			why += ": " + f.failedWords()
		}
		e.Summary = "Its lease runs, and a message sent now is tried until it arrives: " + why + "."
	}
	return e
}

// refusedPoller reports whether the agent fetches its mail, and nothing shows that its next poll is accepted.
func (f *Facts) refusedPoller(mode Mode, now time.Time) bool {
	return mode == Poll && f.pollsRefused(now)
}

// WhoRuns says, after a command, that another person has to run it: needs is the scope that it needs, "" where the
// reader may run it.
func WhoRuns(needs string) string {
	if needs == "" {
		return ""
	}
	return "   (an operator runs it: it needs the scope " + needs + ")"
}

// Text is the explanation as plain text, for a terminal.
func (e Explanation) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is %s (%s) since %s\n%s\n", e.WorkspaceID, e.Status, e.Reason, stamp(e.Since), e.Summary)
	if e.Hop != HopNone {
		fmt.Fprintf(&b, "at fault: the %s\n", e.Hop)
	}
	if e.Next != "" {
		fmt.Fprintf(&b, "next: %s\n", e.Next)
	}
	if e.Command != "" {
		fmt.Fprintf(&b, "      %s%s\n", e.Command, WhoRuns(e.CommandNeeds))
	}
	for _, r := range e.Remarks {
		fmt.Fprintf(&b, "also: %s\n", r.Text)
		if r.Command != "" {
			fmt.Fprintf(&b, "      %s%s\n", r.Command, WhoRuns(r.CommandNeeds))
		}
	}
	fmt.Fprintf(&b, "mail goes by %s: %s\nevidence:\n", e.Delivery.Effective, e.Delivery.Reason)
	for _, ev := range e.Evidence {
		fmt.Fprintf(&b, "  %s  %s\n", stamp(ev.At), ev.Fact)
	}
	return b.String()
}
