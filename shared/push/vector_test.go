package push

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// What docs/agents.md gives to try a check of signatures with is what a push has.
func TestTheDocumentsSignatureIsThatOfAPush(t *testing.T) {
	raw, err := os.ReadFile("../../docs/agents.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), "To try your own check, use this call:\n\n")
	vector, _, found := strings.Cut(rest, "\n\n")
	if !found {
		t.Fatal("docs/agents.md has no call to try a check with")
	}
	given := map[string]string{}
	for line := range strings.SplitSeq(vector, "\n") {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		given[name] = value
	}
	req, err := http.NewRequest(http.MethodPost, "http://agent.example", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	var at int64
	if _, err := fmt.Sscan(given["webhook-timestamp"], &at); err != nil {
		t.Fatal(err, given)
	}
	secrets := []string{given["key"], given["key before it"]}
	if err := signBy(req, secrets, given["webhook-id"], time.Unix(at, 0), []byte(given["body"])); err != nil {
		t.Fatal(err)
	}
	if want := req.Header.Get(webhooks.HeaderWebhookSignature); given["webhook-signature"] != want {
		t.Errorf("docs/agents.md has the signature %q, want %q", given["webhook-signature"], want)
	}
}
