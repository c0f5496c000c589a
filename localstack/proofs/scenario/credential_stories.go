package scenario

import (
	"context"
	"fmt"
	"strings"

	"github.com/rollcall/rollcall/shared/client"
)

// credentialStories are about credentials that are lost, refused, replaced or stolen.
var credentialStories = []story{
	{"a lost token: register refused, heartbeats pass", tokenLost},
	{"an agent that ignores that its heartbeats are refused", heartbeatRefused},
	{"heartbeats are accepted, and polls bring another credential", pollsRefused},
	{"a credential that is cut off, at an agent that keeps what it is given", cutOffWhereItIsKept},
	{"a good credential in quotation marks, in an agent's environment", inQuotationMarks},
	{"an agent that goes on with heartbeats, and sends its good credential in another header", inAnotherHeader},
	{"calls about peers, with the agent's good credential in another header", refusedAboutPeers},
	{"one call that is refused while the lease runs is told until one is accepted", oneCallRefused},
	{"two pollers have each other's credentials", swappedCredentials},
	{"a credential that an operator replaced is not the agent's until it is used", replacedByOperator},
	{"a credential replaced in two steps, and the old one used late", rotated},
	{"an agent fetches its own new credential, and a lost reply locks nobody out", rotatedByAgent},
	{"a stolen credential is revoked", stolenAndRevoked},
	{"an agent that never learns the credential it was given, until one is placed by hand", repairInACircle},
	{"a boot that is refused for another reason than its credential", registerRefused},
	{"an agent whose polls or acknowledgements are refused for what they send", callsFailed},
	{"what is seen and mended within a second is in the history", mendedAtOnce},
	{"an enrolment token for an agent that lost its credential", enrolledAgain},
	{"a register with an enrolment token that is not good", tokenNotGood},
}

func tokenLost(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	boot := a.clone()
	boot.token = ""
	for range 2 {
		r, err := boot.register(ctx, "", a.serve(nil))
		must(wantProblem(r, err, 401, "credential_missing"))
		must(a.checkExplained(ctx, "none was accepted since", "(credential_missing)")) // from the first one on
	}
	v := mustGet(a.awaitVerdict(ctx, credentialsRejected))
	must(checkAdvice(v, "repair", "rollcall repair "+a.id))
	must(checkEvidence(v, "2 register"))
	must(a.keepsVerdict(ctx, credentialsRejected, leaseTTL+grace)) // accepted heartbeats don't hide it
	mustGet(a.operate(ctx, 200, "repair", nil))
	must(a.registerAccepted(ctx, "", a.serve(nil)))
	mustGet(a.awaitVerdict(ctx, healthy))
	must(recorder.recorded(healthy, credentialsRejected, healthy))
}

func heartbeatRefused(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, withoutMail)
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	a.stopCalls()
	a.token = "what was left in its file"
	a.startHeartbeats(ctx)
	v := mustGet(a.awaitVerdict(ctx, credentialsRejected))
	must(checkAdvice(v, "repair", "the platform refuses the agent's credential"))
	must(checkEvidence(v, "heartbeat"))
	must(a.keepsVerdict(ctx, credentialsRejected, 2*(leaseTTL+grace))) // its heartbeats go on: it is never offline
	a.stopCalls()
	mustGet(a.awaitVerdict(ctx, "offline/credentials_rejected"))
	must(recorder.recorded(healthy, credentialsRejected, "offline/credentials_rejected"))
}

// cutOffWhereItIsKept: the agent's file was half written. It fetched its credential itself, so a repair mends it.
func cutOffWhereItIsKept(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, withoutMail)
	defer a.leave()
	a.stopCalls()
	a.token = a.token[:20]
	for range 2 {
		r, err := a.register(ctx, "", idleURL())
		must(wantProblem(r, err, 401, "credential_unknown"))
	}
	v := mustGet(a.awaitVerdict(ctx, credentialsRejected))
	must(checkAdvice(v, "repair", "a credential that is cut off"))
	must(a.explainedBy(ctx, "rollcall repair "+a.id))
	mustGet(a.operate(ctx, 200, "repair", nil))
	must(a.registerAccepted(ctx, "", idleURL()))
	a.startHeartbeats(ctx)
	mustGet(a.awaitVerdict(ctx, healthy))
}

