package workspace

import (
	"slices"
	"strings"

	"github.com/rollcall/rollcall/shared/fault"
)

// Users stands for all users where a sender is asked for. What they sent has no source.
const Users = "users"

// Platform is the source of what the platform itself says. It begins as no workspace's id does, so nobody can take it,
// and nothing can be sent to it: what answers each message that it gets can't answer this one.
const Platform = "_rollcall"

// PlatformName is what the platform is called as a sender.
const PlatformName = "Rollcall"

// kindWords are the words that say of what kind a sender is, or that all are meant. No new workspace is called so, in
// any case: what says who sent a message would name another one by it.
var kindWords = []string{
	"admin", "anyone", "operator", "operators", "people", "person", "platform", "probe", "rollcall", "root", "user",
	Users, "workspace", "workspaces",
}

// asWorkspace is before the id of a workspace that is called as a kind of sender: it was made before that was refused.
const asWorkspace = "workspace:"

// IsKind reports whether an id is a word for a kind of sender.
func IsKind(id string) bool { return slices.Contains(kindWords, strings.ToLower(id)) }

// CheckNewID refuses an id that no workspace is made with: one that CheckID refuses, and a word for a kind of sender.
// Error: invalid_workspace_id.
func CheckNewID(id string) error {
	if err := CheckID(id); err != nil || !IsKind(id) {
		return err
	}
	return fault.New(fault.InvalidWorkspaceID,
		"no workspace can be called %s: the word says of what kind a sender is", id).WithHint("choose another id", "stop")
}

// IsFrom reports whether source is that of a sender, by its SenderName; "" is anyone.
func IsFrom(source, sender string) bool {
	id, marked := strings.CutPrefix(sender, asWorkspace)
	return sender == "" || (marked && source == id) || SenderName(source) == sender
}

// CheckSender refuses what names no sender, see IsFrom. Error: invalid_workspace_id.
func CheckSender(sender string) error {
	if sender == "" || sender == Users || sender == Platform {
		return nil
	}
	id, marked := strings.CutPrefix(sender, asWorkspace)
	if err := CheckID(id); err != nil || marked || !IsKind(id) {
		return err
	}
	return fault.New(fault.InvalidWorkspaceID, "%s names no sender: the word says of what kind one is", id).WithHint(
		"say "+Users+" for what users sent, or "+SenderName(id)+" for a workspace that has this id", "stop")
}

// SenderName is what to call the sender of a message, also where one is asked for: its workspace's id, Users, or
// Platform. An id that is a word for a kind of sender is marked as a workspace's, so no two senders have one name.
func SenderName(source string) string {
	switch {
	case source == "":
		return Users
	case IsKind(source):
		return asWorkspace + source
	}
	return source
}

// PersonName is what to call the person who sent a message. It has a space in it, as no workspace's SenderName has.
func PersonName(name string) string { return "person " + name }
