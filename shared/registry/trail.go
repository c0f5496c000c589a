package registry

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/retry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/visible"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Lines of the audit trail about what an agent changes. Each says from where, and
// with which credential. One workspace's calls leave a bounded number of them.

// agentLines are the kinds of the lines that an agent's calls leave. Those of an
// address that is new are bounded where they are noted (workspace.Facts.MovedNow).
var agentLines = map[string]workspace.LineKind{
	"url_changed":       workspace.LineOfAgent,
	"renamed":           workspace.LineOfAgent,
	"credential_issued": workspace.LineOfCredential,
	"credential_kept":   workspace.LineOfCredential,
	"credential_used":   workspace.LineOfCredential,
	"rotate":            workspace.LineOfCredential,
	"url_ended":         workspace.LineOfCredential,
}

// bounded is which of the lines that an agent's call leaves are written, and f with
// those that are left out counted.
func (r *Registry) bounded(
	f workspace.Facts, now time.Time, entries ...activity.AuditEntry,
) (next workspace.Facts, written []activity.AuditEntry) {
	for _, e := range entries {
		ok := true
		if kind, isBounded := agentLines[e.Action]; isBounded {
			f, ok = workspace.TraceLine(f, kind, r.Policy, now)
		}
		if ok {
			written = append(written, e)
		}
	}
	return f, written
}

// TellLeftOut writes the line that tells of those that were left out since the last
// one: how many, and how the agent is declared now. Without such lines it writes
// nothing.
func (r *Registry) TellLeftOut(ctx context.Context, f workspace.Facts, now time.Time) error {
	return retry.OnConflict(ctx, r.Clock, saveTries, func() error {
		if !f.LeftOut() || f.Hold == workspace.Removed {
			return nil
		}
		p, err := r.Profiles.Profile(ctx, f.ID)
		if err != nil {
			return err
		}
		next := workspace.TellLeftOut(f)
		line := leftOut(f, p, now)
		if err = r.Leases.Save(ctx, f, next, SaveExtras{Audit: lines(&line)}); err == nil {
			return nil
		} else if again, readErr := r.Leases.Get(ctx, f.ID); readErr == nil {
			f = again
		}
		return err
	})
}

func leftOut(f workspace.Facts, p workspace.Profile, now time.Time) activity.AuditEntry {
	return activity.AuditEntry{
		Actor: activity.Actor{Who: "rollcall"}, Action: "lines_left_out", At: now,
		Summary: fmt.Sprintf("of its agent's calls, %d lines about what they declare and %d about credentials are left "+
			"out, as they were too many: its URL is %s now, its name %s, and it calls from %s", f.LinesLeftOut,
			f.CredentialLinesLeftOut, quoted(shownURL(p.URL)), quoted(p.ShownName()), cmp.Or(f.SeenFrom, none)),
	}
}

// changes are the lines of a register: was is the profile before it, old are the
// facts before it and next those after it.
func changes(
	in Registration, credential string, was workspace.Profile, old, next workspace.Facts, now time.Time,
) (out []activity.AuditEntry) {
	if was.URL != "" && was.URL != in.URL {
		summary := fmt.Sprintf("its URL is %s now, and was %s", quoted(shownURL(in.URL)), quoted(shownURL(was.URL)))
		out = append(out, byAgent("url_changed", summary, in.From, credential, now))
	}
	if !next.MovedAt.Equal(old.MovedAt) {
		out = append(out, *moved(next, credential, now))
	}
	if in.Card != nil {
		out = append(out, lines(renamed(was, in.CardName, in.From, credential, now))...)
	}
	return out
}

// byAgent is a line about what an agent did.
func byAgent(action, summary, from, credential string, now time.Time) activity.AuditEntry {
	return activity.AuditEntry{
		Actor: activity.Actor{Who: "agent", From: from}, Action: action, At: now,
		Summary: fmt.Sprintf("%s (with credential %s)", summary, token.Name(credential)),
	}
}

// forgetURL has the profile's URL forgotten, and its secret replaced, when the change from old to next ends the
// credential that they were registered with. It returns the line of the URL; none when there was none.
func (r *Registry) forgetURL(
	ctx context.Context, old, next workspace.Facts, extras *SaveExtras, now time.Time,
) (line []activity.AuditEntry, err error) {
	if !workspace.EndsURL(old, next) {
		return line, nil
	}
	was, err := r.Profiles.Profile(ctx, next.ID)
	if err != nil {
		return line, err
	}
	var profile workspace.ProfileChange
	if extras.Profile != nil {
		profile = *extras.Profile
	}
	signing := was.Signing.After(old, next, token.SigningSecret(), now)
	profile.URL, profile.Signing = new(string), &signing
	extras.Profile = &profile
	if was.URL == "" {
		return line, nil
	}
	return append(line, activity.AuditEntry{
		Actor: activity.Actor{Who: "rollcall"}, Action: "url_ended", At: now,
		Summary: fmt.Sprintf("its URL %s is not called any more: the credential that it was registered with ended",
			quoted(shownURL(was.URL))),
	}), nil
}

// moved is the line of an address that is new.
func moved(f workspace.Facts, credential string, now time.Time) *activity.AuditEntry {
	e := byAgent("address_changed", f.MovedWords(now), f.SeenFrom, credential, now)
	return &e
}

// renamed is the line of an agent card that gives the workspace another name; nil
// when it does not.
func renamed(was workspace.Profile, cardName, from, credential string, now time.Time) *activity.AuditEntry {
	after := was
	after.CardName = cardName
	if was.ShownName() == "" || was.ShownName() == after.ShownName() {
		return nil
	}
	summary := fmt.Sprintf("its agent card names it %s now, and it was %s",
		quoted(after.ShownName()), quoted(was.ShownName()))
	e := byAgent("renamed", summary, from, credential, now)
	return &e
}

// shownURL is a URL without what may be secret in it: its query.
func shownURL(url string) string {
	shown, query, _ := strings.Cut(url, "?")
	if query != "" {
		shown += "?…"
	}
	return shown
}

// none stands for what is not there.
const none = "none"

// quoted is what an agent declares, as it stands in a line.
func quoted(s string) string { return visible.QuotedOr(s, none) }

// SetCard replaces a workspace's agent card, on its own call. It is written only while
// the credential is good. Errors: those of AuthenticateCall, operator_first.
func (r *Registry) SetCard(
	ctx context.Context, id, credential, from, name string, card []byte, now time.Time,
) (workspace.Facts, error) {
	f, err := r.AuthenticateCall(ctx, id, credential, from, now)
	if err != nil {
		return f, err
	}
	was, err := r.Profiles.Profile(ctx, id)
	if err != nil {
		return f, err
	}
	profile := workspace.ProfileChange{CardName: &name}.WithCard(was, card)
	if was.CardName == name && profile.Card == nil {
		return f, nil
	}
	line := renamed(was, name, from, credential, now)
	err = retry.OnConflict(ctx, r.Clock, saveTries, func() error {
		old, err := r.Read(ctx, id)
		if err != nil {
			return err
		}
		if err := (Own{credential, f.Lives}).check(old); err != nil {
			return err
		}
		if err := old.CheckPrecedence(now); err != nil {
			return err
		}
		next := old
		next.Version++
		next, audit := r.bounded(next, now, lines(line)...)
		return r.Leases.Save(ctx, old, next, SaveExtras{Profile: &profile, Audit: audit})
	})
	return f, err
}
