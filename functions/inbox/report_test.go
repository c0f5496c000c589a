package main

import (
	"net/http"
	"testing"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/proof/fixture"
)

// No agent writes lines of the audit trail.
func TestAReportIsNoLineOfTheAuditTrail(t *testing.T) {
	env := fixture.Env(t)
	agent := fixture.Member(t, env, "agent", "")
	for kind, want := range map[string]int{
		"note":  http.StatusOK,
		"audit": http.StatusBadRequest, "status": http.StatusBadRequest, "Audit": http.StatusBadRequest,
	} {
		body := `{"activity_type": "` + kind + `"}`
		resp := fixture.Call(t, env, endpoints(env), api.Report.Operation, "agent", agent, body)
		if resp.StatusCode != want {
			t.Errorf("%s: %d %s", kind, resp.StatusCode, resp.Body)
		}
	}
}
