package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// readCredential finds the agent's credential: in a file, or in the environment.
func (d *doctor) readCredential() {
	if kind := token.KindOf(d.person); d.person != "" && kind != token.Person && kind != token.Operator {
		d.agent, d.person = d.person, "" // ROLLCALL_TOKEN is the agent's
	}
	file := d.asked.file
	if file == "" {
		file = os.Getenv("ROLLCALL_TOKEN_FILE")
	}
	if file == "" {
		return
	}
	raw, err := os.ReadFile(file)
	d.agent = strings.TrimSpace(string(raw))
	switch {
	case errors.Is(err, os.ErrNotExist):
		d.add("credential", broken, "there is no file "+file, "check that this is the agent's machine and volume; "+d.lost())
	case errors.Is(err, syscall.EISDIR):
		d.add("credential", broken, file+" is a directory", "name the file in it that has the credential")
	case err != nil:
		d.add("credential", broken, rootWords(err)+": "+file, "let the user that the agent runs as read the file")
	case d.agent == "":
		d.add("credential", broken, file+" is empty", "place the agent's credential there, and restart the agent; "+d.lost())
	}
}

// lost says what mends a credential that nobody has. It works whatever the platform knows of the agent.
func (d *doctor) lost() string {
	return "if its credential is lost, rollcall repair " + d.name() + " --show shows another"
}

// name is the id of the workspace for a command.
func (d *doctor) name() string {
	if d.asked.id == "" {
		return "ID"
	}
	return d.asked.id
}

// inspect asks the platform whose the agent's credential is, in the one way that doesn't use it.
func (d *doctor) inspect(ctx context.Context) {
	switch {
	case d.agent == "" && len(d.findings) > 0 && d.findings[len(d.findings)-1].Link == "credential":
		return // it is said why there is none
	case d.agent == "":
		d.add("credential", skipped, "no credential of an agent is known here: give --credential-file, "+
			"ROLLCALL_TOKEN_FILE or ROLLCALL_TOKEN", "")
		return
	case token.Flaw(d.agent) != "":
		d.add("credential", broken, token.Flaw(d.agent),
			"place it again, and restart the agent; "+d.lost())
		return
	}
	if _, inner := token.DamageOf(d.agent); token.KindOf(inner) != "" { // what was issued stands in it: it is none itself
		d.wrapped(ctx)
		return
	}
	r, err := d.do(ctx, http.MethodGet, "/registry/credential", d.agent)
	var in api.Inspected
	if err == nil {
		err = json.Unmarshal(r.Raw, &in)
	}
	if refused, ok := errors.AsType[*refusal](err); ok {
		if refused.Code == string(fault.CredentialUnknown) && token.Wrapping(d.agent) != "" {
			d.wrapped(ctx)
			return
		}
		if d.asked.id != "" && refused.ID != "" && refused.ID != d.asked.id {
			d.add("credential", broken, fmt.Sprintf("it was %s's, and ended; it never was %s's, and calls in that name with "+
				"it are refused (credential_of_another, HTTP 403)", refused.ID, d.asked.id),
				"give this agent its own credential; "+d.lost())
			return
		}
		d.add("credential", broken, refused.Error(), d.insteadOf(refused))
		return
	}
	if err != nil {
		d.add("credential", broken, err.Error(), "look again")
		return
	}
	d.now = in.At
	if d.asked.id == "" || d.asked.id == in.WorkspaceID {
		d.ws, d.good = &in.Workspace, true
	}
	d.lookAtCredential(in)
}

// wrapped says what is wrong with the text in place of the credential, and whether the credential in it is good.
func (d *doctor) wrapped(ctx context.Context) {
	text, next := token.Wrapping(d.agent), "place the credential alone, as it was shown, and restart the agent"
	_, inner := token.DamageOf(d.agent)
	var in api.Inspected
	r, err := d.do(ctx, http.MethodGet, "/registry/credential", inner)
	switch {
	case inner == "" || err != nil || json.Unmarshal(r.Raw, &in) != nil:
		next += "; " + d.lost()
	case d.asked.id != "" && d.asked.id != in.WorkspaceID:
		text += "; the credential in it is that of " + in.WorkspaceID + ", not of " + d.asked.id
		next = "give this agent its own credential, alone; " + d.lost()
	default:
		text += "; the credential in it is good, and " + in.WorkspaceID + "'s"
	}
	d.add("credential", broken, text, next)
}

// insteadOf is what mends a credential that is refused so, where the workspace's verdict does not know of it: see
// oneRemedy.
func (d *doctor) insteadOf(refused *refusal) string {
	switch {
	case refused.Code == string(fault.WorkspaceRemoved):
		return "if the workspace is still wanted: rollcall create " + d.name() +
			", and start the agent with the credential that it shows"
	case refused.Code == string(fault.CredentialOfAnother):
		return "give the agent its own credential; " + d.lost()
	case token.OtherKind(d.agent) == token.OfEnrolment && refused.Hint != "":
		return refused.Hint // it says where the token goes
	case refused.Hint == "", d.asked.id != "" && refused.Code == string(fault.CredentialUnknown):
		return "place the credential that " + d.name() + " has now where the agent takes its own from, and restart the " +
			"agent; " + d.lost()
	}
	return refused.Hint
}

