package chat

import (
	"encoding/json"
	"maps"
)

// Stream is what an agent has streamed of its answer. It makes one answer of the events: the message, or the task as it
// stands. The zero Stream has seen no event.
type Stream struct {
	envelope members // what the first event's JSON-RPC envelope has beside its result; nil before the first event
	rpc      bool    // the events come as results of JSON-RPC
	newest   bool    // they are those of A2A 1.0: each is a member of an object
	task     members
	message  members
	failure  json.RawMessage // an error in the place of an event
}

// eventMembers are those that hold an event since A2A 1.0.
var eventMembers = []string{"task", "message", "statusUpdate", "artifactUpdate"}

// Add takes the next event, and reports whether it is the stream's last.
func (s *Stream) Add(event json.RawMessage) (last bool) {
	o := membersOf(event)
	if s.envelope == nil {
		s.envelope = members{}
		for _, name := range []string{"jsonrpc", "id"} {
			if v, ok := o[name]; ok {
				s.envelope[name] = v
			}
		}
	}
	switch {
	case o.has("error"):
		s.failure = o["error"]
		return true
	case o.has("result"):
		s.rpc, o = true, membersOf(o["result"])
	}
	for _, name := range eventMembers {
		if inner := membersOf(o[name]); inner != nil {
			s.newest, o = true, inner
		}
	}
	return s.take(o)
}

// take takes what an event carries: a message, an artifact, a status, or a whole task.
func (s *Stream) take(o members) (last bool) {
	switch {
	case o.has("parts") || o.has("content"):
		s.message = o
		return true
	case o.has("artifact"):
		s.begin(o)
		s.addArtifact(membersOf(o["artifact"]), string(o["append"]) == "true")
		return false
	case o.has("status") && (o.has("final") || o.has("taskId") || o.text("kind") == "status-update"):
		s.begin(o)
		s.task["status"] = o["status"]
	case o.has("status") || o.has("artifacts"):
		s.task = o
	}
	state := taskStateOf(membersOf(s.task["status"]).text("state"))
	return string(o["final"]) == "true" || (state != "" && !state.Underway())
}

// begin makes a task of an event that tells of one that was not sent whole.
func (s *Stream) begin(event members) {
	if s.task != nil {
		return
	}
	s.task = members{}
	if !s.newest {
		s.task["kind"] = json.RawMessage(`"task"`)
	}
	for from, to := range map[string]string{"taskId": "id", "id": "id", "contextId": "contextId"} {
		if event.has(from) {
			s.task[to] = event[from]
		}
	}
}

// addArtifact adds an artifact to the task, in the place of one with its id, or its parts to those of that one.
func (s *Stream) addArtifact(a members, appends bool) {
	if a == nil {
		return
	}
	var list []members
	_ = json.Unmarshal(s.task["artifacts"], &list) // none before the first
	at := len(list)
	for i, was := range list {
		if a.has("artifactId") && string(was["artifactId"]) == string(a["artifactId"]) {
			at = i
		}
	}
	switch {
	case at == len(list) && appends && at > 0 && !a.has("artifactId"):
		at--
	case at == len(list):
		list = append(list, members{})
	}
	if appends && list[at] != nil {
		var parts, more []json.RawMessage
		_ = json.Unmarshal(list[at]["parts"], &parts)
		_ = json.Unmarshal(a["parts"], &more)
		a["parts"] = marshaled(append(parts, more...))
	}
	list[at] = a
	s.task["artifacts"] = marshaled(list)
}

// Failure is the agent's words when it sent an error in the place of an event; "" when it did not.
func (s *Stream) Failure() string {
	if s.failure == nil {
		return ""
	}
	return Words(s.failure)
}

// Answer is the answer that the events make, in the shape in which they came; nil when no event said anything.
func (s *Stream) Answer() json.RawMessage {
	name, result := "task", s.task
	if s.message != nil {
		name, result = "message", s.message
	}
	if result == nil {
		return nil
	}
	if s.newest {
		result = members{name: marshaled(result)}
	}
	if !s.rpc {
		return marshaled(result)
	}
	envelope := members{"result": marshaled(result)}
	maps.Copy(envelope, s.envelope)
	return marshaled(envelope)
}

// marshaled is v, made of what was decoded before, in JSON.
func marshaled(v any) json.RawMessage {
	raw, _ := Marshal(v)
	return raw
}
