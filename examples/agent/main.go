// Command agent is a small A2A agent: it registers with Rollcall, keeps its lease
// by heartbeats, answers message/send at its URL, and writes down what it was
// sent. It keeps its credential in a file, as containers keep it on a volume; it
// exits with 3 when its register is refused, so that its supervisor boots it
// again.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	var a agent
	flag.StringVar(&a.platform, "platform", "http://127.0.0.1:8080", "Rollcall's address")
	flag.StringVar(&a.id, "id", "", "workspace id")
	flag.StringVar(&a.tokenFile, "token-file", "", "where the credential is kept")
	flag.StringVar(&a.enrolment, "enrolment-token", os.Getenv("ROLLCALL_ENROLMENT_TOKEN"), "an operator's leave to be given a first credential")
	flag.StringVar(&a.journal, "journal", "", "where received messages are written, a JSON line each")
	flag.DurationVar(&a.beat, "heartbeat", 30*time.Second, "time between heartbeats")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch status, err := a.run(ctx); {
	case status == http.StatusUnauthorized:
		log.Printf("register: %v", err)
		os.Exit(3)
	case err != nil:
		log.Fatal(err)
	}
}

type agent struct {
	platform, id, tokenFile, enrolment, journal string
	beat                                        time.Duration

	working sync.Mutex // one task at a time
}

func (a *agent) run(ctx context.Context) (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	server := &http.Server{Handler: http.HandlerFunc(a.receive), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }()
	defer server.Close()

	var reply struct {
		AuthToken    string `json:"auth_token"`
		DeliveryMode string `json:"delivery_mode"`
		Epoch        int64  `json:"epoch"`
	}
	url := "http://" + l.Addr().String()
	status, err := a.call(ctx, "/registry/register", map[string]any{"id": a.id, "url": url, "agent_card": map[string]any{"name": "example agent", "url": url}, "enrolment_token": a.enrolment}, &reply)
	if err != nil {
		return status, err
	}
	if err := a.keep(reply.AuthToken); err != nil {
		return 0, err
	}
	log.Printf("registered at %s, delivery mode %s", url, reply.DeliveryMode)
	tick := time.NewTicker(a.beat)
	defer tick.Stop()
	for {
		active := 1
		if a.working.TryLock() {
			a.working.Unlock()
			active = 0
		}
		var beat struct{ Action string }
		_, err := a.call(ctx, "/registry/heartbeat", map[string]any{"workspace_id": a.id, "active_tasks": active, "error_rate": 0, "epoch": reply.Epoch}, &beat)
		if err == nil && beat.Action == "rotate" {
			err = a.rotate(ctx)
		}
		if err != nil && ctx.Err() == nil {
			log.Printf("heartbeat: %v", err)
		}
		select {
		case <-ctx.Done():
			return 0, nil
		case <-tick.C:
		}
	}
}

// rotate fetches the new credential that waits; the next call uses it, and ends
// the old one.
func (a *agent) rotate(ctx context.Context) error {
	var fresh struct {
		AuthToken string `json:"auth_token"`
	}
	if _, err := a.call(ctx, "/workspaces/"+a.id+"/rotate", nil, &fresh); err != nil {
		return err
	}
	log.Print("credential rotated")
	return a.keep(fresh.AuthToken)
}

// keep writes a credential down, whole or not at all; "" is none.
func (a *agent) keep(credential string) error {
	if credential == "" {
		return nil
	}
	if err := os.WriteFile(a.tokenFile+".new", []byte(credential), 0o600); err != nil {
		return err
	}
	return os.Rename(a.tokenFile+".new", a.tokenFile)
}

func (a *agent) call(ctx context.Context, path string, body, reply any) (int, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.platform+path, bytes.NewReader(raw))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	if t, err := os.ReadFile(a.tokenFile); err == nil && len(t) > 0 {
		req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(t)))
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		var problem struct{ Error, Hint string }
		_ = json.NewDecoder(resp.Body).Decode(&problem) // without one, the status has to do
		return resp.StatusCode, fmt.Errorf("%s (HTTP %d): %s", problem.Error, resp.StatusCode, problem.Hint)
	}
	if reply == nil {
		return resp.StatusCode, nil
	}
	return resp.StatusCode, json.NewDecoder(resp.Body).Decode(reply)
}

// receive is the agent's A2A endpoint.
func (a *agent) receive(w http.ResponseWriter, r *http.Request) {
	var in struct {
		ID     json.RawMessage `json:"id"`
		Method string          `json:"method"`
		Params struct {
			Message struct {
				MessageID string                  `json:"messageId"`
				Parts     []struct{ Text string } `json:"parts"`
			} `json:"message"`
		} `json:"params"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, "not A2A", http.StatusBadRequest)
		return
	}
	if in.Method != "message/send" {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"jsonrpc": "2.0", "id": in.ID, "error": map[string]any{"code": -32601, "message": "method not found"}})
		return
	}
	a.working.Lock()
	defer a.working.Unlock()
	text := ""
	for _, p := range in.Params.Message.Parts {
		text += p.Text
	}
	f, err := os.OpenFile(a.journal, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		err = json.NewEncoder(f).Encode(map[string]string{"message_id": in.Params.Message.MessageID, "text": text})
		f.Close()
	}
	if err != nil { // not taken: it must come again
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"jsonrpc": "2.0", "id": in.ID, "result": map[string]any{
		"role": "agent", "parts": []map[string]string{{"kind": "text", "text": "you said: " + text}},
	}})
}
