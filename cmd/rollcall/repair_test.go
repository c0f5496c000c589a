package main

import (
	"bytes"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func TestRepairSaysWhomItIsFor(t *testing.T) {
	const (
		window = `{"revoked": 0, "from": "10.0.0.7", "bootstrap_until": "2020-01-01T01:00:00Z",
			"next": "restart it before bootstrap_until"}`
		open  = `{"revoked": 0, "bootstrap_until": "2020-01-01T01:00:00Z", "next": "restart it"}`
		shown = `{"revoked": 0, "auth_token": "rcw_new", "next": "place it"}`
	)
	for args, c := range map[string]struct{ call, reply, says string }{
		"repair demo":                 {"POST /workspaces/demo/repair {}", window, ", to an agent at 10.0.0.7 only\n"},
		"repair demo --from 10.0.0.7": {`POST /workspaces/demo/repair {"from":"10.0.0.7"}`, window, "10.0.0.7 only\n"},
		"repair demo --anyone":        {`POST /workspaces/demo/repair {"anyone":true}`, open, "to whoever registers first\n"},
		"repair demo --show":          {`POST /workspaces/demo/repair {"show":true}`, shown, "\nrcw_new\nnext: place it\n"},
		"repair demo --force":         {`POST /workspaces/demo/repair {"force":true}`, window, "next: restart it before 20"},
		"revoke demo --force":         {`POST /workspaces/demo/revoke {"force":true}`, shown, "next: place it\n"},
		"repair demo --time utc": {
			"POST /workspaces/demo/repair {}", window, "next: restart it before 2020-01-01T01:00:00Z\n",
		},
	} {
		p := &platform{answers: on(repairDemo, answer{200, c.reply})}
		p.answers["POST /workspaces/demo/revoke"] = []answer{{200, c.reply}}
		code, out, errs := rollcall(t.Context(), t, p, strings.Fields(args)...)
		told := strings.Contains(out, "0 credentials revoked") && strings.Contains(out, c.says)
		if code != 0 || !slices.Equal(p.calls, []string{c.call}) || !told {
			t.Errorf("rollcall %s: exit %d, %q\n%s%s", args, code, p.calls, out, errs)
		}
	}
}

// A credential at work is ended only after a yes, or with --force.
func TestACredentialInUseIsAskedAbout(t *testing.T) {
	const inUse = `{"error": "its credential was accepted 3s ago: to repair it cuts its agent off",
		"code": "credential_in_use", "hint": "if it is right, say force (--force)"}`
	for name, c := range map[string]struct {
		answers *string // nil: nobody can be asked
		code    int
		forced  bool
		says    string
	}{
		"nobody at the terminal": {nil, exitRefused, false, "next: if it is right, say force (--force)\n"},
		"an end of the input":    {new(""), exitRefused, false, "next: if it is right, say force (--force)\n"},
		"no":                     {new("n\n"), exitRefused, false, "rollcall: nothing was done\n"},
		"nothing but Enter":      {new("\n"), exitRefused, false, "rollcall: nothing was done\n"},
		"yes":                    {new("Yes\n"), 0, true, "demo (no name) is online (healthy): its credential was accepted"},
	} {
		t.Run(name, func(t *testing.T) {
			p := &platform{answers: map[string][]answer{
				repairDemo: {{409, inUse}, {200, repaired}}, showDemo: {{200, back}},
			}}
			server := httptest.NewServer(p)
			defer server.Close()
			var out, errs bytes.Buffer
			args := []string{"repair", "demo", "--url", server.URL, "--token", "x"}
			code := 0
			if c.answers == nil {
				code = run(t.Context(), args, nil, &out, &errs)
			} else {
				code = run(t.Context(), args, strings.NewReader(*c.answers), &out, &errs)
			}
			forced := slices.Contains(p.calls, `POST /workspaces/demo/repair {"force":true}`)
			if code != c.code || forced != c.forced || !strings.Contains(errs.String(), c.says) {
				t.Errorf("exit %d, %q\n%s%s", code, p.calls, &out, &errs)
			}
		})
	}
}

// An adoption that resets the credentials asks as a repair does.
func TestAnAdoptionAsksToo(t *testing.T) {
	const inUse = `{"error": "its credential was accepted 3s ago", "code": "credential_in_use", "hint": "say force"}`
	for typed, forced := range map[string]bool{"y\n": true, "n\n": false} {
		p := &platform{answers: map[string][]answer{
			"POST /workspaces": {{409, inUse}, {200, `{"id": "demo", "adopted": true, "auth_token": "rcw_new"}`}},
			showDemo:           {{200, back}},
		}}
		server := httptest.NewServer(p)
		var out, errs bytes.Buffer
		args := []string{"adopt", "demo", "--reset-credentials", "--url", server.URL, "--token", "x"}
		code := run(t.Context(), args, strings.NewReader(typed), &out, &errs)
		server.Close()
		last := p.calls[len(p.calls)-1]
		if got := strings.Contains(last, `"force":true`); got != forced || (code == 0) != forced {
			t.Errorf("%q: exit %d, %q\n%s%s", typed, code, p.calls, &out, &errs)
		}
	}
}

// Who moves a workspace to another team is told what goes with it.
func TestAnAdoptionIntoATeamSaysWhoSeesItNow(t *testing.T) {
	const adopted = `{"id": "demo", "adopted": true, "status": "online", "reason": "healthy"}`
	for flags, told := range map[string]string{
		"--team search": "who sees the team search sees its mail, its log and its history now",
		"--name Ann":    "adopted demo",
	} {
		commandTest{args: "adopt demo " + flags, answers: on("POST /workspaces", answer{200, adopted}), out: told}.run(t)
	}
}
