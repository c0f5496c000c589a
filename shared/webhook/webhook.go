// Package webhook tells the URLs that operators name of the changes of status, as Standard Webhooks say. Of a webhook
// only a place in the log of changes is kept: nothing is stored for an event, and one that was out of order for a while
// goes on where it was.
package webhook

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/retry"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// MaxHooks is how many webhooks a deployment has, at most.
const MaxHooks = 10

// Hook is a webhook.
type Hook struct {
	ID       string
	URL      string
	Statuses []workspace.Status // it is told of changes from or to these; none: of all
	Secret   string             // that signs, in the form of Standard Webhooks
	Former   string             // the secret before, which signs too until FormerUntil
	// FormerUntil is when the former secret ends; zero: there is none.
	FormerUntil time.Time
	CreatedAt   time.Time
	CreatedBy   string
	// SecretTo and FormerTo were shown the secrets, as the audit trail has them.
	SecretTo, FormerTo string
	// The lines (activity.Actor) of who made it, of who enabled it last, and of who was shown the secrets.
	MadeLine, EnabledLine, SecretLine, FormerLine string
	// EnabledBy is who enabled it last; "": nobody did.
	EnabledBy string
	// TakenOver: somebody enabled it after its maker's credential was revoked, and answers for it since.
	TakenOver bool

	Last   int64 // number of the last change that it was told of, or that is not for it
	Missed int64 // changes that the log no longer had when it came to them

	TakenAt time.Time // when it took an event last; zero: never
	// What failed since: how often, since when, what it answered last (0: nothing), in words, and when the next try is.
	Failures     int
	FailingSince time.Time
	LastStatus   int
	LastError    string
	NextTry      time.Time

	DisabledAt time.Time // zero: it is enabled
	Disabled   string    // why it is not

	ClaimedUntil time.Time // somebody sends to it until then
	Version      int64
}

// Wants reports whether the webhook is told of a change.
func (h Hook) Wants(c statuslog.Change) bool {
	return len(h.Statuses) == 0 || slices.Contains(h.Statuses, c.To.Status) ||
		(c.From != nil && slices.Contains(h.Statuses, c.From.Status))
}

// Host is the host of the URL. The rest of it may be a secret of the receiver's, which the audit trail does not keep.
func (h Hook) Host() string {
	u, err := url.Parse(h.URL)
	if err != nil {
		return "an unreadable URL"
	}
	return u.Host
}

// Secrets are those that sign at a time, the newer one first.
func (h Hook) Secrets(now time.Time) []string {
	if h.Former != "" && now.Before(h.FormerUntil) {
		return []string{h.Secret, h.Former}
	}
	return []string{h.Secret}
}

// due reports whether something may be sent to it: the log is at latest.
func (h Hook) due(latest int64, now time.Time) bool {
	rests := holds(h.NextTry, longestPause+longestPause/10, now)
	return h.DisabledAt.IsZero() && h.Last < latest && !rests && !holds(h.ClaimedUntil, claimFor, now)
}

// holds reports whether a time that is at most so far ahead is still to come. One that is further ahead was noted by a
// clock that jumped.
func holds(until time.Time, most time.Duration, now time.Time) bool {
	return now.Before(until) && until.Sub(now) <= most+workspace.MaxSkew
}

// Store keeps webhooks. Errors: webhook_unknown, conflict, platform_unavailable.
type Store interface {
	// AddHook stores a new one, with its audit line.
	AddHook(ctx context.Context, h Hook, by activity.AuditEntry) error
	// Hook reads one by its id, strongly consistent.
	Hook(ctx context.Context, id string) (Hook, error)
	// AnyHook reports whether there is one, for a function that need not know more. It may be late by a moment.
	AnyHook(ctx context.Context) (bool, error)
	// Hooks lists all, in no order.
	Hooks(ctx context.Context) ([]Hook, error)
	// SaveHook writes h, if the version before it is still stored; with an audit line, unless by is nil. Error: conflict.
	SaveHook(ctx context.Context, h Hook, by *activity.AuditEntry) error
	// RemoveHook ends one, with its audit line.
	RemoveHook(ctx context.Context, id string, by activity.AuditEntry) error
}

// Log is the log of changes (statuslog.Store).
type Log interface {
	Changes(ctx context.Context, after int64, limit int) ([]statuslog.Change, error)
	LatestChange(ctx context.Context) (int64, error)
}

// Sender posts an event to a URL, signed with these secrets. status is what was answered, 0 when nothing was, and media
// the media type of an answer that took it, "" when it has none.
type Sender interface {
	SendEvent(
		ctx context.Context, to, id string, at time.Time, secrets []string, body []byte,
	) (status int, media string, err error)
}

// Bell has somebody send what is due, after a while.
type Bell interface {
	RingWebhooks(ctx context.Context, after time.Duration) error
}

// Guard says why policy forbids to call a URL; "" when it allows that.
type Guard interface{ Objection(to string) (why string) }

// Service makes webhooks and sends to them.
type Service struct {
	Store  Store
	Log    Log
	Sender Sender
	Bell   Bell
	Guard  Guard
	Clock  clock.Clock

	known known
}

