package main

import (
	"strings"
	"testing"
)

func TestRepairSaysFromWhereTheAgentCalls(t *testing.T) {
	for args, want := range map[string]string{
		"repair demo":                 "POST /workspaces/demo/repair",
		"repair demo --from 10.0.0.7": `POST /workspaces/demo/repair {"from":"10.0.0.7"}`,
	} {
		p := &platform{answers: on(repairDemo, answer{200, `{"revoked": 0, "from": "10.0.0.7", "next": "restart it"}`})}
		code, out, errs := rollcall(t.Context(), t, p, strings.Fields(args)...)
		told := strings.Contains(out, "0 credentials revoked") && strings.Contains(out, ", to an agent at 10.0.0.7 only\n")
		if code != 0 || len(p.calls) != 1 || p.calls[0] != want || !told {
			t.Errorf("rollcall %s: exit %d, %q\n%s%s", args, code, p.calls, out, errs)
		}
	}
}
