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
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// rollcall runs the command-line program and wants an exit code; it returns what
// it printed.
func rollcall(t *testing.T, code int, args ...string) (stdout, stderr string) {
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

// says runs it, and its output must have all of these.
func says(t *testing.T, args []string, want ...string) string {
	t.Helper()
	out, _ := rollcall(t, 0, args...)
	for _, w := range want {
		if !strings.Contains(out, w) {
			t.Errorf("rollcall %s doesn't say %q:\n%s", strings.Join(args, " "), w, out)
		}
	}
	return out
}

// An operator's day with nothing but the command-line program: enrol, chat, lose
// the credential, see why, mend it, look who did what.
func TestAPICommandLine(t *testing.T) {
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Method string }
		_ = json.NewDecoder(r.Body).Decode(&in)
		w.Header().Set("Content-Type", "application/json")
		if in.Method != "message/send" {
			_, _ = w.Write([]byte(`{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"method not found"}}`))
			return
		}
		_, _ = w.Write([]byte(`{"jsonrpc":"2.0","id":1,"result":{"parts":[{"kind":"text","text":"42"}]}}`))
	}))
	defer agent.Close()
	id := uuid.NewString()
	register := func(status int, token string) string {
		t.Helper()
		return call(t, status, "POST", "/registry/register", token, map[string]any{"id": id, "url": agent.URL}).Text("auth_token")
	}

	created := says(t, []string{"create", id, "--name", "answers", "--role", "oracle", "--max-tasks", "2"}, "created "+id, "provisioning", "rcw_")
	token := created[strings.Index(created, "rcw_"):]
	token = strings.TrimSpace(token)
	_, why := rollcall(t, 1, "create", id)
	if !strings.Contains(why, "workspace_exists") || !strings.Contains(why, "adopt") {
		t.Errorf("a refusal without its code or hint: %s", why)
	}
	register(200, token)
	says(t, []string{"status", id}, "online (healthy)", "push: ")
	says(t, []string{"status"}, "STATUS", id, "answers")
	rollcall(t, 0, "status", id, "--check")
	mid := strings.Fields(says(t, []string{"send", id, "what", "is", "it?"}, "expected: now", "delivered: the agent took it", "answer: 42"))[0]
	says(t, []string{"probe", id}, "delivered")
	says(t, []string{"receipts", id, mid}, "message", "accepted", "try 1", "42")
	says(t, []string{"receipts", id}, mid, "delivered")

	for range 2 { // its credential is lost
		register(401, "")
	}
	rollcall(t, 4, "status", id, "--check")
	says(t, []string{"explain", id}, "degraded (credentials_rejected)", "at fault: the credential", "rollcall repair "+id)
	says(t, []string{"repair", id}, "1 credential revoked", "restart the agent")
	token = register(200, "")
	says(t, []string{"status", id}, "online (healthy)")

	fresh := strings.Fields(says(t, []string{"rotate", id}, "rcw_", "stays valid"))[0]
	if r := call(t, 200, "POST", "/registry/heartbeat", token, map[string]any{"workspace_id": id}); r.Text("action") != "rotate" {
		t.Errorf("the agent isn't told: %s", r.Raw)
	}
	call(t, 200, "POST", "/registry/heartbeat", fresh, map[string]any{"workspace_id": id})
	call(t, 401, "POST", "/registry/heartbeat", token, map[string]any{"workspace_id": id})
	says(t, []string{"redrive", id, "--dry-run"}, "0 would be put back")
	rollcall(t, 1, "cancel", id, mid) // it was delivered
	says(t, []string{"pause", id}, "paused")
	waits := strings.Fields(says(t, []string{"send", id, "--no-follow", "later"}, "nobody is listening"))
	for _, w := range waits {
		if strings.Count(w, "-") == 4 {
			mid = w
			break
		}
	}
	says(t, []string{"cancel", id, mid}, "cancelled")
	says(t, []string{"resume", id}, "online")
	says(t, []string{"adopt", id, "--runtime", "x", "--reset-credentials"}, "adopted", "rcw_")
	says(t, []string{"revoke", id}, "1 credential revoked", "repair")
	says(t, []string{"sweep"}, "seen")
	says(t, []string{"history", id}, "create", "credential_issued", "credential_used", "repair", "rotate", "adopt", "revoke", "probe", "cancel", "status_changed", "operator rco_")
	says(t, []string{"events"}, id)
	says(t, []string{"audit"}, "sweep")
	says(t, []string{"enrol", "--uses", "3", "--for", "1h"}, "rce_", "good for 3 uses", "rollcall withdraw")

	out, _ := rollcall(t, 0, "status", id, "-o", "json")
	var v map[string]any
	if err := json.Unmarshal([]byte(out), &v); err != nil || v["reason"] != "credentials_rejected" {
		t.Errorf("%v: %s", err, out)
	}
	rollcall(t, 2, "remove", id) // not without --yes
	says(t, []string{"remove", id, "--yes"}, "removed")
	_, gone := rollcall(t, 1, "status", id)
	if !strings.Contains(gone, "workspace_removed") {
		t.Errorf("%s", gone)
	}
	says(t, []string{"explain", id}, "removed")
	rollcall(t, 2, "nonsense")
	rollcall(t, 2, "status", "-o", "xml")
	rollcall(t, 1, "status", id, "--token", "wrong")
	rollcall(t, 3, "status", "--url", "http://127.0.0.1:9")
	_, denied := rollcall(t, 1, "sweep", "--token", "wrong")
	if !strings.Contains(denied, "operator_only") {
		t.Errorf("%s", denied)
	}
}
