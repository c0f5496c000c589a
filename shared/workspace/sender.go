package workspace

// Users stands for all users where a sender is asked for. What they sent has no source.
const Users = "users"

// Platform is the source of what the platform itself says. It begins as no workspace's id does, so nobody can take it,
// and nothing can be sent to it: what answers each message that it gets can't answer this one.
const Platform = "_rollcall"

// PlatformName is what the platform is called as a sender.
const PlatformName = "Rollcall"

// IsFrom reports whether source is that of a sender: a workspace by its id, Users, or "" for anyone.
func IsFrom(source, sender string) bool {
	switch sender {
	case "":
		return true
	case Users:
		return source == ""
	}
	return source == sender
}

// CheckSender refuses what names no sender, see IsFrom. Error: invalid_workspace_id.
func CheckSender(sender string) error {
	if sender == "" || sender == Users || sender == Platform {
		return nil
	}
	return CheckID(sender)
}

// SenderName is what to call the sender of a message, also where one is asked for: its workspace's id, or Users.
func SenderName(source string) string {
	if source == "" {
		return Users
	}
	return source
}