// inQuotationMarks: an operator placed the agent's credential in its environment, in quotation marks that nothing takes
// away. A repair would end the good credential, and the next one would stand in quotation marks too.
func inQuotationMarks(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	r, err := p.Do(ctx, "POST", "/workspaces", p.OperatorToken, map[string]any{"id": a.id})
	must(wantStatus(r, err, 201))
	good := r.Text("auth_token")
	a.token = good
	must(a.registerAccepted(ctx, "", idleURL()))
	must(a.heartbeatAccepted(ctx))
	a.token = `"` + good + `"`
	a.startHeartbeats(ctx)
	v := mustGet(a.awaitVerdict(ctx, credentialsRejected))
	must(checkAdvice(v, "place_credential", "this workspace's good credential in quotation marks"))
	r, err = a.operate(ctx, 409, "repair", nil)
	must(wantProblem(r, err, 409, "credential_in_use"))
	a.stopCalls()
	a.token = good
	must(a.registerAccepted(ctx, "", idleURL()))
	a.startHeartbeats(ctx)
	mustGet(a.awaitVerdict(ctx, healthy))
}

// inAnotherHeader: an agent is updated, sends Authorization: Token from then on, and registers no more. Its credential
// is good, and its operator is told what it sends while it calls, and once it has fallen silent.
func inAnotherHeader(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, withoutMail)
	defer a.leave()
	a.stopCalls()
	a.form = "Token %"
	r, err := a.heartbeat(ctx)
	must(wantProblem(r, err, 401, "authorization_malformed"))
	a.startHeartbeats(ctx)
	v := mustGet(a.awaitVerdict(ctx, credentialsRejected))
	const sent = "this workspace's good credential in a header of another form"
	must(checkAdvice(v, "place_credential", sent))
	must(a.explainedBy(ctx, "rollcall doctor "+a.id))
	a.stopCalls()
	v = mustGet(a.awaitVerdict(ctx, "offline/credentials_rejected"))
	must(checkAdvice(v, "place_credential", sent))
	a.form = ""
	must(a.registerAccepted(ctx, "", idleURL()))
	a.startHeartbeats(ctx)
	mustGet(a.awaitVerdict(ctx, healthy))
}

func pollsRefused(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, polling)
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	stale := a.clone()
	stale.token = "what was left in its file"
	stale.startCalls(ctx, func(ctx context.Context) { _, _ = stale.poll(ctx, "") })
	defer stale.stopCalls()
	mustGet(a.awaitVerdict(ctx, credentialsRejected))
	must(a.keepsVerdict(ctx, credentialsRejected, 2*(leaseTTL+grace))) // accepted heartbeats don't end it
	must(checkAdvice(mustGet(a.view(ctx)), "inspect", "let all its calls send the credential that its heartbeats send"))
	stale.stopCalls()
	mustGet(a.poll(ctx, ""))
	mustGet(a.awaitVerdict(ctx, healthy))
	must(recorder.recorded(healthy, credentialsRejected, healthy))
}

// refusedAboutPeers: the part of an agent that calls its peers damages the agent's good credential. Nothing in those
// calls names the agent: the credential in the damaged text does. The peer is told nothing.
func refusedAboutPeers(ctx context.Context, p Platform) {
	peer := healthyAgent(ctx, p, withoutMail)
	defer peer.leave()
	for _, form := range []string{"Token %", `Bearer "%"`} {
		for _, call := range []struct{ method, path string }{
			{"GET", "/registry/discover/" + peer.id},
			{"GET", "/workspaces/" + peer.id + "/messages"},
			{"POST", "/workspaces/" + peer.id + "/a2a"},
			{"POST", "/workspaces/" + peer.id + "/delegate"},
			{"POST", "/workspaces/" + peer.id + "/messages/m/cancel"},
		} {
			a := healthyAgent(ctx, p, withoutMail)
			must(a.checkRemark(ctx, ""))
			damaged := a.clone()
			damaged.form = form
			var body any
			if call.method == "POST" {
				body = map[string]any{"task": "do"}
			}
			r, err := damaged.call(ctx, call.method, call.path, body)
			must(wantStatus(r, err, 401))
			must(a.checkRemark(ctx, "with this workspace's good credential in"))
			must(peer.checkRemark(ctx, ""))
			a.leave()
		}
	}
}