// lookAtCredential looks at one that the platform knows.
func (d *doctor) lookAtCredential(in api.Inspected) {
	switch {
	case d.asked.id != "" && d.asked.id != in.WorkspaceID:
		d.add("credential", broken, fmt.Sprintf("it is that of %s, not of %s", in.WorkspaceID, d.asked.id),
			"give this agent its own credential, or the id "+in.WorkspaceID+"; "+d.lost())
	case in.Credential == "not_used_yet", in.Workspace.Reason == workspace.ReasonNeverRegistered:
		d.add("credential", healthy, fmt.Sprintf("it is %s's: issued, and no call has used it yet; from %s", in.WorkspaceID,
			in.From), "")
	default:
		d.add("credential", healthy, fmt.Sprintf("it is %s's, and in use; calls come from %s", in.WorkspaceID, in.From), "")
	}
}

// readAsPerson reads the workspace without the agent's credential.
func (d *doctor) readAsPerson(ctx context.Context) {
	if d.asked.id == "" {
		return
	}
	r, err := d.do(ctx, http.MethodGet, workspacePath(d.asked.id), d.person)
	var ws api.Workspace
	if err == nil {
		err = json.Unmarshal(r.Raw, &ws)
	}
	if refused, ok := errors.AsType[*refusal](err); ok && refused.status != http.StatusUnauthorized &&
		refused.status != http.StatusForbidden {
		next := cmp.Or(refused.Hint, "check that the id is right: rollcall status")
		d.add("register", broken, refused.Error(), next)
		for i, f := range d.findings { // no command mends the credential of a workspace that there is not
			if refused.Code == string(fault.WorkspaceUnknown) && f.Link == "credential" && f.Is == broken {
				d.findings[i].Next = next
			}
		}
		return
	}
	if err != nil {
		d.add("register", skipped, "what the platform knows of "+d.asked.id+" can't be read: "+err.Error(),
			"give the agent's credential (--credential-file), or sign in as a person (rollcall login), to look at the rest")
		return
	}
	d.ws = &ws
}

// lookAtAgent looks at what the platform last heard of the agent.
func (d *doctor) lookAtAgent() {
	ws := d.ws
	switch {
	case ws.Status == workspace.StatusRemoved:
		d.add("register", broken, "an operator removed the workspace: each call of its agent is refused", d.remedy())
		return
	case ws.RegisteredAt.IsZero() && ws.LastHeard.IsZero():
		d.add("register", broken, "it has never registered",
			cmp.Or(d.remedy(), "start the agent; the answer to its register says what is wrong"))
		return
	case ws.Reason == workspace.ReasonCredentialsRejected:
		d.add("register", broken, cmp.Or(d.hint(), "calls of the agent are refused"), d.remedy())
	case ws.RegisteredAt.IsZero():
		d.add("register", healthy, "never; its other calls are accepted", "")
	default:
		d.add("register", healthy, relative(ws.RegisteredAt, d.now), "")
	}
	last := ws.LastHeard
	onlyRegistered := ws.LastHeartbeat.Before(last) && ws.Inbox.LastPollAt.Before(last)
	standsByLease := ws.Status == workspace.StatusOnline ||
		ws.Status == workspace.StatusDegraded && ws.Reason != workspace.ReasonCredentialsRejected
	switch {
	case ws.LeaseUntil.Before(d.now) && standsByLease: // its grace is not over
		d.add("heartbeat", warning, "nothing was accepted since the lease ended, "+relative(ws.LeaseUntil, d.now)+
			": it is offline soon", "")
	case ws.LeaseUntil.Before(d.now):
		d.add("heartbeat", broken, "nothing was accepted since the lease ended, "+relative(ws.LeaseUntil, d.now),
			"check that the agent runs, and look at its log for the answers to its heartbeats")
	case onlyRegistered:
		d.add("heartbeat", healthy, "none since it registered; the lease ends "+relative(ws.LeaseUntil, d.now), "")
	default:
		d.add("heartbeat", healthy, fmt.Sprintf("%s; the lease ends %s", relative(last, d.now),
			relative(ws.LeaseUntil, d.now)), "")
	}
	d.lookAtMail()
}

// lookAtMail looks at how its mail reaches the agent.
func (d *doctor) lookAtMail() {
	ws := d.ws
	text := fmt.Sprintf("by %s: %s", ws.Delivery.Effective, ws.Delivery.Reason)
	if ws.Delivery.Effective == workspace.Poll {
		polled := "never"
		if !ws.Inbox.LastPollAt.IsZero() {
			polled = relative(ws.Inbox.LastPollAt, d.now)
		}
		text += "; polled " + polled
	}
	switch ws.Reason {
	case workspace.ReasonInboxUnattended, workspace.ReasonPushFailing, workspace.ReasonBacklogStalled,
		workspace.ReasonAnswersFailing:
		d.add("mail", broken, text+". "+capital(d.hint()), d.remedy())
	default:
		d.add("mail", healthy, text, "")
	}
}

