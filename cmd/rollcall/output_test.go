package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestJSONIsJSON(t *testing.T) {
	for args, want := range map[string]string{
		"send demo hello": "delivered", "repair demo --wait 9s": "next", "status demo": "status",
	} {
		p := &platform{answers: map[string][]answer{
			"POST /workspaces/demo/a2a": {{202, taken}}, "GET /workspaces/demo/messages/m1": {{503, down}, {200, delivered}},
			"POST /workspaces/demo/repair": {{200, repaired}}, "GET /workspaces/demo": {{200, before}, {200, back}},
		}}
		code, out, errs := rollcall(t.Context(), t, p, append(strings.Fields(args), "-o", "json")...)
		var v map[string]any
		if err := json.Unmarshal([]byte(out), &v); err != nil || code != 0 || !strings.Contains(out, want) {
			t.Errorf("rollcall %s: exit %d, %v\n%s%s", args, code, err, out, errs)
		}
	}
}