// saveTries bounds the races of an operator with who sends to the webhook.
const saveTries = 8

// formerFor is how long the secret before a rotation signs too.
const formerFor = 24 * time.Hour

// Create makes a webhook. It is told of the changes from now on. One that would be told the same at the same URL as
// another is refused: most likely the answer to the call that made that one was lost. Errors: url_forbidden,
// invalid_request, webhook_exists, platform_unavailable.
func (s *Service) Create(ctx context.Context, to string, statuses []workspace.Status, by activity.Actor) (Hook, error) {
	if why := s.Guard.Objection(to); why != "" {
		return Hook{}, fault.New(fault.URLForbidden, "url can't be used: %s", why).
			WithHint("name an http(s) URL that the platform reaches", "stop")
	}
	for _, status := range statuses {
		if !slices.Contains(status.Choices(), string(status)) {
			return Hook{}, fault.New(fault.InvalidRequest, "there is no status %q", status).
				WithHint("statuses are "+strings.Join(status.Choices(), ", "), "stop")
		}
	}
	all, err := s.Store.Hooks(ctx)
	if err != nil {
		return Hook{}, err
	}
	if i := slices.IndexFunc(all, func(h Hook) bool { return h.URL == to && sameStatuses(h.Statuses, statuses) }); i >= 0 {
		return Hook{}, fault.New(fault.WebhookExists, "webhook %s has this URL and these statuses already", all[i].ID).
			WithHint("rollcall webhook rotate "+all[i].ID+" gives it a new secret", fault.ActionStop)
	}
	if len(all) >= MaxHooks {
		return Hook{}, fault.New(fault.InvalidRequest, "there are %d webhooks already, and no more are possible", len(all)).
			WithHint("delete one that is not used: rollcall webhook list", "stop")
	}
	latest, err := s.Log.LatestChange(ctx)
	if err != nil {
		return Hook{}, err
	}
	now := s.Clock.Now()
	h := Hook{
		ID: uuid.NewString()[:8], URL: to, Statuses: statuses, Secret: token.SigningSecret(),
		CreatedAt: now, CreatedBy: by.Who, SecretTo: by.Who, MadeLine: by.Line, SecretLine: by.Line,
		Last: latest, Version: 1,
	}
	return h, s.Store.AddHook(ctx, h, activity.AuditEntry{
		Actor: by, Action: "webhook_created", At: now, Summary: fmt.Sprintf("webhook %s made for %s", h.ID, h.Host()),
	})
}

// sameStatuses reports whether two lists have the same statuses, in whatever order; none are all.
func sameStatuses(a, b []workspace.Status) bool {
	notIn := func(list []workspace.Status) func(workspace.Status) bool {
		return func(s workspace.Status) bool { return !slices.Contains(list, s) }
	}
	return !slices.ContainsFunc(a, notIn(b)) && !slices.ContainsFunc(b, notIn(a))
}

// Delete ends a webhook. Errors: webhook_unknown, platform_unavailable.
func (s *Service) Delete(ctx context.Context, id string, by activity.Actor) (Hook, error) {
	h, err := s.Store.Hook(ctx, id)
	if err != nil {
		return h, err
	}
	return h, retry.OnConflict(ctx, s.Clock, saveTries, func() error {
		return s.Store.RemoveHook(ctx, id, activity.AuditEntry{
			Actor: by, Action: "webhook_deleted", At: s.Clock.Now(),
			Summary: fmt.Sprintf("webhook %s of %s deleted", id, h.Host()),
		})
	})
}

// Rotate gives a webhook a new secret. The one before signs too, for a day. Errors: webhook_unknown,
// platform_unavailable.
func (s *Service) Rotate(ctx context.Context, id string, by activity.Actor) (Hook, error) {
	return s.change(ctx, id, by, func(h *Hook, now time.Time) activity.AuditEntry {
		h.Former, h.FormerTo, h.FormerUntil = h.Secret, h.SecretTo, now.Add(formerFor)
		h.FormerLine = h.SecretLine
		h.Secret, h.SecretTo, h.SecretLine = token.SigningSecret(), by.Who, by.Line
		return activity.AuditEntry{Action: "webhook_rotated", Summary: "secret of webhook " + id + " rotated"}
	})
}

// Enable has a webhook told again: of what was not told meanwhile, as far as the log has it, or fromNow of what comes.
// Errors: webhook_unknown, platform_unavailable.
func (s *Service) Enable(ctx context.Context, id string, fromNow bool, by activity.Actor) (Hook, error) {
	latest, err := s.Log.LatestChange(ctx)
	if err != nil {
		return Hook{}, err
	}
	h, err := s.change(ctx, id, by, func(h *Hook, _ time.Time) activity.AuditEntry {
		h.TakenOver = h.TakenOver || h.Disabled == makerRevoked
		if !h.DisabledAt.IsZero() {
			h.EnabledBy, h.EnabledLine = by.Who, by.Line
		}
		h.enable()
		e := activity.AuditEntry{Action: "webhook_enabled", Summary: "webhook " + id + " enabled"}
		if fromNow {
			h.Last = max(h.Last, latest)
			e.Summary += ", from the next change on"
		}
		return e
	})
	if err == nil {
		_ = s.Bell.RingWebhooks(ctx, 0) // else the next sweep rings
	}
	return h, err
}

