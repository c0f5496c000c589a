package httpapi

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A name that differs from a known one in its case, in what joins its words or in one letter is taken for it; one that
// the clients that exist send, and that is none of ours, is taken for nothing.
func TestNearest(t *testing.T) {
	known := []string{"messageId", "url", "epoch", "active_tasks", "enrolment_token", "id", "workspace_id", "since_id"}
	for name, want := range map[string]string{
		"message_id": "messageId", "MessageID": "messageId", "URL": "url", "activeTasks": "active_tasks",
		"enrollment_token": "enrolment_token", "epcoh": "epoch", "epochs": "epoch", "epoh": "epoch", "apoch": "epoch",
		"workspaceId": "workspace_id", "sinceid": "since_id", "ur": "", "urll": "", "uid": "", "idd": "", "epo": "",
		"current_task": "", "runtime_metadata": "", "agent_card": "", "schema_version": "", "observed_generation": "",
		"mcp_tools_ready": "", "": "", "_": "",
	} {
		if got := nearest(name, known); got != want {
			t.Errorf("%s is taken for %q, want %q", name, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(known).Draw(t, "name")
		if got := nearest(name, known); got != name {
			t.Fatalf("%s is taken for %s", name, got)
		}
		if got := nearest(strings.ToUpper(strings.ReplaceAll(name, "_", "-")), known); got != name {
			t.Fatalf("%s in other letters is taken for %s", name, got)
		}
	})
}

// Two texts are one letter apart or not, whichever comes first.
func TestOneApart(t *testing.T) {
	letters := rapid.StringMatching(`[ab]{0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := letters.Draw(t, "a"), letters.Draw(t, "b")
		var near []string
		for i := range len(a) + 1 {
			for _, c := range "ab" {
				near = append(near, a[:i]+string(c)+a[i:])
				if i < len(a) {
					near = append(near, a[:i]+a[i+1:], a[:i]+string(c)+a[i+1:])
				}
			}
			if i+1 < len(a) {
				near = append(near, a[:i]+a[i+1:i+2]+a[i:i+1]+a[i+2:])
			}
		}
		if got := oneApart(a, b); got != (slices.Contains(near, b) || a == b) || got != oneApart(b, a) {
			t.Fatalf("%s and %s: %t", a, b, got)
		}
	})
}

// A name that nobody reads is meant for one with the same words, for one that it begins or ends with or that begins or
// ends with it, and for the same name at another place. None that the body has is meant, unless the name is spelled
// almost like it, and none for a name that the clients that exist send.
func TestMeant(t *testing.T) {
	heartbeat := KnownMembers("workspace_id", "id", "active_tasks", "is_busy", "error_rate", "sample_error",
		"runtime_state", "uptime_seconds", "epoch")
	message := KnownMembers("jsonrpc", "id", "method", "params", "params.message", "params.priority",
		"params.callback_url", "params.message.messageId", "params.message.parts")
	for _, c := range []struct {
		known             Known
		name, given, want string
	}{
		{KnownMembers("id", "url"), "workspace_id", "", "id"},
		{KnownMembers("id", "url"), "workspace_id", "id", ""},
		{KnownMembers("acked_seq", "epoch"), "seq", "", "acked_seq"},
		{KnownMembers("acked_seq", "epoch"), "lastAckedSeq", "", "acked_seq"},
		{KnownMembers("workspace_id", "uses", "expires_in_seconds"), "expires", "", "expires_in_seconds"},
		{KnownMembers("url", "statuses"), "status", "", "statuses"},
		{KnownMembers("url", "statuses"), "seconds", "", ""},
		{KnownMembers("url", "status"), "Status", "status", "status"},
		{heartbeat, "id_workspace", "", "workspace_id"},
		{heartbeat, "error", "", "error_rate or sample_error"},
		{heartbeat, "tasks", "", "active_tasks"},
		{heartbeat, "current_task", "", ""},
		{heartbeat, "runtime_metadata", "", ""},
		{message, "callback_url", "", "params.callback_url"},
		{message, "callback_url", "params.callback_url", ""},
		{message, "params.message.priority", "", "params.priority"},
		{message, "params.message.id", "id", "messageId"},
		{message, "params.message.id", "", "messageId or id"},
		{message, "params.MessageID", "", "params.message.messageId"},
		{message, "message", "", "params.message"},
		{message, strings.Repeat("x", 200), "", ""},
		{message, "", "", ""},
	} {
		meant, _ := c.known.meant(c.name, func(path string) bool { return path == c.given })
		if got := strings.Join(meant, " or "); got != c.want {
			t.Errorf("%s beside %q is meant for %q, want %q", c.name, c.given, got, c.want)
		}
	}
}
