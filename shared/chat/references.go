package chat

import "encoding/json"

// referenceMembers are the members in which a message names what it answers: the words of A2A (referenceTaskIds,
// taskId, contextId) and those that clients use in metadata and in data parts.
var referenceMembers = []string{
	"referenceTaskIds", "reference_task_ids", "taskId", "task_id", "contextId", "context_id",
	"delegationId", "delegation_id", "inReplyTo", "in_reply_to", "replyTo", "reply_to",
}

// quoteMembers name a message elsewhere than in the message itself, whose own id they are there.
var quoteMembers = append([]string{"messageId", "message_id"}, referenceMembers...)

// References are the ids of what a message says that it answers: in its own members, in the metadata of the message and
// of the call, and in its data parts. Nothing else counts, neither its time nor its text.
func References(body json.RawMessage) map[string]bool {
	var rpc, params, message, metadata members
	out := map[string]bool{}
	if json.Unmarshal(body, &rpc) != nil {
		return out
	}
	_ = json.Unmarshal(rpc["params"], &params) // what has another shape refers to nothing
	_ = json.Unmarshal(params["message"], &message)
	collect := func(from members, names []string) {
		for _, name := range names {
			var one string
			var many []string
			if json.Unmarshal(from[name], &one) == nil {
				many = []string{one}
			} else if json.Unmarshal(from[name], &many) != nil {
				continue
			}
			for _, id := range many {
				if id != "" {
					out[id] = true
				}
			}
		}
	}
	collect(message, referenceMembers)
	for _, raw := range []json.RawMessage{params["metadata"], message["metadata"]} {
		metadata = nil
		_ = json.Unmarshal(raw, &metadata)
		collect(metadata, quoteMembers)
	}
	var parts []struct {
		Data     members `json:"data"`
		Metadata members `json:"metadata"`
	}
	_ = json.Unmarshal(message["parts"], &parts)
	for _, p := range parts {
		collect(p.Data, quoteMembers)
		collect(p.Metadata, quoteMembers)
	}
	return out
}
