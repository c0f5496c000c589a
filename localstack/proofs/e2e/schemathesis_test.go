package e2e

import (
	"context"
	"os/exec"
	"testing"
	"time"
)

// Whatever the API's document allows to send, and what it nearly allows, no call fails and each answer is one
// that the document has. Schemathesis makes the calls.
func TestEachAnswerIsDocumented(t *testing.T) {
	s := on(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "../../../.tools/schemathesis/bin/schemathesis", "run", s.URL+"/openapi.json",
		"--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
		"--phases", "fuzzing", "--max-examples", "3", "--seed", "1", "--no-color",
		"--request-timeout", "30", // a long poll waits for up to 20 s
		"--header", "Authorization: Bearer "+s.OperatorToken).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
