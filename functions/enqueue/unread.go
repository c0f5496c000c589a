package main

import (
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
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

// The members of a part of a message, in any version of A2A and in older senders' words, and those of its file.
var (
	partMembers = []string{
		"kind", "type", "text", "file", "data", "metadata", "url", "uri", "raw", "bytes", "name", "filename", "mimeType",
		"mime_type", "mediaType",
	}
	fileMembers = []string{
		"name", "filename", "mimeType", "mime_type", "mediaType", "uri", "url", "fileWithUri", "bytes", "raw",
		"fileWithBytes", "metadata",
	}
)

// configurationMembers are those of A2A. What else a sender writes there may be meant for a member of params.
var configurationMembers = []string{
	"acceptedOutputModes", "blocking", "historyLength", "pushNotificationConfig", "returnImmediately",
	"taskPushNotificationConfig",
}

// unreadOf names the members of a request that nobody but the agent reads. Of one that is a bare message, without
// params, bare is true. Of parts and content only parts are read.
func unreadOf(rpc, params, message members, bare bool) api.Unread {
	inParams, inMessage := "params.", "params.message."
	if bare && message == nil && slices.ContainsFunc(slices.Collect(maps.Keys(params)), func(name string) bool {
		return httpapi.Almost(name, "params")
	}) {
		rpc, params, bare = params, nil, false // a request, whose params are misspelt
	}
	if bare {
		inParams, inMessage, rpc = "", "message.", nil
	}
	known := slices.Concat(placed(inParams, paramMembers), placed(inMessage, messageMembers))
	if bare {
		known = slices.Concat(placed("", callMembers), known)
		known = slices.DeleteFunc(known, func(path string) bool { return path == "params" }) // it has none
	} else {
		known = slices.Concat(known, placed("", callMembers))
	}
	has := members{}
	var names, inside []string
	add := func(from members, prefix string) {
		for name, value := range from {
			if has[prefix+name] = value; !slices.Contains(known, prefix+name) {
				names = append(names, prefix+name)
				inside = append(inside, httpapi.Inside(prefix+name, value)...)
			}
		}
	}
	add(rpc, "")
	add(params, inParams)
	add(message, inMessage)
	if present(message["parts"]) && present(message["content"]) {
		names = append(names, inMessage+"content")
	}
	configuration := inParams + "configuration"
	names = append(names, unknownIn(configuration, has[configuration])...)
	for place, part := range partsIn(message, inMessage) {
		fields := partMembers
		if strings.HasSuffix(place, ".file.") {
			fields = fileMembers
		}
		known = append(known, placed(place, fields)...)
		add(part, place)
	}
	if len(names) == 0 {
		return api.Unread{}
	}
	slices.Sort(inside)
	given := func(path string) bool { // parts are read in the place of content
		return present(has[path]) || path == inMessage+"content" && present(message["parts"])
	}
	return httpapi.KnownMembers(known...).Unread(names, inside, given)
}

// taskMembers are those of the params of a call about a task, in any version of A2A.
var taskMembers = []string{"id", "historyLength", "metadata", "tenant", "name"}

// unreadTask names the members of a call about a task that nobody but the agent reads.
func unreadTask(rpc, params members) api.Unread {
	known := slices.Concat(callMembers, placed("params.", taskMembers))
	has := members{}
	var names []string
	for prefix, from := range map[string]members{"": rpc, "params.": params} {
		for name, value := range from {
			if has[prefix+name] = value; !slices.Contains(known, prefix+name) {
				names = append(names, prefix+name)
			}
		}
	}
	if len(names) == 0 {
		return api.Unread{}
	}
	return httpapi.KnownMembers(known...).Unread(names, nil, func(path string) bool { return present(has[path]) })
}

// maxPartsRead is of how many parts the members are looked at.
const maxPartsRead = 20

// partsIn are the parts of a message and their files, each by the place that its members stand in. What is no object is
// none.
func partsIn(message members, place string) iter.Seq2[string, members] {
	name := "parts"
	if !present(message[name]) {
		name = "content"
	}
	raw := message[name]
	if name == "content" && strings.HasPrefix(string(raw), "{") {
		raw = json.RawMessage("[" + string(raw) + "]")
	}
	return func(yield func(string, members) bool) {
		i := 0
		for one := range chat.Elements(raw) {
			at := place + name + "." // content may be one part
			if chat.IsList(message[name]) {
				at = place + name + "[" + strconv.Itoa(i) + "]."
			}
			var part, file members
			if i++; i > maxPartsRead || json.Unmarshal(one, &part) == nil && part != nil && !yield(at, part) {
				return
			}
			if json.Unmarshal(part["file"], &file) == nil && file != nil && !yield(at+"file.", file) {
				return
			}
		}
	}
}

// unknownIn are the members of a configuration that A2A does not have.
func unknownIn(path string, configuration json.RawMessage) []string {
	return slices.DeleteFunc(httpapi.Inside(path, configuration), func(member string) bool {
		return slices.Contains(configurationMembers, strings.TrimPrefix(member, path+"."))
	})
}

// placed are the paths of members of one place.
func placed(place string, names []string) (paths []string) {
	for _, name := range names {
		paths = append(paths, place+name)
	}
	return paths
}

// present reports whether a member is there, and not null.
func present(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }
