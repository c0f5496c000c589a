package e2e

import (
	"os"
	"os/exec"
	"testing"
)

// The console in a browser, on the deployed functions. Its tests are in its own folder, and in the browser's language.
func TestTheConsole(t *testing.T) {
	s := on(t)
	cmd := exec.CommandContext(t.Context(), "node", "--test", "--test-concurrency=1", "--test-reporter=spec", "browser/")
	cmd.Dir = "../../../functions/status/console"
	cmd.Env = append(os.Environ(), "ROLLCALL_URL="+s.URL, "ROLLCALL_OPERATOR="+s.OperatorToken,
		"ROLLCALL_AGENT="+s.Agent, "ROLLCALL_CHROMIUM="+chromium(t))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	t.Logf("%s", out)
}
