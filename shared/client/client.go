// Package client calls the API of Rollcall. The command-line program, the local
// platform's proofs and the tests use it.
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

// Client knows where a platform is and its operator's credential. Its JSON is the
// content of .rollcall/local.json.
type Client struct {
	URL           string `json:"url"`
	OperatorToken string `json:"operator_token"`

	Transport http.RoundTripper `json:"-"` // nil: the default one
}

// Timeout is how long a call may take. API Gateway gives up after 30 s, so a
// platform that has not answered by then never will.
const Timeout = 60 * time.Second

// MaxReply is how many bytes of an answer are read. API Gateway sends 10 MB at most.
const MaxReply = 32 << 20

// Reply is an answer of the platform. Body is nil when the answer is no JSON
// object; Raw always has it.
type Reply struct {
	Status int
	Header http.Header
	Raw    []byte
	Body   map[string]any
}

// Text is the member of Body at path as text: one name for each level of nested
// objects. It is "" when the member is absent.
func (r Reply) Text(path ...string) string {
	var v any = r.Body
	for _, name := range path {
		object, _ := v.(map[string]any)
		v = object[name]
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// Do makes one call. An empty token sends no credential. body may be nil, []byte,
// or anything that marshals to JSON.
func (c Client) Do(ctx context.Context, method, path, token string, body any) (Reply, error) {
	return c.DoWith(ctx, method, path, token, body, nil)
}

// DoWith is Do with further headers.
func (c Client) DoWith(
	ctx context.Context, method, path, token string, body any, headers map[string]string,
) (Reply, error) {
	content, err := reader(body)
	if err != nil {
		return Reply{}, err
	}
	req, err := http.NewRequestWithContext(ctx, method, c.URL+path, content)
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
	resp, err := (&http.Client{Transport: c.Transport, Timeout: Timeout}).Do(req)
	if err != nil {
		return Reply{}, err
	}
	defer resp.Body.Close()
	out := Reply{Status: resp.StatusCode, Header: resp.Header}
	out.Raw, err = io.ReadAll(io.LimitReader(resp.Body, MaxReply+1))
	switch {
	case err != nil:
		return out, err
	case len(out.Raw) > MaxReply:
		return out, fmt.Errorf("its answer is longer than %d MiB", MaxReply>>20)
	}
	_ = json.Unmarshal(out.Raw, &out.Body) // what is no object is read from Raw
	return out, nil
}

// reader is the request body that DoWith sends.
func reader(body any) (io.Reader, error) {
	switch b := body.(type) {
	case nil:
		return http.NoBody, nil
	case []byte:
		return bytes.NewReader(b), nil
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false) // "<" is one byte, not six
	err := enc.Encode(body)
	return bytes.NewReader(bytes.TrimSuffix(out.Bytes(), []byte("\n"))), err
}

// Message is an A2A message/send with one text part.
func Message(id, text string) map[string]any {
	return map[string]any{"jsonrpc": "2.0", "id": id, "method": "message/send", "params": map[string]any{
		"message": map[string]any{
			"role": "user", "messageId": id, "parts": []map[string]string{{"kind": "text", "text": text}},
		},
	}}
}

// Until calls ok ten times a second until it returns nil. After limit it gives up
// with the last error of ok.
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
