package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/visible"
	"github.com/rollcall/rollcall/shared/workspace"
)

// A link may look well from here while the platform's verdict says the contrary: the verdict knows what was refused,
// and what did not arrive. No line of doctor says ok then.

// agree makes a warning of each link that looked well and that the verdict says is not, with what the verdict says.
func (d *doctor) agree() {
	for i, f := range d.findings {
		if f.Is != healthy {
			continue
		}
		if why, next := d.denied(f.Link); why != "" {
			d.findings[i] = finding{f.Link, warning, f.Text + "; but " + why, next}
		}
	}
}

// denied says why the verdict denies that a link is well, and what mends it where the verdict's command doesn't; "": it
// does not deny it.
func (d *doctor) denied(link string) (why, next string) {
	ws := d.ws
	switch link {
	case "credential":
		if ws.Hop == workspace.HopCredential || ws.Reason == workspace.ReasonRemoved {
			return "calls in this agent's name are refused: it sends another one, or none", ""
		}
		if d.failedCall() != "" {
			return "", ""
		}
		return d.remarked(workspace.RemarkCallRefused).Text, ""
	case "register":
		return d.registerDenied()
	case "heartbeat":
		return d.heartbeatDenied(), ""
	case "mail":
		return d.mailDenied(), ""
	case "url":
		if d.overdue() {
			return "the agent's next call is overdue: it may have ended, or hang", ""
		}
		if d.pushesFail() {
			return "the platform's pushes fail: look at what stands between, and at what the agent answers", ""
		}
	case "probe":
		if ws.Expected == workspace.ExpectNobody {
			return "no message reaches it now", ""
		}
	}
	return "", ""
}

// pushesFail reports whether the platform's verdict says that pushes failed. What else keeps mail from the agent says
// nothing of its URL, and stands in lines of its own.
func (d *doctor) pushesFail() bool {
	failed := func(e api.Evidence) bool { return strings.HasPrefix(e.Fact, "last of the deliveries that failed") }
	return d.ws.Reason == workspace.ReasonPushFailing || slices.ContainsFunc(d.ws.Evidence, failed)
}

// registerDenied is denied for the agent's registers.
func (d *doctor) registerDenied() (why, next string) {
	r := d.remarked(workspace.RemarkRegisterRefused)
	switch {
	case r.Code != "" && d.good && isRepair(r.Command):
		why, _, _ = strings.Cut(r.Text, "; ")
		return why, giveIt
	case r.Code != "":
		return r.Text, r.Command
	case d.spares():
		return "its next one is refused, until it sends the credential that was looked at here", ""
	case d.repairs():
		return "its next one is refused, until its credential is repaired", ""
	}
	return "", ""
}

// failedCall is the remark that calls of the agent are refused for what they send, with a good credential; "": there is
// none.
func (d *doctor) failedCall() string {
	text := d.remarked(workspace.RemarkCallRefused).Text
	if !strings.Contains(text, workspace.CredentialIsGood) {
		return ""
	}
	return text
}

// remarked is the remark of a code; zero: there is none.
func (d *doctor) remarked(code string) (found api.Remark) {
	for _, r := range d.ws.Remarks {
		if r.Code == code {
			return r
		}
	}
	return found
}

// heartbeatDenied is denied for the agent's heartbeats.
func (d *doctor) heartbeatDenied() string {
	ws, silent := d.ws, d.now.Sub(d.ws.LastHeard)
	heard := ws.LastHeard.After(ws.Since) && silent < ws.LeaseUntil.Sub(ws.LastHeard)/2
	seldom, _, _ := strings.Cut(d.remarked(workspace.RemarkCallsTooSeldom).Text, ";")
	switch {
	case ws.Reason == workspace.ReasonCredentialsRejected && !arrives(ws.Expected):
		return "the platform refuses the agent's credential"
	case ws.Reason == workspace.ReasonPushFailing && !heard:
		return "pushes to the agent fail, and nothing was heard of it since: it may have stopped"
	case d.overdue() && d.remarked(workspace.RemarkCallRefused).Code != "":
		return withoutDoctor(d.remarked(workspace.RemarkCallRefused).Text)
	case d.overdue():
		return "the agent's next one is overdue: look whether its process runs, and whether it hangs"
	}
	return seldom
}

// overdue reports whether an agent that is online is promised no message, as its next call is overdue.
func (d *doctor) overdue() bool {
	ws := d.ws
	return ws.Status == workspace.StatusOnline && ws.Expected == workspace.ExpectRetrying &&
		d.now.Sub(ws.LastHeard) >= ws.LeaseUntil.Sub(ws.LastHeard)/2
}