// lookAtURL connects to the agent's URL from this machine, and sends nothing.
func (d *doctor) lookAtURL(ctx context.Context) {
	at, err := url.Parse(d.ws.URL)
	if d.ws.URL == "" || err != nil || d.ws.Delivery.Effective != workspace.Push {
		return
	}
	port := at.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[at.Scheme]
	}
	address := net.JoinHostPort(at.Hostname(), port)
	defer d.tellSameURL(ctx)
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	switch {
	case err == nil:
		_ = conn.Close() // nothing was sent
		d.add("url", healthy, address+" takes connections from this machine", "")
	case d.ws.Reason == workspace.ReasonPushFailing:
		why := rootWords(err)
		d.add("url", broken, fmt.Sprintf("nothing takes connections at %s, not from here either: %s", address, why),
			"start the agent's server, or register it with the URL where it listens")
	default:
		d.add("url", warning, fmt.Sprintf("%s takes no connection from this machine: %s", address, rootWords(err)),
			"look whether the agent runs, and listens there; rollcall probe "+d.ws.ID+" tries it from the platform")
	}
}

// tellSameURL adds to what was found of the URL that other workspaces have it too. An agent may not read the fleet.
func (d *doctor) tellSameURL(ctx context.Context) {
	i := slices.IndexFunc(d.findings, func(f finding) bool { return f.Link == "url" })
	if i < 0 || d.person == "" {
		return
	}
	r, err := d.do(ctx, http.MethodGet, fmt.Sprintf("/workspaces?limit=%d", maxPage), d.person)
	var p page
	if err != nil || json.Unmarshal(r.Raw, &p) != nil || p.Next != nil {
		return
	}
	if also := sameURLAs(d.ws.ID, p.Workspaces); also != "" {
		d.findings[i].Text += "; " + also
	}
}

// tryProbe has the platform send the agent an empty message, where that is asked for, and returns what came of it. What
// the platform knows of the workspace is read again after that, as the message may change it.
func (d *doctor) tryProbe(ctx context.Context) finding {
	const link = "probe"
	switch {
	case !d.asked.probe:
		return finding{link, skipped, "no message was sent to the agent: rollcall probe " + d.ws.ID + ", or --probe", ""}
	case d.person == "":
		return finding{link, skipped, "it needs a person's credential with the scope operate: rollcall login", ""}
	}
	var out accepted
	r, err := d.do(ctx, http.MethodPost, workspacePath(d.ws.ID)+"/probe", d.person)
	if err == nil {
		err = json.Unmarshal(r.Raw, &out)
	}
	if err != nil {
		return finding{link, skipped, err.Error(), ""}
	}
	var last api.Receipt
	began := time.Now()
	ended, err := d.await(ctx, probePatience, 300*time.Millisecond, func(ctx context.Context) (bool, error) {
		last = api.Receipt{}
		err := d.call(ctx, http.MethodGet, messagePath(d.ws.ID, out.MessageID), nil, &last)
		return err == nil && following{untilAnswered: true}.enough(last), err
	})
	ended = ended && !last.State.Open()
	var after api.Workspace
	if err == nil {
		err = d.call(ctx, http.MethodGet, workspacePath(d.ws.ID), nil, &after)
	}
	if err != nil {
		return finding{link, skipped, err.Error(), ""}
	}
	d.ws, d.now = &after, d.now.Add(time.Since(began))
	switch {
	case last.State == chat.Delivered:
		return finding{link, healthy, "a message of the platform reached the agent", ""}
	case ended:
		return finding{link, broken, fmt.Sprintf("%s: %s", last.State, last.Reason), d.afterProbe(out.MessageID)}
	}
	text := fmt.Sprintf("not delivered within %s: %s", probePatience, last.Reason)
	if lastTryFailed(last) {
		text = "it did not arrive: " + last.Reason
	}
	if last.LastError != "" {
		text += " (" + last.LastError + ")"
	}
	if waitsBehind(last) {
		text += followed{last: last, ahead: d.aheadOf(ctx, d.ws.ID, out.MessageID)}.lastTryWords(d.printer())
	}
	return finding{link, broken, text, d.afterProbe(out.MessageID)}
}

// afterProbe is what comes after a probe that did not arrive.
func (d *doctor) afterProbe(messageID string) string {
	return fmt.Sprintf("rollcall receipts %s %s shows each try and what came back: look for that in the agent's log",
		d.ws.ID, messageID)
}

// probePatience is how long a probe of doctor is followed.
const probePatience = 20 * time.Second
