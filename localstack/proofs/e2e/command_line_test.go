package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// runCLI runs the command-line program, which must end with that exit code, and returns
// what it printed.
func runCLI(t *testing.T, code int, args ...string) (stdout, stderr string) {
	t.Helper()
	s := on(t)
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.CLI, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Env = append(os.Environ(), "ROLLCALL_URL="+s.URL, "ROLLCALL_TOKEN="+s.OperatorToken)
	err := cmd.Run()
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if got != code {
		t.Fatalf("rollcall %s: exit %d, want %d\n%s%s", strings.Join(args, " "), got, code, out.String(), errs.String())
	}
	return out.String(), errs.String()
}

// cliPrints runs the command-line program, whose output must contain all of these.
func cliPrints(t *testing.T, args []string, want ...string) string {
	t.Helper()
	out, _ := runCLI(t, 0, args...)
	for _, w := range want {
		if !strings.Contains(out, w) {
			t.Errorf("rollcall %s does not print %q:\n%s", strings.Join(args, " "), w, out)
		}
	}
	return out
}

// An operator uses only the command-line program: creates a workspace, chats, sees why a
// credential is refused, repairs it, and reads who did what.
func TestAPICommandLine(t *testing.T) {
	agent := answeringAgent()
	defer agent.Close()
	id := uuid.NewString()
	register := func(status int, token string) string {
		t.Helper()
		body := map[string]any{"id": id, "url": agent.URL}
		return call(t, status, "POST", "/registry/register", token, body).Text("auth_token")
	}

	created := cliPrints(t, []string{"create", id, "--name", "answers", "--role", "oracle", "--max-tasks", "2"},
		"created "+id, "provisioning", "rcw_")
	token := created[strings.Index(created, "rcw_"):]
	token = strings.TrimSpace(token)
	_, why := runCLI(t, 1, "create", id)
	if !strings.Contains(why, "workspace_exists") || !strings.Contains(why, "adopt") {
		t.Errorf("a problem without its code or hint: %s", why)
	}
	register(200, token)
	cliPrints(t, []string{"status", id}, "online (healthy)", "push: ")
	cliPrints(t, []string{"status"}, "STATUS", id, "answers")
	runCLI(t, 0, "status", id, "--check")
	mid := strings.Fields(cliPrints(t, []string{"send", id, "what", "is", "it?"},
		"expected: now", "delivered: the agent took it", "answer: 42"))[0]
	cliPrints(t, []string{"probe", id}, "delivered")
	cliPrints(t, []string{"receipts", id, mid}, "message", "accepted", "try 1", "42")
	cliPrints(t, []string{"receipts", id}, mid, "delivered")

	cliPrints(t, []string{"log", id}, "users: what is it?", "delivered: the agent took it", "42")
	kept := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(kept, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cliPrints(t, []string{"doctor", id, "--credential-file", kept}, "it is "+id+"'s, and in use",
		"nothing that was looked at is broken")

	for range 2 { // its credential is lost
		register(401, "")
	}
	runCLI(t, 4, "status", id, "--check")
	cliPrints(t, []string{"explain", id},
		"degraded (credentials_rejected)", "at fault: the credential", "rollcall repair "+id)
	found, _ := runCLI(t, 4, "doctor", id, "--credential-file", kept+".lost")
	if !strings.Contains(found, "broken: credential\n") {
		t.Errorf("the lost credential is not named: %s", found)
	}
	// Its credential was placed, so a repair of many opens no window for it unless that is said.
	cliPrints(t, []string{"repair", "--selector", "id=" + id, "--dry-run"}, "repair would be done to 0 workspaces")
	cliPrints(t, []string{"repair", "--selector", "id=" + id, "--anyone", "--dry-run"},
		"repair would be done to 1 workspace")
	cliPrints(t, []string{"repair", id}, "1 credential revoked", "restart the agent")
	token = register(200, "")
	cliPrints(t, []string{"status", id}, "online (healthy)")

	fresh := strings.Fields(cliPrints(t, []string{"rotate", id}, "rcw_", "stays valid"))[0]
	r := call(t, 200, "POST", "/registry/heartbeat", token, map[string]any{"workspace_id": id})
	if r.Text("action") != "" {
		t.Errorf("the agent is told to replace what the operator was shown: %s", r.Raw)
	}
	call(t, 409, "POST", "/workspaces/"+id+"/rotate", token, nil)
	call(t, 200, "POST", "/registry/heartbeat", fresh, map[string]any{"workspace_id": id})
	call(t, 401, "POST", "/registry/heartbeat", token, map[string]any{"workspace_id": id})
	cliPrints(t, []string{"rotate", id, "--fetch"}, "the action rotate")
	r = call(t, 200, "POST", "/registry/heartbeat", fresh, map[string]any{"workspace_id": id})
	if r.Text("action") != "rotate" {
		t.Errorf("the agent is not told to rotate: %s", r.Raw)
	}
	cliPrints(t, []string{"redrive", id, "--dry-run"}, "0 would be put back")
	runCLI(t, 1, "cancel", id, mid) // it was delivered
	cliPrints(t, []string{"pause", id}, "paused")
	sent := cliPrints(t, []string{"send", id, "--no-follow", "later"}, "until the workspace is resumed")
	for word := range strings.FieldsSeq(sent) {
		if strings.Count(word, "-") == 4 {
			mid = word
			break
		}
	}
	cliPrints(t, []string{"cancel", id, mid}, "cancelled")
	cliPrints(t, []string{"resume", id}, "online")
	cliPrints(t, []string{"adopt", id, "--runtime", "x", "--reset-credentials", "--force"}, "adopted", "rcw_")
	cliPrints(t, []string{"dismiss", id}, "there was nothing to dismiss; "+id)
	cliPrints(t, []string{"revoke", id}, "1 credential revoked", "repair")
	cliPrints(t, []string{"sweep"}, "seen")
	cliPrints(t, []string{"history", id},
		"create", "credential_issued", "credential_used", "repair", "rotate", "adopt", "revoke", "probe", "cancel",
		"status_changed", "operator rco_")
	cliPrints(t, []string{"events"}, id)
	cliPrints(t, []string{"audit"}, "sweep")
	cliPrints(t, []string{"enrol", "--uses", "3", "--for", "1h"}, "rce_", "good for 3 uses", "rollcall withdraw")
	checkExitCodes(t, id)
}

// checkExitCodes checks output, exit codes and errors on a workspace whose credential is
// refused, and removes it.
func checkExitCodes(t *testing.T, id string) {
	t.Helper()
	out, _ := runCLI(t, 0, "status", id, "-o", "json")
	var v map[string]any
	if err := json.Unmarshal([]byte(out), &v); err != nil || v["reason"] != "credentials_rejected" {
		t.Errorf("%v: %s", err, out)
	}
	runCLI(t, 2, "remove", id) // not without --yes
	cliPrints(t, []string{"remove", id, "--yes"}, "removed")
	_, gone := runCLI(t, 1, "status", id)
	if !strings.Contains(gone, "workspace_removed") {
		t.Errorf("%s", gone)
	}
	cliPrints(t, []string{"explain", id}, "removed")
	runCLI(t, 2, "nonsense")
	runCLI(t, 2, "status", "-o", "xml")
	runCLI(t, 1, "status", id, "--token", "wrong")
	runCLI(t, 3, "status", "--url", "http://127.0.0.1:9")
	_, denied := runCLI(t, 1, "sweep", "--token", "wrong")
	if !strings.Contains(denied, "credential_unknown") {
		t.Errorf("%s", denied)
	}
}

// answeringAgent is an agent that answers 42 to every message.
func answeringAgent() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Method string }
		_ = json.NewDecoder(r.Body).Decode(&in)
		w.Header().Set("Content-Type", "application/json")
		if in.Method != "message/send" {
			_, _ = w.Write([]byte(`{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"method not found"}}`))
			return
		}
		_, _ = w.Write([]byte(`{"jsonrpc":"2.0","id":1,"result":{"parts":[{"kind":"text","text":"42"}]}}`))
	}))
}
