package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// call posts body to the platform and decodes the answer into reply. It returns
// the HTTP status, 0 if there was no answer in time. The error of a refused call has the
// platform's hint: what to do next, in words.
func (a *agent) call(ctx context.Context, path string, body, reply any) (status int, err error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.platform+path, bytes.NewReader(raw))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	credential, err := a.credential()
	if err != nil {
		return 0, err
	}
	if credential != "" {
		req.Header.Set("Authorization", "Bearer "+credential)
	}
	resp, err := (&http.Client{Timeout: a.patience}).Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return resp.StatusCode, refusal(resp)
	}
	return resp.StatusCode, json.NewDecoder(resp.Body).Decode(reply)
}

// refusal is the error that the platform answered. A proxy's answer has no such
// body; its status has to do.
func refusal(resp *http.Response) error {
	var problem struct {
		Error string `json:"error"`
		Hint  string `json:"hint"`
	}
	_ = json.NewDecoder(resp.Body).Decode(&problem)
	return fmt.Errorf("%s (HTTP %d): %s", problem.Error, resp.StatusCode, problem.Hint)
}
