package main

import (
	"encoding/json"
	"slices"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
)

// The members that the protocol has, in any version, or that the platform reads. Whatever else a sender writes reaches
// the agent too; the platform reads nothing of it, and its answer names it.
var (
	callMembers  = []string{"jsonrpc", "id", "method", "params"}
	paramMembers = []string{
		"message", "configuration", "metadata", "tenant", "expires_in_seconds", "priority", "callback_url",
	}
	messageMembers = []string{
		"messageId", "role", "parts", "content", "kind", "contextId", "taskId", "referenceTaskIds", "metadata", "extensions",
	}
)

// unreadOf names the members of a request that nobody but the agent reads. Of one that is a bare message, without
// params, bare is true. Of parts and content only parts are read.
func unreadOf(rpc, params, message members, bare bool) api.Unread {
	var names []string
	add := func(from members, prefix string, known ...[]string) {
		for name := range from {
			isKnown := func(list []string) bool { return slices.Contains(list, name) }
			if !slices.ContainsFunc(known, isKnown) {
				names = append(names, prefix+name)
			}
		}
	}
	inParams, inMessage := "params.", "params.message."
	if bare {
		inParams, inMessage = "", "message."
		add(params, inParams, paramMembers, callMembers)
	} else {
		add(rpc, "", callMembers)
		add(params, inParams, paramMembers)
	}
	add(message, inMessage, messageMembers)
	if present(message["parts"]) && present(message["content"]) {
		names = append(names, inMessage+"content")
	}
	if len(names) == 0 {
		return api.Unread{}
	}
	return httpapi.NameUnread(names, slices.Concat(messageMembers, paramMembers, callMembers))
}

// present reports whether a member is there, and not null.
func present(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }
