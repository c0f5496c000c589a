package chat

import (
	"encoding/json"
	"iter"
)

// referenceMembers are the members in which a message names what it answers: the words of A2A (referenceTaskIds,
// taskId, contextId) and those that clients use in metadata and in data parts.
var referenceMembers = []string{
	"referenceTaskIds", "reference_task_ids", "taskId", "task_id", "contextId", "context_id",
	"delegationId", "delegation_id", "inReplyTo", "in_reply_to", "replyTo", "reply_to",
}

// quoteMembers name a message elsewhere than in the message itself, whose own id they are there.
var quoteMembers = append([]string{"messageId", "message_id"}, referenceMembers...)

// References are the ids of what a message says that it answers: in its own members, in the metadata of the message and
// of the call, and in its data parts. Nothing else counts, neither its time nor its text. An id may come twice.
func References(body json.RawMessage) iter.Seq[string] {
	return func(yield func(string) bool) {
		params := ObjectOf(body).Object("params")
		message := params.Object("message")
		if !message.ids(referenceMembers, yield) || !params.Object("metadata").ids(quoteMembers, yield) ||
			!message.Object("metadata").ids(quoteMembers, yield) {
			return
		}
		for p := range group(message.Get("parts")).parts() {
			for _, name := range []string{"data", "metadata"} {
				if !p.Object.Object(name).ids(quoteMembers, yield) {
					return
				}
			}
		}
	}
}

// ids yields the texts of the members of these names, which may be lists of texts.
func (o Object) ids(names []string, yield func(string) bool) bool {
	for _, name := range names {
		v := o.Get(name)
		if id := textOf(v); id != "" && !yield(id) {
			return false
		}
		for raw := range Elements(v) {
			if id := textOf(raw); id != "" && !yield(id) {
				return false
			}
		}
	}
	return true
}
