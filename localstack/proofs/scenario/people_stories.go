package scenario

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// peopleStories are about people with credentials of their own.
var peopleStories = []story{
	{"a person mends a lost credential, and the trail names who", mendedByAPerson},
	{"a person's credential ends when it is revoked, and is no agent's", revokedPerson},
}

// person makes a person's credential, and gives its text and its id.
func person(ctx context.Context, p Platform, name, scope string) (credential, id string) {
	r, err := p.Do(ctx, "POST", "/tokens", p.OperatorToken, map[string]any{"name": name, "scope": scope})
	must(wantStatus(r, err, 201))
	return r.Text("credential"), r.Text("token_id")
}

func mendedByAPerson(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, pushed)
	defer a.leave()
	viewer, _ := person(ctx, p, "vic", "view")
	operator, id := person(ctx, p, "ana", "operate")
	boot := a.clone()
	boot.token = ""
	for range 2 {
		r, err := boot.register(ctx, "", a.serve(nil))
		must(wantProblem(r, err, 401, "credential_missing"))
	}
	mustGet(a.awaitVerdict(ctx, credentialsRejected))
	repair := "/workspaces/" + a.id + "/repair"
	r, err := p.Do(ctx, "POST", repair, viewer, map[string]any{})
	must(wantProblem(r, err, 403, "scope_too_small"))
	r, err = p.Do(ctx, "POST", "/tokens", operator, map[string]any{"name": "eve", "scope": "admin"})
	must(wantProblem(r, err, 403, "scope_too_small"))
	r, err = p.Do(ctx, "POST", repair, operator, map[string]any{})
	must(wantStatus(r, err, 200))
	must(a.registerAccepted(ctx, "", a.serve(nil)))
	mustGet(a.awaitVerdict(ctx, healthy))
	// Who may operate sees who did what; who may only look sees what happened.
	r, err = p.Do(ctx, "GET", "/workspaces/"+a.id+"/history", operator, nil)
	must(wantStatus(r, err, 200))
	if !strings.Contains(string(r.Raw), "ana rcp_"+id) {
		must(fmt.Errorf("the trail does not name ana: %s", r.Raw))
	}
	r, err = p.Do(ctx, "GET", "/workspaces/"+a.id+"/history", viewer, nil)
	must(wantStatus(r, err, 200))
	if strings.Contains(string(r.Raw), "ana") {
		must(fmt.Errorf("a viewer is told who did what: %s", r.Raw))
	}
}

func revokedPerson(ctx context.Context, p Platform) {
	a := healthyAgent(ctx, p, polling)
	defer a.leave()
	recorder := a.recordVerdicts(ctx)
	credential, id := person(ctx, p, "ben", "admin")
	r, err := p.Do(ctx, "GET", "/whoami", credential, nil)
	must(wantStatus(r, err, 200))
	if r.Text("name") != "ben" || r.Text("scope") != "admin" {
		must(fmt.Errorf("whoami: %s", r.Raw))
	}
	asAgent := a.clone()
	asAgent.token = credential
	for range 3 {
		r, err := asAgent.heartbeat(ctx)
		must(wantProblem(r, err, 403, "credential_of_another"))
	}
	r, err = p.Do(ctx, "DELETE", "/tokens/"+id, credential, nil)
	must(wantStatus(r, err, 200))
	must(within(ctx, 20*time.Second, func(ctx context.Context) error {
		r, err := p.Do(ctx, "GET", "/whoami", credential, nil)
		return wantProblem(r, err, 401, "credential_unknown")
	}))
	must(within(ctx, 20*time.Second, func(ctx context.Context) error {
		r, err := p.Do(ctx, "GET", "/audit?limit=500", p.OperatorToken, nil)
		for _, part := range []string{"token_created", "token_revoked", "credential_refused", "rcp_" + id} {
			if err == nil && !strings.Contains(string(r.Raw), part) {
				err = errors.New(part + " is not in the audit trail")
			}
		}
		return err
	}))
	must(recorder.recorded(healthy))
}
