package main

import (
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/proof/fixture"
)

// The address that an operator names is compared with that of a call: both have one form.
func TestTheWindowsAddressHasOneForm(t *testing.T) {
	for from, want := range map[string]string{
		"127.0.0.3": "127.0.0.3", "::ffff:127.0.0.3": "127.0.0.3", "2001:DB8:0::1": "2001:db8::1",
	} {
		got, err := repairInput(api.RepairRequest{From: from})
		if err != nil || got.From != want {
			t.Errorf("%q: %q, %v", from, got.From, err)
		}
	}
}

// An address from which no agent calls is no one's window.
func TestTheWindowIsForAnAddressThatCalls(t *testing.T) {
	for _, from := range []string{
		"0.0.0.0", "::", "::ffff:0.0.0.0", "224.0.0.1", "ff02::1", "fe80::1%eth0", "10.0.0.0/8", "x",
	} {
		if got, err := repairInput(api.RepairRequest{From: from}); fault.CodeOf(err) != fault.InvalidRequest {
			t.Errorf("%q: %q, %v", from, got.From, err)
		}
	}
}

// What changes a workspace answers with its name.
func TestAChangeIsAnsweredWithTheName(t *testing.T) {
	env := fixture.Env(t)
	for _, c := range []struct {
		op   *api.Operation
		body string
	}{
		{api.CreateWorkspace.Operation, `{"id": "w", "name": "the cook"}`},
		{api.Pause.Operation, ""},
		{api.Resume.Operation, ""},
		{api.Dismiss.Operation, ""},
		{api.CreateWorkspace.Operation, `{"id": "w", "adopt": true}`},
		{api.RemoveWorkspace.Operation, ""},
	} {
		resp := fixture.Call(t, env, endpoints(env), c.op, "w", fixture.OperatorToken, c.body)
		if !strings.Contains(resp.Body, `"name":"the cook"`) {
			t.Errorf("%s: %d %s", c.op.Route, resp.StatusCode, resp.Body)
		}
	}
}