func oneCallRefused(ctx context.Context, p Platform) {
	a, other := healthyAgent(ctx, p, withoutMail), healthyAgent(ctx, p, withoutMail)
	defer a.leave()
	defer other.leave()
	recorder := a.recordVerdicts(ctx)
	stale := a.clone()
	stale.from, stale.token = "127.0.0.66", "what was left in its file"
	_, err := stale.poll(ctx, "")
	must(wantRefused(err))
	must(a.checkRemark(ctx, "")) // a stranger's is not told
	stale.from, stale.token = a.from, other.token
	r, err := stale.heartbeat(ctx)
	must(wantProblem(r, err, 403, "credential_of_another"))
	must(a.checkRemark(ctx, "with a credential that is another workspace's (credential_of_another)"))
	mustGet(a.operate(ctx, 200, "dismiss", nil))
	must(a.checkRemark(ctx, ""))
	stale.token = "what was left in its file"
	_, err = stale.poll(ctx, "")
	must(wantRefused(err))
	must(a.checkRemark(ctx, "a poll or another call from 127.0.0.1 was refused at "))
	must(a.checkRemark(ctx, "(credential_unknown)"))
	must(a.checkExplained(ctx, "rollcall doctor "+a.id))
	must(a.keepsVerdict(ctx, healthy, leaseTTL)) // accepted heartbeats don't end it, and change nothing
	must(a.checkRemark(ctx, "a poll or another call"))
	mustGet(a.poll(ctx, ""))
	must(a.checkRemark(ctx, ""))
	a.stopCalls()
	stale.token = ""
	r, err = stale.heartbeat(ctx)
	must(wantProblem(r, err, 401, "credential_missing"))
	must(a.checkRemark(ctx, "a heartbeat from 127.0.0.1 was refused at "))
	must(a.heartbeatAccepted(ctx))
	must(a.checkRemark(ctx, ""))
	must(recorder.recorded(healthy))
}

// swappedCredentials: two agents on one machine are started with each other's credentials. Of each it is told what its
// calls bring, and no repair is asked for: that would end a credential that is good.
func swappedCredentials(ctx context.Context, p Platform) {
	a, b := healthyAgent(ctx, p, polling), healthyAgent(ctx, p, polling)
	both := []*agent{a, b}
	var recorders []*verdictRecorder
	for _, agent := range both {
		defer agent.leave()
		agent.stopCalls()
		agent.startPolls(ctx)
		must(agent.awaitOutlook(ctx, outlook{healthy, "", "", ""}))
		recorders = append(recorders, agent.recordVerdicts(ctx))
		agent.stopCalls()
	}
	a.token, b.token = b.token, a.token
	for _, agent := range both {
		agent.startPolls(ctx)
	}
	for _, agent := range both {
		must(within(ctx, leaseTTL, func(ctx context.Context) error {
			return agent.checkRemark(ctx, "with a credential that is another workspace's (credential_of_another)")
		}))
		_, expected, err := agent.send(ctx)
		must(err)
		if expected == "now" || expected == "next_poll" {
			must(fmt.Errorf("its polls are refused, and a sender is promised %s", expected))
		}
	}
	for _, agent := range both { // its polls are missed first, while its lease runs
		v := mustGet(agent.awaitVerdict(ctx, inboxUnattended))
		must(checkAdvice(v, "inspect", "two agents may have each other's"))
		must(agent.checkExplained(ctx, "at fault: the credential", "with another workspace's credential, and are refused"))
	}
	for _, agent := range both {
		v := mustGet(agent.awaitVerdict(ctx, credentialsRejected))
		must(checkAdvice(v, "inspect", "two agents may have each other's"))
		must(agent.checkExplained(ctx, "at fault: the credential", "with another workspace's credential",
			"rollcall doctor "+agent.id))
	}
	for _, agent := range both { // their calls go on: neither is offline
		must(agent.keepsVerdict(ctx, credentialsRejected, leaseTTL))
	}
	for _, agent := range both {
		agent.stopCalls()
	}
	a.token, b.token = b.token, a.token
	for i, agent := range both {
		agent.startPolls(ctx)
		must(agent.arrived(ctx))
		mustGet(agent.awaitVerdict(ctx, healthy))
		must(recorders[i].recorded(healthy, inboxUnattended, credentialsRejected, healthy))
	}
}

// wantRefused checks that a call was refused for its credential.
func wantRefused(err error) error {
	if err == nil || !strings.Contains(err.Error(), "answered 401") {
		return fmt.Errorf("it was to be refused: %w", err)
	}
	return nil
}

