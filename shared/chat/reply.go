package chat

import (
	"encoding/json"
	"fmt"
)

// replyMembers name what a message is the reply to.
var replyMembers = []string{
	"inReplyTo", "in_reply_to", "replyTo", "reply_to", "delegationId", "delegation_id",
}

// Replies reports whether a message says that it is a reply, in its metadata or in its data. A reply asks nothing.
func Replies(body json.RawMessage) bool {
	params := ObjectOf(body).Object("params")
	message := params.Object("message")
	for _, place := range []Object{message, params.Object("metadata"), message.Object("metadata")} {
		if place.Text(replyMembers...) != "" {
			return true
		}
	}
	for p := range partsOf(message).parts() {
		if p.Object.Object("data").Text(replyMembers...) != "" || p.Object.Object("metadata").Text(replyMembers...) != "" {
			return true
		}
	}
	return false
}

// asked reports whether the message is one whose end is told to a workspace by a message: a workspace sent it to
// another one. Whoever gave a callback URL is told there. What the platform itself sends, such as an answer, asks
// nothing.
func (m Message) asked() bool {
	return m.Source != "" && m.Source != m.Workspace && m.AnswerTo == "" && m.Callback == "" && !m.Probe
}

// OwesAnswer reports whether the sender of an ended message is owed an answer: a workspace that asked, and whose peer
// has answered a push with something to read. An answer is owed none, and a workspace that writes to itself has given
// its answer already: it stands in the receipt.
func (m Message) OwesAnswer() bool {
	return m.asked() && m.State == Delivered && len(m.Answer) > 0 && !Replies(m.Body) &&
		(m.AnswerText() != "" || m.TaskError() != "")
}

// Lost reports whether a message ended undelivered though its sender wanted it delivered: it can be put back.
func (m Message) Lost() bool {
	return (m.State == Dead || m.State == Expired) && !m.Probe && !m.ByWish
}

// OwesNotice reports whether the sender of an ended message is owed a notice that it was not delivered: a workspace
// that has not cancelled it itself. An answer of an agent is a message of its own, and owed a notice too.
func (m Message) OwesNotice() bool {
	lost := m.State == Expired || m.State == Dead || m.State == Cancelled
	return m.asked() && lost && !(m.State == Cancelled && m.ByWish)
}

// OwesAnswerOrNotice reports whether the sender of an ended message is owed a message about it: its answer, or a
// notice.
func (m Message) OwesAnswerOrNotice() bool { return m.OwesAnswer() || m.OwesNotice() }

// TellsItsEnd reports whether anybody is to be told of the end of an ended message.
func (m Message) TellsItsEnd() bool { return m.Callback != "" || m.OwesAnswerOrNotice() }

// Undelivered is what a notice says in its metadata that it is about.
const Undelivered = "message_undelivered"

// Notice is the message that tells the sender of m that it was not delivered, under an id. from is who says so. It is
// no question, whatever becomes of it: nobody is told of its end.
func (m Message) Notice(id, from string) Message {
	text := fmt.Sprintf("Rollcall: your message %s to %s was not delivered. It is %s: %s. Do not answer this message.",
		m.ID, m.Workspace, m.State, m.Reason)
	related := []string{m.ID}
	metadata := object{
		"platform_event": Undelivered, "in_reply_to": m.ID, "target_id": m.Workspace, "state": m.State, "reason": m.Reason,
	}
	if m.Delegation != "" {
		related, metadata["delegation_id"] = append(related, m.Delegation), m.Delegation
	}
	return platformMessage(id, from, m, object{
		"role": "user", "messageId": id, "parts": []object{{"kind": "text", "text": text}},
		"referenceTaskIds": related, "metadata": metadata,
	})
}

// platformMessage is a message that the platform sends to the sender of m about it, in the name of from.
func platformMessage(id, from string, m Message, message object) Message {
	return Message{
		ID: id, Workspace: m.Source, Source: from, Method: "message/send", Priority: m.Priority, AnswerTo: m.ID,
		Body: object{
			"jsonrpc": "2.0", "id": id, "method": "message/send", "params": object{"message": message},
		}.raw(),
	}
}

