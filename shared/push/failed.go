package push

import (
	"encoding/json"
	"strings"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/workspace"
)

// A2A answers a message with a task or a message. Runtimes that are wrapped for it, such as servers of tools and
// handlers of web frameworks, answer in a result of their own, with 200, that the call failed. Such a result is an
// error like one in the member "error". A task says by its state whether it failed, and nothing else of it is looked
// at.

// failedIfFalse and failedIfTrue are the members by which a result says that the call failed.
var (
	failedIfFalse = []string{"success", "ok", "succeeded", "successful"}
	failedIfTrue  = []string{"isError", "is_error", "failed"}
)

// failedWords are the texts by which its status or its type says so.
var failedWords = map[string]bool{
	"error": true, "failed": true, "failure": true, "fail": true, "rejected": true, "canceled": true, "cancelled": true,
}

// something reports whether a member is there and says anything: agents write null, false, "" or {} for no error.
func something(v json.RawMessage) bool {
	const longest = 64 // of what says nothing, with white space in it
	if len(v) > longest {
		return true
	}
	switch strings.Join(strings.Fields(string(v)), "") {
	case "", "null", "false", `""`, "{}", "[]", "0":
		return false
	}
	return true
}

// hasFailed reports whether the agent answered a result that is nothing, or that says that the call failed.
func (a answer) hasFailed() bool {
	result := a.object.Get("result")
	switch {
	case a.object == nil || chat.StateOf(a.body) != "":
		return false
	case result == nil:
		return saysFailed(a.object)
	case string(result) == "null" || string(result) == "false":
		return true
	}
	return saysFailed(chat.ObjectOf(result))
}

// saysFailed reports whether an object says that the call failed.
func saysFailed(o chat.Object) bool {
	if something(o.Get("error")) || something(o.Get("errors")) {
		return true
	}
	for _, name := range failedIfFalse {
		if string(o.Get(name)) == "false" {
			return true
		}
	}
	for _, name := range failedIfTrue {
		if string(o.Get(name)) == "true" {
			return true
		}
	}
	for _, name := range []string{"status", "state", "type", "kind"} {
		if failedWords[strings.ToLower(o.Text(name))] {
			return true
		}
	}
	return false
}

// failedResult is what a result comes to that says that the call failed.
func (a answer) failedResult() delivery.PushResult {
	result := a.object.Get("result")
	switch {
	case string(result) == "null":
		return agentError(workspace.FaultRPC, "the agent's result is neither a task nor a message")
	case result == nil:
		result = a.body
	}
	return agentError(workspace.FaultRPC, "the agent answered that it failed: %s", quoted(failureWords(result)))
}

// failureWords is what a result says of why the call failed.
func failureWords(result json.RawMessage) string {
	o := chat.ObjectOf(result)
	said, all := o.Get("error"), o.Get("errors")
	switch {
	case something(said) && string(said) != "true":
		return chat.Words(said)
	case something(all):
		return chat.Words(all)
	}
	for first := range chat.Elements(o.Get("content")) {
		if text := chat.ObjectOf(first).Text("text"); text != "" {
			return text
		}
		break
	}
	if text := chat.Text(result); text != "" {
		return text
	}
	return chat.Words(result)
}