// checkRemark checks that a remark says that a call was refused, in these words; "": that none does.
func (a *agent) checkRemark(ctx context.Context, words string) error {
	v, err := a.view(ctx)
	said := ""
	for _, r := range list(v.Body["remarks"]) {
		if m, ok := r.(map[string]any); ok && m["code"] == "call_refused" {
			said = fmt.Sprint(m["text"])
		}
	}
	if err == nil && ((said == "") != (words == "") || !strings.Contains(said, words)) {
		err = fmt.Errorf("the remark is %q, and not %q", said, words)
	}
	return err
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

func replacedByOperator(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, withoutMail)
	defer a.leave()
	r := mustGet(p.Do(ctx, "POST", "/workspaces", p.OperatorToken, map[string]any{
		"id": a.id, "adopt": true, "reset_credentials": true, "force": true,
	}))
	if verdictOf(r) != credentialsRejected {
		must(fmt.Errorf("adopted: %s", r.Raw))
	}
	v := mustGet(a.view(ctx))
	must(checkAdvice(v, "restart", "an operator made a new credential for the agent"))
	must(a.keepsVerdict(ctx, credentialsRejected, leaseTTL)) // it sends heartbeats with the old one
	a.stopCalls()
	a.token = r.Text("auth_token")
	must(a.registerAccepted(ctx, "", idleURL()))
	must(a.heartbeatAccepted(ctx))
	mustGet(a.awaitVerdict(ctx, healthy))
}

func rotated(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	must(a.registerAccepted(ctx, "", idleURL()))
	must(a.heartbeatAccepted(ctx))
	recorder := a.recordVerdicts(ctx)
	r := mustGet(a.operate(ctx, 200, "rotate", nil))
	old, fresh := a.clone(), a.clone()
	fresh.token = r.Text("auth_token")
	v := mustGet(old.heartbeat(ctx))
	if v.Status != 200 || v.Text("action") != "" {
		must(fmt.Errorf("the old credential before the new one was used: %s", v.Raw))
	}
	own, err := old.call(ctx, "POST", "/workspaces/"+a.id+"/rotate", nil)
	must(wantProblem(own, err, 409, "credential_pending")) // it would end what the operator was shown
	must(fresh.heartbeatAccepted(ctx))
	late, err := old.heartbeat(ctx)
	must(wantProblem(late, err, 401, "credential_unknown"))
	if v := mustGet(fresh.heartbeat(ctx)); v.Text("action") != "register" {
		must(fmt.Errorf("its URL ended with the old one, and it is not told to register: %s", v.Raw))
	}
	must(fresh.registerAccepted(ctx, "", idleURL()))
	fresh.startHeartbeats(ctx)
	defer fresh.leave()
	must(a.keepsVerdict(ctx, healthy, leaseTTL))
	must(recorder.recorded(healthy))
}

func rotatedByAgent(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	must(a.registerAccepted(ctx, "", idleURL()))
	must(a.heartbeatAccepted(ctx))
	mustGet(a.operate(ctx, 200, "rotate", map[string]any{"fetch": true}))
	lost, fresh := a.clone(), a.clone()
	for _, holder := range []*agent{lost, fresh} { // the first reply is lost, and it asks again
		if v := mustGet(a.heartbeat(ctx)); v.Text("action") != "rotate" {
			must(fmt.Errorf("it is not asked to fetch one: %s", v.Raw))
		}
		r, err := a.call(ctx, "POST", "/workspaces/"+a.id+"/rotate", nil)
		must(wantStatus(r, err, 200))
		holder.token = r.Text("auth_token")
		must(a.heartbeatAccepted(ctx))
		mustGet(a.operate(ctx, 409, "rotate", nil)) // it would end what the agent was given a moment ago
	}
	must(fresh.heartbeatAccepted(ctx))
	for _, ended := range []*agent{a, lost} {
		r, err := ended.heartbeat(ctx)
		must(wantProblem(r, err, 401, "credential_unknown"))
	}
}