// mailDenied is denied for the agent's mail.
func (d *doctor) mailDenied() string {
	ws := d.ws
	switch {
	case ws.Reason == workspace.ReasonPaused:
		return "an operator paused the workspace: its messages wait"
	case ws.Expected == workspace.ExpectNobody:
		return cmp.Or(d.failedCall(), "no message reaches the agent now")
	case d.failedCall() != "":
		return d.failedCall()
	case ws.Reason == workspace.ReasonDuplicateHost:
		return "two agents run under this id: it goes to one of them, or to each"
	case ws.Reason == workspace.ReasonRestartLoop:
		return "the agent registers again and again: it may end before it has done what it is handed"
	case ws.Reason == workspace.ReasonInboxFull:
		return "some of it is refused, as the inbox is full"
	case ws.Reason == workspace.ReasonPlatformSuspect:
		return "the platform may not deliver it"
	case ws.Expected == workspace.ExpectRetrying:
		return "nothing shows that a message arrives: one that is sent now is tried until it does"
	}
	return ""
}

// arrives reports whether a message that is sent now reaches the agent.
func arrives(e workspace.Expectation) bool {
	return e == workspace.ExpectNow || e == workspace.ExpectNextPoll || e == workspace.ExpectWhenIdle
}

// lookAtVerdict is for what makes the workspace anything but online and is none of the links before.
func (d *doctor) lookAtVerdict() {
	ws := d.ws
	text := string(ws.Status) + " (" + string(ws.Reason) + ")"
	switch {
	case ws.Status == workspace.StatusOnline:
		d.add("status", healthy, text, "")
	case d.diagnosis().Broken != "":
		d.add("status", broken, text, d.remedy())
	case ws.Status == workspace.StatusPaused || ws.Status == workspace.StatusProvisioning:
		d.add("status", warning, text+": "+d.hint(), d.remedy())
	default:
		d.add("status", broken, text+": "+d.hint(), d.remedy())
	}
}

// giveIt is what mends calls of an agent that are refused, where its good credential is at hand: whatever the agent
// sends is another one.
const giveIt = "the credential that was looked at here is good, and a repair would end it: place it where the agent " +
	"takes its own from, and restart the agent"

// spares reports whether the verdict's command would end the credential that is at hand, and good.
func (d *doctor) spares() bool { return d.good && d.repairs() }

// isRepair reports whether a command ends a workspace's credentials.
func isRepair(command string) bool { return strings.HasPrefix(command, repairing) }

// repairing is how a repair is named.
const repairing = "rollcall repair "

// remedy is what the platform's verdict says to do, or what mends the same and ends no good credential.
func (d *doctor) remedy() string {
	if d.spares() {
		return giveIt
	}
	words := strings.Fields(d.ws.Command)
	if len(words) < 2 || slices.Contains(looking, words[1]) {
		return d.hint()
	}
	return d.ws.Command
}

// looking are the commands of verdicts that mend nothing.
var looking = []string{"doctor", "explain", "history", "log", "probe", "problems", "receipts", "status"}

// doctorItself is how the platform names this command.
const doctorItself = "rollcall doctor "

// hint is the hint of the platform's verdict, without each clause that asks to run this command.
func (d *doctor) hint() string {
	if d.spares() {
		return cmp.Or(without(withoutDoctor(d.ws.Hint), repairing), "calls of the agent are refused")
	}
	return withoutDoctor(d.ws.Hint)
}

// withoutDoctor is a text without each clause that asks to run this command.
func withoutDoctor(text string) string { return without(text, doctorItself) }

// without is a text without each clause that names a command.
func without(text, command string) string {
	asks := func(clause string) bool {
		_, _, found := visible.CutUnquoted(clause, command)
		return found
	}
	var sentences []string
	for _, sentence := range visible.SplitUnquoted(text, ". ") {
		first := len(sentences) == 0
		if clauses := slices.DeleteFunc(visible.SplitUnquoted(sentence, "; "), asks); len(clauses) > 0 {
			sentence = strings.Join(clauses, "; ")
			if !first { // the clause that began it may be gone
				sentence = capital(sentence)
			}
			sentences = append(sentences, sentence)
		}
	}
	return strings.Join(sentences, ". ")
}

// capital is a text as it begins a sentence.
func capital(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// clockMeasured is how far the clock of what answers at the agent's URL is off, as the platform's verdict says it.
var clockMeasured = regexp.MustCompile(`failed \(“its clock is ([0-9hms]+ (?:behind|ahead)), and `)

// lookAtAgentsClock compares what the platform measured of the agent's clock, by its answers, with this machine's.
func (d *doctor) lookAtAgentsClock() {
	measured := clockMeasured.FindStringSubmatch(d.ws.Hint)
	i := slices.IndexFunc(d.findings, func(f finding) bool { return f.Link == "clock" })
	if measured == nil || i < 0 || d.findings[i].Is == broken {
		return
	}
	d.findings[i] = finding{
		"clock", broken, fmt.Sprintf("%s, and the agent's process is %s: it has a clock of its own, or runs on another "+
			"machine", d.findings[i].Text, measured[1]),
		"look at what sets the clock that the agent's process reads, such as a container or a library, and restart the " +
			"agent; if it runs on another machine, set that machine's clock (NTP)",
	}
}