// Disable has a webhook told nothing. Errors: webhook_unknown, platform_unavailable.
func (s *Service) Disable(ctx context.Context, id string, by activity.Actor) (Hook, error) {
	return s.disable(ctx, id, by, "an operator disabled it", "")
}

// disable has a webhook told nothing, for the reason why; said is what its line of the audit trail says beside.
func (s *Service) disable(ctx context.Context, id string, by activity.Actor, why, said string) (Hook, error) {
	return s.change(ctx, id, by, func(h *Hook, now time.Time) activity.AuditEntry {
		h.DisabledAt, h.Disabled = now, why
		return activity.AuditEntry{Action: "webhook_disabled", Summary: "webhook " + id + " disabled" + said}
	})
}

// makerRevoked is why a webhook is disabled whose maker is revoked.
const makerRevoked = "a credential that it was made or enabled with is revoked"

// Ended is what becomes of webhooks when their maker's credential has ended.
type Ended struct {
	Told  []Hook // nothing any more: they come from the person
	Taken []Hook // they came from the person, and somebody else has taken them over since, and enabled them
	Known []Hook // others', which sign with a secret that the person was shown: no receiver can be given another one here
	Left  []Hook // they come from the person, and are told still: to end them failed
}

// Any reports whether there is any webhook that the person has to do with.
func (e Ended) Any() bool { return len(e.Told)+len(e.Taken)+len(e.Known)+len(e.Left) > 0 }

// EndOf ends what comes from credentials that have ended, or is known for them, of webhooks: from reports whether
// what by did comes from one of them, whose line is kept. A webhook comes from the one that made it, from the one
// that enabled it last, and from those that these descend from; those are told nothing any more, whatever disabled
// them before. They end at the same time, as many as there may be: whoever writes to one of them all the time has it
// tried again and again, and holds up no other one. Error: platform_unavailable.
func (s *Service) EndOf(
	ctx context.Context, from func(line, by string) bool, by activity.Actor,
) (out Ended, err error) {
	all, err := s.Store.Hooks(ctx)
	if err != nil {
		return out, err
	}
	var theirs []Hook
	for _, h := range all {
		made, enabled := from(h.MadeLine, h.CreatedBy), from(h.EnabledLine, h.EnabledBy)
		switch theirOwn := enabled || made && !h.TakenOver; {
		case theirOwn && h.Disabled == makerRevoked: // by a call that came no further
			out.Told = append(out.Told, h)
		case theirOwn:
			theirs = append(theirs, h)
		case made && h.DisabledAt.IsZero():
			out.Taken = append(out.Taken, h)
		}
		if !made && !enabled && h.signsWithSecretOf(from, s.Clock.Now()) {
			out.Known = append(out.Known, h)
		}
	}
	ended := make([]Hook, len(theirs))
	errs := fault.Each(theirs, MaxHooks, func(i int, h Hook) (err error) {
		ended[i], err = s.disable(ctx, h.ID, by, makerRevoked, ": "+makerRevoked)
		return err
	})
	for i, h := range theirs {
		switch fault.CodeOf(errs[i]) {
		case "":
			out.Told = append(out.Told, ended[i])
		case fault.WebhookUnknown: // it was deleted meanwhile
		default:
			out.Left = append(out.Left, h)
		}
	}
	return out, nil
}

// signsWithSecretOf reports whether a secret signs that was shown for one of these credentials.
func (h Hook) signsWithSecretOf(from func(line, by string) bool, now time.Time) bool {
	return from(h.SecretLine, h.SecretTo) || from(h.FormerLine, h.FormerTo) && now.Before(h.FormerUntil)
}

// enable forgets what failed.
func (h *Hook) enable() {
	h.DisabledAt, h.Disabled = time.Time{}, ""
	h.Failures, h.FailingSince, h.NextTry, h.LastStatus, h.LastError = 0, time.Time{}, time.Time{}, 0, ""
}

// change changes a webhook, with a line of the audit trail.
func (s *Service) change(
	ctx context.Context, id string, by activity.Actor, do func(h *Hook, now time.Time) activity.AuditEntry,
) (h Hook, err error) {
	now := s.Clock.Now()
	err = retry.OnConflict(ctx, s.Clock, saveTries, func() error {
		if h, err = s.Store.Hook(ctx, id); err != nil {
			return err
		}
		entry := do(&h, now)
		entry.Actor, entry.At = by, now
		h.Version++
		return s.Store.SaveHook(ctx, h, &entry)
	})
	return h, err
}

// Unknown is the error for a webhook that is not there.
func Unknown() error {
	return fault.New(fault.WebhookUnknown, "no webhook has this id").
		WithHint("rollcall webhook list shows their ids", "stop")
}