func stolenAndRevoked(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	must(a.registerAccepted(ctx, "", idleURL()))
	a.startHeartbeats(ctx)
	thief := a.clone()
	thief.from = "127.0.0.66"
	mustGet(a.awaitVerdict(ctx, healthy))
	mustGet(a.operate(ctx, 409, "revoke", nil)) // its agent works with it
	r := mustGet(a.operate(ctx, 200, "revoke", map[string]any{"force": true}))
	if r.Text("revoked") != "1" {
		must(fmt.Errorf("revoked: %s", r.Raw))
	}
	stolen, err := thief.heartbeat(ctx)
	must(wantProblem(stolen, err, 401, "credential_unknown")) // at once
	v := mustGet(a.awaitVerdict(ctx, credentialsRejected))
	must(checkAdvice(v, "repair", "rollcall repair "+a.id))
	mustGet(a.operate(ctx, 409, "repair", nil)) // the last accepted call may have been the thief's
	mustGet(a.operate(ctx, 200, "repair", map[string]any{"from": "127.0.0.1"}))
	must(a.registerAccepted(ctx, "", idleURL()))
	mustGet(a.awaitVerdict(ctx, healthy))
	recorder := a.recordVerdicts(ctx)
	thief.startHeartbeats(ctx) // it changes nothing, because the agent itself is heard
	defer thief.leave()
	must(a.keepsVerdict(ctx, healthy, leaseTTL+grace))
	must(checkEvidence(mustGet(a.view(ctx)), "a credential that was this agent's once"))
	must(recorder.recorded(healthy))
}

func enrolledAgain(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	must(a.registerAccepted(ctx, "", idleURL()))
	must(a.heartbeatAccepted(ctx))
	e, err := p.Do(ctx, "POST", "/enrolments", p.OperatorToken, map[string]any{"workspace_id": a.id})
	must(wantStatus(e, err, 201))
	fresh := a.clone()
	enrol := map[string]any{"id": a.id, "url": "", "enrolment_token": e.Text("enrolment_token")}
	for range 2 { // the first reply is lost; the repeat counts as the same use
		fresh.token = ""
		r, err := fresh.call(ctx, "POST", "/registry/register", enrol)
		must(wantStatus(r, err, 200))
		fresh.token = r.Text("auth_token")
		must(a.heartbeatAccepted(ctx)) // the old one is valid until the new one is used
	}
	must(fresh.heartbeatAccepted(ctx))
	r, err := a.heartbeat(ctx)
	must(wantProblem(r, err, 401, "credential_unknown"))
	again := a.clone()
	again.token = ""
	r, err = again.call(ctx, "POST", "/registry/register", enrol)
	must(wantProblem(r, err, 401, "enrolment_unknown")) // it was good for one use
}

func tokenNotGood(ctx context.Context, p Platform) {
	a := newAgent(p.Client)
	defer a.leave()
	made := mustGet(p.Do(ctx, "POST", "/workspaces", p.OperatorToken, map[string]any{"id": a.id}))
	must(wantStatus(made, nil, 201))
	token := func(id string) string {
		e := mustGet(p.Do(ctx, "POST", "/enrolments", p.OperatorToken, map[string]any{"workspace_id": id}))
		must(wantStatus(e, nil, 201))
		return e.Text("enrolment_token")
	}
	boot := func(enrolment string) client.Reply {
		return mustGet(a.call(ctx, "POST", "/registry/register", map[string]any{
			"id": a.id, "url": "", "enrolment_token": enrolment,
		}))
	}
	a.token = "what was left in its file" // the local platform would let it in without one
	must(wantProblem(boot(token("another-"+a.id)), nil, 401, "enrolment_unknown"))
	must(a.checkExplained(ctx, "with an enrolment token that is for another workspace (enrolment_unknown)"))
	must(a.explainedBy(ctx, "rollcall enrol "+a.id))
	good := token(a.id)
	r := boot(good)
	must(wantStatus(r, nil, 200))
	a.token = r.Text("auth_token")
	must(a.heartbeatAccepted(ctx))
	mustGet(a.awaitVerdict(ctx, healthy))
	a.token = "what was left in its file"
	for range 2 {
		must(wantProblem(boot(good), nil, 401, "enrolment_unknown"))
		must(a.checkExplained(ctx, "with an enrolment token that is used up (enrolment_unknown)"))
		must(a.checkExplained(ctx, "rollcall enrol "+a.id))
	}
	mustGet(a.awaitVerdict(ctx, credentialsRejected))
	must(a.explainedBy(ctx, "rollcall repair "+a.id+" --from 127.0.0.1")) // it fetched its credential, and can again
	trail := mustGet(p.Do(ctx, "GET", "/workspaces/"+a.id+"/history", p.OperatorToken, nil))
	if !strings.Contains(string(trail.Raw), "enrolment_refused") {
		must(fmt.Errorf("the audit trail does not say that a token was refused: %s", trail.Raw))
	}
	r = boot(token(a.id))
	must(wantStatus(r, nil, 200))
	a.token = r.Text("auth_token")
	must(a.heartbeatAccepted(ctx))
	mustGet(a.awaitVerdict(ctx, healthy))
}

