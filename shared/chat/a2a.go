package chat

import (
	"encoding/json"
	"strings"
)

// part is a part of an A2A message; agents in use write its kind under either key.
type part struct {
	Kind string `json:"kind,omitempty"`
	Type string `json:"type,omitempty"`
	Text string `json:"text"`
}

// Text is what a person would read of an A2A body: the joined text parts of the first of these that has any:
// params.message.parts, params.parts, parts and, for an answer, result.parts and result.message.parts. It is "" when
// none has. Source: the wire contract, section 2.3.
func Text(body json.RawMessage) string {
	type parts struct {
		Parts   []part `json:"parts"`
		Message struct {
			Parts []part `json:"parts"`
		} `json:"message"`
	}
	var b struct {
		parts
		Params parts `json:"params"`
		Result parts `json:"result"`
	}
	if json.Unmarshal(body, &b) != nil {
		return "" // the body has another shape: a reader looks at the body itself
	}
	for _, ps := range [][]part{b.Params.Message.Parts, b.Params.Parts, b.Parts, b.Result.Parts, b.Result.Message.Parts} {
		var out strings.Builder
		for _, p := range ps {
			if p.Kind == "text" || p.Type == "text" {
				out.WriteString(p.Text)
			}
		}
		if out.Len() > 0 {
			return out.String()
		}
	}
	return ""
}

// Clip is the beginning of a text: at most n bytes, and no character cut in half.
func Clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "")
}

// object is a JSON object made of values that always marshal: strings, and lists and objects of them.
type object map[string]any

func (o object) raw() json.RawMessage {
	raw, _ := json.Marshal(o)
	return raw
}

// TextBody is an A2A message/send with one text part.
func TextBody(messageID, text string) json.RawMessage {
	message := object{"role": "user", "messageId": messageID, "parts": []part{{Kind: "text", Text: text}}}
	return object{"jsonrpc": "2.0", "id": messageID, "method": "message/send", "params": object{"message": message}}.raw()
}

// ProbeMethod is the JSON-RPC method of a probe pushed to an agent. No agent knows it: an answer of "no such method"
// proves as well as any other that the agent is there.
const ProbeMethod = "rollcall/probe"

// ProbeBody is a probe as an agent gets it.
func ProbeBody(messageID string) json.RawMessage {
	return object{"jsonrpc": "2.0", "id": messageID, "method": ProbeMethod, "params": object{}}.raw()
}

// failedStates are the states of an A2A task that has not done what was asked, in the words of versions 0.2 and 1.0.
var failedStates = map[string]string{
	"failed": "failed", "rejected": "rejected", "canceled": "canceled", "cancelled": "canceled",
	"auth-required": "auth-required",
}

// TaskFailure is the agent's words when its answer is a task that failed, was rejected or canceled, or needs a sign-in;
// failed reports whether it is.
func TaskFailure(answer json.RawMessage) (words string, failed bool) {
	type task struct {
		Status struct {
			State   string          `json:"state"`
			Message json.RawMessage `json:"message"`
		} `json:"status"`
	}
	var a struct {
		task
		Task   task `json:"task"`
		Result struct {
			task
			Task task `json:"task"`
		} `json:"result"`
	}
	if json.Unmarshal(answer, &a) != nil {
		return "", false // of another shape: no task
	}
	for _, t := range []task{a.Result.task, a.Result.Task, a.task, a.Task} {
		name := strings.ReplaceAll(strings.TrimPrefix(strings.ToLower(t.Status.State), "task_state_"), "_", "-")
		if state, ok := failedStates[name]; ok {
			if words = Text(t.Status.Message); words == "" {
				words = "its task is " + state
			}
			return words, true
		}
	}
	return "", false
}

// Words is what a person would read of an error in JSON, whatever its shape: a text, or the first of its members that
// says something; the JSON itself when none does.
func Words(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) == nil {
		for _, member := range []string{"message", "detail", "error", "title", "reason", "description"} {
			if v, ok := object[member]; ok && string(v) != "null" {
				return Words(v)
			}
		}
	}
	return string(raw)
}
