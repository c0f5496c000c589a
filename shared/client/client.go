// Package client is what of the API of Rollcall the command-line program, the
// scenarios and the tests call.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Local is .rollcall/local.json: where a local platform is and its operator's
// credential.
type Local struct {
	URL           string `json:"url"`
	OperatorToken string `json:"operator_token"`

	Transport http.RoundTripper `json:"-"` // nil: the default one
}

// Timeout is how long a call may take. API Gateway gives up after 30 s, so who
// hasn't answered by then hangs.
const Timeout = 60 * time.Second

// Reply is a decoded answer.
type Reply struct {
	Status int
	Header http.Header
	Raw    []byte
	Body   map[string]any
}

// Text is a string member, "" when absent; path goes into objects.
func (r Reply) Text(path ...string) string {
	var v any = r.Body
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// Do makes one call; token "" sends no credential. body may be nil, []byte, or
// anything that marshals.
func (l Local) Do(ctx context.Context, method, path, token string, body any) (Reply, error) {
	return l.DoWith(ctx, method, path, token, body, nil)
}

// DoWith is Do with further headers.
func (l Local) DoWith(ctx context.Context, method, path, token string, body any, headers map[string]string) (Reply, error) {
	var rd io.Reader
	switch b := body.(type) {
	case nil:
	case []byte:
		rd = bytes.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			return Reply{}, err
		}
		rd = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, l.URL+path, rd)
	if err != nil {
		return Reply{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	resp, err := (&http.Client{Transport: l.Transport, Timeout: Timeout}).Do(req)
	if err != nil {
		return Reply{}, err
	}
	defer resp.Body.Close()
	out := Reply{Status: resp.StatusCode, Header: resp.Header}
	if out.Raw, err = io.ReadAll(resp.Body); err != nil {
		return out, err
	}
	_ = json.Unmarshal(out.Raw, &out.Body) // arrays and pages are read off Raw
	return out, nil
}

// Message is an A2A message/send with one text.
func Message(id, text string) map[string]any {
	return map[string]any{"jsonrpc": "2.0", "id": id, "method": "message/send", "params": map[string]any{
		"message": map[string]any{"role": "user", "messageId": id, "parts": []map[string]string{{"kind": "text", "text": text}}},
	}}
}

// Until asks again until ok says so or the time is up; it returns the last error
// of ok.
func Until(ctx context.Context, limit time.Duration, ok func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := ok()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not within %s: %w", limit, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