func repairInACircle(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	mustGet(a.operate(ctx, 409, "repair", nil)) // its agent works with its credential
	mustGet(a.operate(ctx, 200, "repair", map[string]any{"force": true}))
	boot := a.clone() // it takes its credential from its environment, and keeps no other
	r, err := boot.register(ctx, "", a.serve(nil))
	must(wantStatus(r, err, 200))
	if boot.token == a.token {
		must(fmt.Errorf("it was given no credential: %s", r.Raw))
	}
	hint := "it reads its credential from its environment or a file"
	must(a.awaitOutlook(ctx, outlook{credentialsRejected, "place_credential", hint, ""}))
	must(a.keepsVerdict(ctx, credentialsRejected, leaseTTL+grace))
	must(a.awaitOutlook(ctx, outlook{credentialsRejected, "place_credential", hint, "nobody_is_listening"}))
	must(a.explainedBy(ctx, "rollcall repair "+a.id+" --show"))
	shown := mustGet(a.operate(ctx, 200, "repair", map[string]any{"show": true}))
	must(a.keepsVerdict(ctx, credentialsRejected, leaseTTL)) // it has yet to be placed
	a.stopCalls()
	a.token = shown.Text("auth_token") // placed by hand, and restarted
	must(a.registerAccepted(ctx, "", a.serve(nil)))
	a.startHeartbeats(ctx)
	must(a.arrivedInOrder(ctx))
	must(a.awaitOutlook(ctx, goodOutlook))
}

func registerRefused(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, polling)
	defer a.leave()
	_, _, err := a.send(ctx)
	must(err)
	for range 3 {
		r, err := a.register(ctx, "push", "remote://behind-a-firewall")
		must(wantProblem(r, err, 400, "url_forbidden"))
	}
	must(a.awaitOutlook(ctx, outlook{
		inboxUnattended, "inspect", "none was accepted since: “push needs an http or https url", "nobody_is_listening",
	}))
	must(a.registerAccepted(ctx, "", a.serve(nil)))
	must(a.arrivedInOrder(ctx))
	must(a.awaitOutlook(ctx, goodOutlook))
}

// callsFailed: an agent's client polls and acknowledges in a way that the platform refuses, while its heartbeats pass.
// It is told with the platform's words from the first such call on, and with a verdict once its mail waits for it.
func callsFailed(ctx context.Context, p Platform) {
	for _, failing := range []struct {
		method, path string
		body         any
		said, reason string
	}{
		{"GET", "/activity?type=a2a_receive&limit=abc", nil, "its polls are refused: “limit must be", inboxUnattended},
		{"POST", "/activity/ack", map[string]any{"seq": 1}, "its acknowledgements are refused: “", ""},
	} {
		a := healthyAgent(ctx, p, polling)
		_, _, err := a.send(ctx)
		must(err)
		if failing.reason == "" {
			mustGet(a.poll(ctx, "")) // what it acknowledges
		}
		r, err := a.call(ctx, failing.method, "/workspaces/"+a.id+failing.path, failing.body)
		must(wantStatus(r, err, 400))
		must(a.checkRemark(ctx, failing.said))
		if failing.reason != "" {
			must(a.awaitOutlook(ctx, outlook{failing.reason, "inspect", failing.said, "nobody_is_listening"}))
		}
		must(a.registerAccepted(ctx, "", a.serve(nil)))
		must(a.checkRemark(ctx, ""))
		a.leave()
	}
}

func mendedAtOnce(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	want := []string{healthy}
	for range 3 {
		boot := a.clone()
		boot.token = ""
		for range 2 {
			r, err := boot.register(ctx, "", a.serve(nil))
			must(wantProblem(r, err, 401, "credential_missing"))
		}
		must(a.registerAccepted(ctx, "", a.serve(nil)))
		want = append(want, credentialsRejected, healthy)
	}
	must(a.awaitChanges(ctx, want...))
	must(a.awaitHistory(ctx, healthy)) // and its numbers are without gaps
}
