package main

import (
	"encoding/json"
	"log"
	"net/http"
	"os"
	"slices"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// rpcRequest is what the agent reads of a JSON-RPC call of A2A's message/send.
type rpcRequest struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params struct {
		Message message `json:"message"`
	} `json:"params"`
}

// message is one A2A message.
type message struct {
	MessageID string `json:"messageId"`
	Parts     []part `json:"parts"`
	Metadata  struct {
		InReplyTo string `json:"in_reply_to"`
		TargetID  string `json:"target_id"`
		State     string `json:"state"`
	} `json:"metadata"`
}

// part is a piece of a message; this agent reads and writes text only.
type part struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// text is all text of a message.
func (m message) text() string {
	text := ""
	for _, p := range m.Parts {
		text += p.Text
	}
	return text
}

// fromPlatform is who sends what the platform itself says: that a message of this agent was not delivered.
const fromPlatform = "_rollcall"

// methodNotFound is JSON-RPC's code for a method that is not served.
const methodNotFound = -32601

// receive is the agent's A2A endpoint. The platform pushes each message here and
// keeps the answer for its sender.
//
// A message can arrive more than once: the platform delivers it again when the
// answer got lost on its way back, and who saw a signed call can repeat it. So the
// agent remembers the ids of what it has done, and does it once. One whose work must
// not be done twice after a restart keeps them in a file.
func (a *agent) receive(w http.ResponseWriter, r *http.Request) {
	body, err := a.verified(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	var in rpcRequest
	if err := json.Unmarshal(body, &in); err != nil {
		http.Error(w, "not A2A", http.StatusBadRequest)
		return
	}
	if in.Method != "message/send" {
		// A probe of the platform calls a method that no agent serves: this answer
		// shows that an agent is here.
		reply(w, in.ID, "error", map[string]any{"code": methodNotFound, "message": "method not found"})
		return
	}
	if r.Header.Get("X-Source-Workspace-Id") == fromPlatform {
		lost := in.Params.Message.Metadata
		log.Printf("not delivered: %s to %s is %s", lost.InReplyTo, lost.TargetID, lost.State)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	a.working.Lock()
	defer a.working.Unlock()
	// Write the message down before answering. A status of 500 says that it was
	// not taken, and the platform delivers it again.
	if err := a.once(r.Header.Get(webhooks.HeaderWebhookID), in.Params.Message); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	reply(w, in.ID, "result", map[string]any{
		"role": "agent", "parts": []part{{"text", "you said: " + in.Params.Message.text()}},
	})
}

// reply writes a JSON-RPC response with either a result or an error.
func reply(w http.ResponseWriter, id json.RawMessage, member string, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"jsonrpc": "2.0", "id": id, member: value})
}

// remembered is how many ids of messages are remembered.
const remembered = 1000

// once records a message, unless it was recorded under this id, which is signed.
func (a *agent) once(id string, m message) error {
	if slices.Contains(a.done, id) {
		return nil
	}
	if err := a.record(m); err != nil {
		return err
	}
	a.done = append(a.done[max(0, len(a.done)+1-remembered):], id)
	return nil
}

// record appends a message to the journal, if there is one.
func (a *agent) record(m message) error {
	if a.journal == "" {
		return nil
	}
	f, err := os.OpenFile(a.journal, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	return json.NewEncoder(f).Encode(map[string]string{"message_id": m.MessageID, "text": m.text()})
}