// ReportedState is the state of the task that a message tells of in its metadata; "" when it tells of none.
func ReportedState(body json.RawMessage) TaskState {
	return taskStateOf(messageIn(body).Object("metadata").Text("task_state"))
}

// Answered is the message that brings the answer of m to its sender, under an id.
func (m Message) Answered(id string) Message {
	related := []string{m.ID}
	metadata := object{"in_reply_to": m.ID}
	if m.Delegation != "" {
		related, metadata["delegation_id"] = append(related, m.Delegation), m.Delegation
	}
	if s := m.TaskState(); s != "" {
		metadata["task_state"] = string(s)
	}
	for _, o := range answers(ObjectOf(m.Answer)) {
		for _, name := range []string{"contextId", "taskId"} {
			if v := o.Text(name); v != "" {
				metadata[name] = v
			}
		}
	}
	answer := platformMessage(id, m.Workspace, m, object{
		"role": "user", "messageId": id, "parts": m.answerParts(), "referenceTaskIds": related, "metadata": metadata,
	})
	answer.SourceLife = m.Life
	return answer
}

// answerParts are the parts of the answer, as clients read them: each names its kind.
func (m Message) answerParts() (out []json.RawMessage) {
	if words := m.TaskError(); words != "" {
		return []json.RawMessage{object{"kind": "text", "text": words}.raw()}
	}
	for _, say := range []func(group) string{said, named} {
		for _, all := range readings(m.Answer) {
			if join(all, say) == "" {
				continue
			}
			line := ""
			for g := range all {
				start := line
				for p := range g.parts() {
					out, start = append(out, p.kept(start)), ""
				}
				line = "\n"
			}
			return out
		}
	}
	return nil
}

// kept is the part with its kind, and with a line end before its text where it begins a line.
func (p part) kept(line string) json.RawMessage {
	raw := []byte(p.Object)
	if text := p.said(); line != "" && text != "" {
		raw = Object(raw).with("text", marshaled(line+text))
	}
	if kind := kindOf(Object(raw)); kind != nil && string(kind) != string(Object(raw).Get("kind")) {
		raw = Object(raw).with("kind", kind)
	}
	return raw
}

// kinds are the members that show the kind of a part that doesn't name it.
var kinds = []struct{ member, kind string }{
	{"text", "text"}, {"file", "file"}, {"url", "file"}, {"raw", "file"}, {"data", "data"},
}

// kindOf is the kind of a part, where a member names it or shows it; nil else.
func kindOf(p Object) json.RawMessage {
	if kind := p.Text("kind", "type"); kind != "" {
		return marshaled(kind)
	}
	for _, k := range kinds {
		if p.Get(k.member) != nil {
			return marshaled(k.kind)
		}
	}
	return nil
}

// NameKind fills in the kind of a part, where type names it or its members show it. Readers of A2A up to 0.3 look for
// it.
func NameKind(p map[string]json.RawMessage) {
	if kind := members(p).text("kind", "type"); kind != "" {
		p["kind"] = marshaled(kind)
		return
	}
	for _, k := range kinds {
		if _, ok := p[k.member]; ok {
			p["kind"] = marshaled(k.kind)
			return
		}
	}
}

// Result is the result of an agent's answer, as JSON-RPC has it. Where it has no parts of its own, as a task has none,
// its text is added as one: some clients read nothing else.
func Result(answer json.RawMessage) json.RawMessage {
	raw := answer
	if outer := ObjectOf(answer); outer.Has("result") {
		raw = outer.Get("result")
	}
	result, text := ObjectOf(raw), Text(answer)
	if result == nil || result.Has("parts") || text == "" {
		return raw
	}
	return result.with("parts", marshaled([]object{{"kind": "text", "text": text}}))
}

// CallID is the id of the JSON-RPC call that a body is; null when it has none.
func CallID(body json.RawMessage) json.RawMessage {
	if id := ObjectOf(body).Get("id"); id != nil {
		return id
	}
	return json.RawMessage("null")
}

// cutNote says that a text is the beginning of an answer.
func cutNote(size int) string { return fmt.Sprintf("\n[cut: the answer has %d bytes]", size) }
