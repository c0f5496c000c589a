// Command webhook is a receiver of Rollcall's webhooks to copy: it verifies each call, prints each change once, and
// answers at once. Put what you do with a change in the place of Print.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// receiver verifies calls and tells repeats apart.
type receiver struct {
	hook *webhooks.Webhook
	out  io.Writer

	mu   sync.Mutex
	last map[string]int64 // by workspace: the sequence number of the last change that was printed
}

// event is a call's body, as far as it is used here.
type event struct {
	Type string `json:"type"`
	Data struct {
		Seq       int64  `json:"seq"`
		Workspace string `json:"workspace_id"`
		To        struct {
			Status string `json:"status"`
			Reason string `json:"reason"`
		} `json:"to"`
		Hint string `json:"hint"`
	} `json:"data"`
}

const maxBody = 1 << 20

// ServeHTTP implements http.Handler. What is no call of the platform's is refused; a change that comes twice is taken
// and printed once.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(io.LimitReader(req.Body, maxBody))
	if err == nil {
		err = r.hook.Verify(body, req.Header) // also refuses a call that is older than five minutes
	}
	var e event
	if err != nil || json.Unmarshal(body, &e) != nil {
		http.Error(w, "not signed by the platform", http.StatusUnauthorized)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Type == "workspace.status_changed" && e.Data.Seq > r.last[e.Data.Workspace] {
		r.last[e.Data.Workspace] = e.Data.Seq
		fmt.Fprintf(r.out, "%s is %s (%s): %s\n", e.Data.Workspace, e.Data.To.Status, e.Data.To.Reason, e.Data.Hint)
	}
	w.WriteHeader(http.StatusNoContent)
}

func newReceiver(secret string, out io.Writer) (*receiver, error) {
	hook, err := webhooks.NewWebhook(secret)
	return &receiver{hook: hook, out: out, last: map[string]int64{}}, err
}

func run() error {
	if len(os.Args) != 2 {
		return errors.New("usage: WEBHOOK_SECRET=whsec_… webhook ADDRESS")
	}
	r, err := newReceiver(os.Getenv("WEBHOOK_SECRET"), os.Stdout)
	if err != nil {
		return err
	}
	server := &http.Server{Addr: os.Args[1], Handler: r, ReadTimeout: 10 * time.Second}
	return server.ListenAndServe()
}

func main() {
	if err := run(); err != nil {
		slog.Error("webhook", "error", err)
		os.Exit(1)
	}
}
