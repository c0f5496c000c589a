package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// credential is one of ours, whole: its kind and public id alone may be logged.
var credential = regexp.MustCompile(`rc[woe]_[0-9a-z]{8}_[0-9a-z]{20,}`)

// No function's log has a credential in it, after all that the other tests did
// with them: this file's name puts it last.
func TestAPINoSecretIsLogged(t *testing.T) {
	s := on(t)
	ask := func(action string, in, out any) {
		t.Helper()
		body, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), "POST", s.Endpoint, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		// The emulators look at the service's name in it, and at nothing else.
		req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/logs/aws4_request, SignedHeaders=host, Signature=none")
		req.Header.Set("X-Amz-Target", "Logs_20140328."+action)
		req.Header.Set("Content-Type", "application/x-amz-json-1.1")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s, %v", action, resp.StatusCode, raw, err)
		}
		if err := json.Unmarshal(raw, out); err != nil {
			t.Fatal(err)
		}
	}
	var groups struct {
		LogGroups []struct{ LogGroupName string }
	}
	ask("DescribeLogGroups", map[string]any{}, &groups)
	lines, requests := 0, 0
	for _, g := range groups.LogGroups {
		for token := ""; ; {
			in := map[string]any{"logGroupName": g.LogGroupName}
			if token != "" {
				in["nextToken"] = token
			}
			var page struct {
				Events    []struct{ Message string }
				NextToken string
			}
			ask("FilterLogEvents", in, &page)
			for _, e := range page.Events {
				lines++
				requests += strings.Count(e.Message, `"msg":"request"`)
				if secret := credential.FindString(e.Message); secret != "" {
					t.Errorf("%s has a credential (%.12s…) in it", g.LogGroupName, secret)
				}
			}
			if token = page.NextToken; token == "" {
				break
			}
		}
	}
	if requests == 0 {
		t.Fatalf("no request is in the %d lines of %d logs: nothing was looked at", lines, len(groups.LogGroups))
	}
	t.Logf("%d lines of %d logs", lines, len(groups.LogGroups))
}
