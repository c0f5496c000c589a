package chat

import (
	"bytes"
	"encoding/json"
	"iter"
	"strings"
)

// TaskState is the state of an A2A task, in the words of A2A 0.3.
type TaskState string

// The states of a task. The first two are under way; with the next two the agent has answered.
const (
	TaskSubmitted     TaskState = "submitted"
	TaskWorking       TaskState = "working"
	TaskInputRequired TaskState = "input-required"
	TaskCompleted     TaskState = "completed"
	TaskFailing       TaskState = "failed"
	TaskRejected      TaskState = "rejected"
	TaskCanceled      TaskState = "canceled"
	TaskAuthRequired  TaskState = "auth-required"
)

// Underway reports whether the agent is still at work on the task.
func (s TaskState) Underway() bool { return s == TaskSubmitted || s == TaskWorking }

// Failed reports whether the task has not done what was asked.
func (s TaskState) Failed() bool {
	return s == TaskFailing || s == TaskRejected || s == TaskCanceled || s == TaskAuthRequired
}

// taskStateOf reads a state as A2A writes it, from 0.2 (canceled) to 1.0 (TASK_STATE_CANCELED).
func taskStateOf(written string) TaskState {
	name := strings.ReplaceAll(strings.TrimPrefix(strings.ToLower(written), "task_state_"), "_", "-")
	if name == "cancelled" {
		name = "canceled"
	}
	switch s := TaskState(name); {
	case s.Underway(), s.Failed(), s == TaskCompleted, s == TaskInputRequired:
		return s
	}
	return ""
}

// answers are the objects of an agent's answer that may be a task, a message or an event of a stream, the likeliest
// first: the result of JSON-RPC or the answer itself, and up to A2A 0.3 that is the object, since 1.0 it has a member
// that is.
func answers(outer Object) (out []Object) {
	for _, o := range []Object{outer.Object("result"), outer} {
		if o == nil {
			continue
		}
		out = append(out, o)
		for _, name := range eventMembers {
			if inner := o.Object(name); inner != nil {
				out = append(out, inner)
			}
		}
	}
	return out
}

// stateIn is the state of a task; "" of what is no task.
func stateIn(task Object) TaskState { return taskStateOf(task.Object("status").Text("state")) }

// StateOf is the state of the task that an agent answered with; "" when its answer is no task.
func StateOf(answer json.RawMessage) TaskState {
	for _, o := range answers(ObjectOf(answer)) {
		if s := stateIn(o); s != "" {
			return s
		}
	}
	return ""
}

// TaskID is the id of the task that an agent answered with; "" when its answer is no task, or names none.
func TaskID(answer json.RawMessage) string {
	for _, o := range answers(ObjectOf(answer)) {
		if stateIn(o) != "" {
			return o.Text("id", "taskId")
		}
	}
	return ""
}

// TaskFailure is the agent's words when its answer is a task that failed, was rejected or canceled, or needs a sign-in;
// failed reports whether it is.
func TaskFailure(answer json.RawMessage) (text string, failed bool) {
	state := StateOf(answer)
	if !state.Failed() {
		return "", false
	}
	for _, o := range answers(ObjectOf(answer)) {
		if text = said(statusParts(o)); text != "" {
			break
		}
	}
	switch {
	case text == "":
		text = "its task is " + string(state)
	case state != TaskFailing:
		text = "its task is " + string(state) + ": " + text
	}
	return text, true
}

// statusParts are the parts of the message in a task's status.
func statusParts(task Object) group { return partsOf(task.Object("status").Object("message")) }

// groups are groups of parts that are read together.
type groups iter.Seq[group]

// only is one group.
func only(g group) groups { return func(yield func(group) bool) { yield(g) } }

// artifactsOf are the parts of each of a task's artifacts.
func artifactsOf(task Object) groups {
	return func(yield func(group) bool) {
		for raw := range Elements(task.Get("artifacts")) {
			if !yield(partsOf(inner(raw))) {
				return
			}
		}
		if a := task.Get("artifact"); a != nil {
			yield(partsOf(inner(a)))
		}
	}
}

// readings are what an A2A body says, the first that says anything first: each is a list of groups of parts. A request
// has a message. An answer has a task's artifacts, all of them; else the message in its status; else parts of its own.
func readings(body json.RawMessage) []groups {
	outer := ObjectOf(body)
	params := outer.Object("params")
	out := []groups{only(partsOf(params.Object("message"))), only(partsOf(params))}
	objects := answers(outer)
	for _, o := range objects {
		out = append(out, artifactsOf(o))
	}
	for _, o := range objects {
		out = append(out, only(statusParts(o)))
	}
	for _, o := range objects {
		out = append(out, only(partsOf(o)))
	}
	return out
}

// join is what groups of parts say, a group on a line of its own.
func join(all groups, say func(group) string) string {
	var out lines
	for g := range all {
		out.add(say(g))
	}
	return out.String()
}

// Text is what a person reads of an A2A body, a message or an agent's answer: the joined texts of the first of its
// readings that has any; without any text, the names of its files and its data; else "".
func Text(body json.RawMessage) string {
	all := readings(body)
	for _, say := range []func(group) string{said, named} {
		for _, groups := range all {
			if text := join(groups, say); text != "" {
				return text
			}
		}
	}
	return ""
}

// messageIn is the message of a request.
func messageIn(body json.RawMessage) Object { return ObjectOf(body).Object("params").Object("message") }

// Summary is what a message says, for those who see only text: its Text, and beside a text a line for each file.
func Summary(body json.RawMessage) string {
	message := partsOf(messageIn(body))
	text := said(message)
	if text == "" {
		return Text(body)
	}
	var out lines
	out.add(text)
	for p := range message.parts() {
		if line := p.named(); p.said() == "" && strings.HasPrefix(line, "file") {
			out.add(line)
		}
	}
	return out.String()
}

// Readable is a message as a client can show it that reads only texts in parts: where no part says that it is text, one
// with text is added.
func Readable(body json.RawMessage, text string) json.RawMessage {
	message := messageIn(body)
	parts := message.Get("parts")
	if text == "" || said(partsOf(message)) != "" || !IsList(parts) {
		return body
	}
	list := append([]byte(nil), bytes.TrimRight(parts[:len(parts)-1], " \n\r\t")...)
	if list[len(list)-1] != '[' {
		list = append(list, ',')
	}
	list = append(append(list, object{"kind": "text", "text": text}.raw()...), ']')
	params := ObjectOf(body).Object("params")
	return ObjectOf(body).with("params", params.with("message", message.with("parts", list)))
}

// Shown is what the clients that exist show of a message (wire contract, section 2.3): the texts of those parts that
// say that they are text. Where it is "", they show the summary of its row.
func Shown(body json.RawMessage) string {
	var out strings.Builder
	for p := range partsOf(messageIn(body)).parts() {
		if p.marked() {
			out.WriteString(p.Text("text"))
		}
	}
	return out.String()
}
