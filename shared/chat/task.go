package chat

import (
	"encoding/json"
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
func answers(answer json.RawMessage) (out []members) {
	outer := membersOf(answer)
	for _, o := range []members{membersOf(outer["result"]), outer} {
		if o == nil {
			continue
		}
		out = append(out, o)
		for _, name := range []string{"task", "message", "statusUpdate", "artifactUpdate"} {
			if inner := membersOf(o[name]); inner != nil {
				out = append(out, inner)
			}
		}
	}
	return out
}

// StateOf is the state of the task that an agent answered with; "" when its answer is no task.
func StateOf(answer json.RawMessage) TaskState {
	for _, o := range answers(answer) {
		if s := taskStateOf(membersOf(o["status"]).text("state")); s != "" {
			return s
		}
	}
	return ""
}

// TaskID is the id of the task that an agent answered with; "" when its answer is no task, or names none.
func TaskID(answer json.RawMessage) string {
	for _, o := range answers(answer) {
		if taskStateOf(membersOf(o["status"]).text("state")) != "" {
			return o.text("id", "taskId")
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
	for _, o := range answers(answer) {
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
func statusParts(task members) []part {
	return partsOf(membersOf(membersOf(task["status"])["message"]))
}

// artifactsOf are the parts of each of a task's artifacts.
func artifactsOf(task members) (out [][]part) {
	var list []json.RawMessage
	_ = json.Unmarshal(task["artifacts"], &list) // of another shape: none
	if a, ok := task["artifact"]; ok {
		list = append(list, a)
	}
	for _, raw := range list {
		out = append(out, partsOf(membersOf(raw)))
	}
	return out
}

// readings are what an A2A body says, the first that says anything first: each is a list of groups of parts. A request
// has a message. An answer has a task's artifacts, all of them; else the message in its status; else parts of its own.
func readings(body json.RawMessage) (out [][][]part) {
	params := membersOf(membersOf(body)["params"])
	out = append(out, [][]part{partsOf(membersOf(params["message"]))}, [][]part{partsOf(params)})
	objects := answers(body)
	for _, o := range objects {
		out = append(out, artifactsOf(o))
	}
	for _, o := range objects {
		out = append(out, [][]part{statusParts(o)})
	}
	for _, o := range objects {
		out = append(out, [][]part{partsOf(o)})
	}
	return out
}

// join is what groups of parts say, a group on a line of its own.
func join(groups [][]part, say func([]part) string) string {
	var out []string
	for _, g := range groups {
		if text := say(g); text != "" {
			out = append(out, text)
		}
	}
	return strings.Join(out, "\n")
}

// Text is what a person reads of an A2A body, a message or an agent's answer: the joined texts of the first of its
// readings that has any; without any text, the names of its files and its data; else "".
func Text(body json.RawMessage) string {
	all := readings(body)
	for _, say := range []func([]part) string{said, named} {
		for _, groups := range all {
			if text := join(groups, say); text != "" {
				return text
			}
		}
	}
	return ""
}

// Summary is what a message says, for those who see only text: its Text, and beside a text a line for each file.
func Summary(body json.RawMessage) string {
	message := membersOf(membersOf(membersOf(body)["params"])["message"])
	parts := partsOf(message)
	text := said(parts)
	if text == "" {
		return Text(body)
	}
	for _, p := range parts {
		if line := p.named(); p.said() == "" && strings.HasPrefix(line, "file") {
			text += "\n" + line
		}
	}
	return text
}

// Readable is a message as a client can show it that reads only texts in parts: where no part says that it is text, one
// with text is added.
func Readable(body json.RawMessage, text string) json.RawMessage {
	rpc := membersOf(body)
	params := membersOf(rpc["params"])
	message := membersOf(params["message"])
	var parts []json.RawMessage
	if text == "" || said(partsOf(message)) != "" || json.Unmarshal(message["parts"], &parts) != nil {
		return body
	}
	message["parts"] = marshaled(append(parts, object{"kind": "text", "text": text}.raw()))
	params["message"] = marshaled(message)
	rpc["params"] = marshaled(params)
	return marshaled(rpc)
}

// Shown is what the clients that exist show of a message (wire contract, section 2.3): the texts of those parts that
// say that they are text. Where it is "", they show the summary of its row.
func Shown(body json.RawMessage) string {
	message := membersOf(membersOf(body)["params"])
	var out strings.Builder
	for _, p := range partsOf(membersOf(message["message"])) {
		if p.marked() {
			out.WriteString(p.text("text"))
		}
	}
	return out.String()
}
