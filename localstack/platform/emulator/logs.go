package emulator

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
)

// Line is one line of a function's log.
type Line struct {
	Function string // its name
	Message  string
}

// Logs reads from CloudWatch Logs what all functions have logged.
func Logs(ctx context.Context, endpoint string) ([]Line, error) {
	var groups struct {
		LogGroups []struct{ LogGroupName string }
	}
	if err := logs(ctx, endpoint, "DescribeLogGroups", map[string]any{}, &groups); err != nil {
		return nil, err
	}
	var out []Line
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
			if err := logs(ctx, endpoint, "FilterLogEvents", in, &page); err != nil {
				return nil, err
			}
			for _, e := range page.Events {
				out = append(out, Line{path.Base(g.LogGroupName), e.Message})
			}
			if token = page.NextToken; token == "" {
				break
			}
		}
	}
	return out, nil
}

// logs makes one call to CloudWatch Logs. Two operations do not justify the SDK's client.
func logs(ctx context.Context, endpoint, action string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(body))
	if err != nil {
		return err
	}
	// The emulators read only the service's name in it.
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 "+
		"Credential=test/20260101/us-east-1/logs/aws4_request, SignedHeaders=host, Signature=none")
	req.Header.Set("X-Amz-Target", "Logs_20140328."+action)
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("reading the logs: %w", err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("reading the logs: %s answered %d %.200s, %w", action, resp.StatusCode, raw, err)
	}
	return json.Unmarshal(raw, out)
}
