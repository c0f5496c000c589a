package api

import (
	"slices"
	"strings"
	"time"
)

// Tagged is implemented by a reply of which a caller may keep a copy. Where a GET gives it, it comes with an entity
// tag, and a caller that sends the tag back is told that its copy still holds.
type Tagged interface {
	// Lasting is the reply without what moves though nothing happened: the times of an agent's last calls, which
	// each heartbeat moves, and ages. The tag is made of it.
	Lasting() any
}

var _, _, _, _ Tagged = Workspace{}, Fleet{}, Events{}, File{}

// IsTagged reports whether the replies of the operation have an entity tag.
func (o *Operation) IsTagged() bool {
	_, ok := o.Replies[0].Body.(Tagged)
	return ok && strings.HasPrefix(o.Route, "GET ")
}

// Lasting implements Tagged.
func (w Workspace) Lasting() any { return w.lasting() }

func (w Workspace) lasting() Workspace {
	w.LastHeard, w.LastHeartbeat, w.LeaseUntil, w.RecheckAt = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	w.Inbox.LastPollAt, w.Inbox.OldestAgeSeconds = time.Time{}, 0
	w.Evidence = slices.Clone(w.Evidence)
	for i := range w.Evidence {
		w.Evidence[i].At = time.Time{}
	}
	return w
}

// Lasting implements Tagged.
func (f Fleet) Lasting() any {
	f.Workspaces = slices.Clone(f.Workspaces)
	for i, w := range f.Workspaces {
		f.Workspaces[i] = w.lasting()
	}
	return f
}

// Lasting implements Tagged: a change that is recorded stays as it is.
func (e Events) Lasting() any { return e }
