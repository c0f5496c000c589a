package chat

import (
	"encoding/json"
	"slices"
)

// Stream is what an agent has streamed of its answer. It makes one answer of the events: the message, or the task as it
// stands. The zero Stream has seen no event. An event costs what its own bytes cost, whatever came before it.
type Stream struct {
	envelope Object // of JSON-RPC, of the first event; nil before it
	rpc      bool   // the events come as results of JSON-RPC
	newest   bool   // they are those of A2A 1.0: each is a member of an object
	task     Object // without its status and its artifacts; nil without a task
	message  Object
	failure  json.RawMessage // an error in the place of an event

	status    json.RawMessage // of the task; nil: the task's own
	artifacts []*artifact     // of the task
	byID      map[string]int  // the place of the last artifact of each id, as it is written
}

// artifact is one of a task: as it came last, and the parts that came in pieces; nil, when its own parts are all.
type artifact struct {
	Object
	parts []json.RawMessage
}

// eventMembers are those that hold an event since A2A 1.0.
var eventMembers = []string{"task", "message", "statusUpdate", "artifactUpdate"}

// Add takes the next event, and reports whether it is the stream's last.
func (s *Stream) Add(event json.RawMessage) (last bool) {
	o := ObjectOf(event)
	if s.envelope == nil {
		s.envelope = Object("{}")
		for _, name := range []string{"id", "jsonrpc"} {
			if v := o.Get(name); v != nil {
				s.envelope = s.envelope.with(name, v)
			}
		}
	}
	switch {
	case o.Has("error"):
		s.failure = o.Get("error")
		return true
	case o.Has("result"):
		s.rpc, o = true, o.Object("result")
	}
	for _, name := range eventMembers {
		if inner := o.Object(name); inner != nil {
			s.newest, o = true, inner
		}
	}
	return s.take(o)
}

// take takes what an event carries: a message, an artifact, a status, or a whole task.
func (s *Stream) take(o Object) (last bool) {
	switch {
	case o.Has("parts") || o.Has("content"):
		s.message = o
		return true
	case o.Has("artifact"):
		s.begin(o)
		s.addArtifact(o.Object("artifact"), string(o.Get("append")) == "true")
		return false
	case o.Has("status") && (o.Has("final") || o.Has("taskId") || o.Text("kind") == "status-update"):
		s.begin(o)
		s.status = o.Get("status")
	case o.Has("status") || o.Has("artifacts"):
		s.begins(o)
	}
	state := taskStateOf(inner(s.status).Text("state"))
	return string(o.Get("final")) == "true" || (state != "" && !state.Underway())
}

// begins takes a whole task.
func (s *Stream) begins(task Object) {
	s.task, s.status, s.artifacts, s.byID = task, task.Get("status"), nil, map[string]int{}
	for raw := range Elements(task.Get("artifacts")) {
		if a := inner(raw); a != nil {
			s.place(&artifact{Object: a})
		}
	}
}

// place adds an artifact behind the others.
func (s *Stream) place(a *artifact) {
	if a.Has("artifactId") {
		s.byID[string(a.Get("artifactId"))] = len(s.artifacts)
	}
	s.artifacts = append(s.artifacts, a)
}

// begin makes a task of an event that tells of one that was not sent whole.
func (s *Stream) begin(event Object) {
	if s.task != nil {
		return
	}
	task := Object("{}")
	if !s.newest {
		task = task.with("kind", []byte(`"task"`))
	}
	for _, m := range []struct{ from, to string }{{"id", "id"}, {"taskId", "id"}, {"contextId", "contextId"}} {
		if event.Has(m.from) {
			task = task.with(m.to, event.Get(m.from))
		}
	}
	s.begins(task)
}

// addArtifact adds an artifact to the task, in the place of one with its id, or its parts to those of that one.
func (s *Stream) addArtifact(a Object, appends bool) {
	if a == nil {
		return
	}
	at, known := len(s.artifacts)-1, false
	if a.Has("artifactId") {
		at, known = s.byID[string(a.Get("artifactId"))]
	} else {
		known = appends && at >= 0
	}
	switch {
	case !known:
		s.place(&artifact{Object: a})
	case !appends:
		s.artifacts[at] = &artifact{Object: a}
	default:
		was := s.artifacts[at]
		if was.parts == nil {
			was.parts = slices.Collect(Elements(was.Get("parts")))
		}
		was.parts = slices.AppendSeq(was.parts, Elements(a.Get("parts")))
		was.Object = a
	}
}

// whole is the artifact with all its parts.
func (a *artifact) whole() []byte {
	if a.parts == nil {
		return a.Object
	}
	return a.with("parts", listOf(a.parts))
}

// listOf is a list of values.
func listOf[V ~[]byte](values []V) []byte {
	out := []byte{'['}
	for i, v := range values {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, v...)
	}
	return append(out, ']')
}

// wholeTask is the task as it stands.
func (s *Stream) wholeTask() Object {
	task := s.task
	if s.status != nil {
		task = task.with("status", s.status)
	}
	if len(s.artifacts) == 0 {
		return task
	}
	list := make([][]byte, len(s.artifacts))
	for i, a := range s.artifacts {
		list[i] = a.whole()
	}
	return task.with("artifacts", listOf(list))
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
	name, result := "message", s.message
	switch {
	case result != nil:
	case s.task == nil:
		return nil
	default:
		name, result = "task", s.wholeTask()
	}
	if s.newest {
		result = Object("{}").with(name, result)
	}
	if !s.rpc {
		return json.RawMessage(result)
	}
	return json.RawMessage(s.envelope.with("result", result))
}

// marshaled is v, made of what was decoded before, in JSON.
func marshaled(v any) json.RawMessage {
	raw, _ := Marshal(v)
	return raw
}
