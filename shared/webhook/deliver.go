package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/statuslog"
)

// A webhook that fails is tried again after firstPause, and after twice as long each time it fails again, up to
// longestPause; a random tenth is added. One that has failed for givenUpAfter is disabled.
const (
	firstPause   = 5 * time.Second
	longestPause = time.Hour
	givenUpAfter = 24 * time.Hour
)

const (
	sendFor   = 30 * time.Second // how long one run sends to a webhook
	claimFor  = time.Minute      // longer than that and its last event: a run that died holds it up for so long
	changesAt = 50               // changes that are read at a time; how far it is, is noted after them
)

// gone is the HTTP status of a receiver that wants no more. Source: Standard Webhooks, "Operational considerations".
const gone = 410

// unwanted is why a webhook is disabled that answered so.
const unwanted = "it answered 410: nobody wants its events any more"

// actor is who disables a webhook that has failed for long.
const actor = "rollcall"

// event is what is posted. Source: Standard Webhooks, "Payload structure".
type event struct {
	Type string    `json:"type"`
	At   time.Time `json:"timestamp"`
	Data any       `json:"data"`
}

// Types of events.
const (
	TypeChanged = "workspace.status_changed"
	TypeTest    = "webhook.test"
)

// Deliver sends to each webhook what is due, in the order of the log, for a while. One that hangs or fails holds up no
// other. It rings when more is left, or for the next try.
func (s *Service) Deliver(ctx context.Context) error {
	due, latest, err := s.due(ctx)
	if err != nil {
		return err
	}
	errs := make([]error, len(due))
	var g errgroup.Group
	for i, h := range due {
		g.Go(func() error {
			errs[i] = fault.Contain(func() error { return s.deliver(ctx, h, latest) })
			return nil
		})
	}
	_ = g.Wait() // errors are in errs
	return errors.Join(errs...)
}

// due lists the webhooks to which something may be sent now; the log is at latest.
func (s *Service) due(ctx context.Context) (due []Hook, latest int64, err error) {
	all, err := s.Store.Hooks(ctx)
	if err != nil || len(all) == 0 {
		return nil, 0, err
	}
	if latest, err = s.Log.LatestChange(ctx); err != nil {
		return nil, 0, err
	}
	now := s.Clock.Now()
	return slices.DeleteFunc(all, func(h Hook) bool { return !h.due(latest, now) }), latest, nil
}

// deliver sends to one webhook, as the only one who does; the log is at latest.
func (s *Service) deliver(ctx context.Context, h Hook, latest int64) error {
	began := s.Clock.Now()
	h.ClaimedUntil = began.Add(claimFor)
	if err := s.save(ctx, &h, nil); err != nil {
		if fault.CodeOf(err) == fault.Conflict || fault.CodeOf(err) == fault.WebhookUnknown {
			return nil // somebody else sends to it, or has changed it
		}
		return err
	}
	for {
		changes, err := s.Log.Changes(ctx, h.Last, changesAt)
		if err != nil {
			return err
		}
		if len(changes) == 0 && h.Last < latest { // what it was not told is no longer kept
			h.Missed, h.Last = h.Missed+latest-h.Last, latest
		}
		told := s.tell(ctx, &h, changes, began.Add(sendFor))
		ends := !told || len(changes) < changesAt
		if err := s.note(ctx, &h, changes, ends); err != nil || ends {
			return err
		}
	}
}

// tell sends what a webhook wants of some changes, until a time. It reports whether it is through with all.
func (s *Service) tell(ctx context.Context, h *Hook, changes []statuslog.Change, until time.Time) bool {
	for _, c := range changes {
		if !s.Clock.Now().Before(until) || h.Wants(c) && !s.send(ctx, h, c) {
			return false
		}
		h.Missed += c.Seq - h.Last - 1 // what was there when it should have been told is gone
		h.Last = c.Seq
	}
	return true
}

// send posts one change, and counts how that ended.
func (s *Service) send(ctx context.Context, h *Hook, c statuslog.Change) bool {
	body, err := json.Marshal(event{TypeChanged, c.At, c})
	if err == nil {
		now := s.Clock.Now()
		h.LastStatus, _, err = s.Sender.SendEvent(ctx, h.URL, fmt.Sprintf("status-%d", c.Seq), now, h.Secrets(now), body)
	}
	now := s.Clock.Now()
	if err == nil {
		h.enable()
		h.TakenAt = now
		return true
	}
	h.LastError = err.Error()
	if h.Failures++; h.FailingSince.IsZero() {
		h.FailingSince = now
	}
	h.NextTry = now.Add(s.pause(h.Failures))
	switch {
	case h.LastStatus == gone:
		h.DisabledAt, h.Disabled = now, unwanted
	case now.Sub(h.FailingSince) >= givenUpAfter:
		h.DisabledAt, h.Disabled = now, "it has failed for a day: "+h.LastError
	}
	return false
}

// pause is how long it is until a webhook that has failed so often is tried again.
func (s *Service) pause(failures int) time.Duration {
	pause := min(firstPause<<min(failures-1, 12), longestPause)
	return pause + time.Duration(s.Clock.Random()*float64(pause)/10)
}

// note writes down how far a webhook is, after some changes, and gives the right to send to it back when that is the
// end of this run. It rings for what is left.
func (s *Service) note(ctx context.Context, h *Hook, changes []statuslog.Change, ends bool) error {
	if ends {
		h.ClaimedUntil = time.Time{}
	}
	var entry *activity.AuditEntry
	if !h.DisabledAt.IsZero() {
		entry = &activity.AuditEntry{
			Actor: activity.Actor{Who: actor}, Action: "webhook_disabled", At: h.DisabledAt,
			Summary: fmt.Sprintf("webhook %s of %s disabled: %s", h.ID, h.Host(), h.Disabled),
		}
	}
	err := s.save(ctx, h, entry)
	switch fault.CodeOf(err) {
	case "":
	case fault.Conflict, fault.WebhookUnknown:
		return nil // an operator has changed it: who sends next goes by that, and may tell some of this again
	default:
		return err
	}
	if !ends || !h.DisabledAt.IsZero() {
		return nil
	}
	if len(changes) > 0 && h.Last < changes[len(changes)-1].Seq {
		return s.Bell.RingWebhooks(ctx, max(0, h.NextTry.Sub(s.Clock.Now())))
	}
	return nil
}

func (s *Service) save(ctx context.Context, h *Hook, by *activity.AuditEntry) error {
	h.Version++
	return s.Store.SaveHook(ctx, *h, by)
}

// Tested is what the receiver of a webhook answered to a test. Doubt says why it may not be the receiver that is meant;
// "": nothing says so.
type Tested struct {
	Hook   Hook
	Status int
	Doubt  string
}

// Test posts an event that tells of nothing, and returns what was answered. It counts for and against nothing. Errors:
// webhook_unknown, webhook_failed, platform_unavailable.
func (s *Service) Test(ctx context.Context, id string) (Tested, error) {
	h, err := s.Store.Hook(ctx, id)
	if err != nil {
		return Tested{}, err
	}
	now := s.Clock.Now()
	body, err := json.Marshal(event{TypeTest, now, map[string]string{"webhook_id": id}})
	if err != nil {
		return Tested{}, err
	}
	event := fmt.Sprintf("test-%s-%d", id, now.UnixMilli())
	status, media, err := s.Sender.SendEvent(ctx, h.URL, event, now, h.Secrets(now), body)
	out := Tested{Hook: h, Status: status}
	if err != nil {
		return out, fault.New(fault.WebhookFailed, "the webhook's receiver did not take it: %s", err).
			WithHint(h.mend(status), "stop")
	}
	if media == "text/html" {
		out.Doubt = "it answered a web page (" + media + "): is this the receiver?"
	}
	return out, nil
}

// mend is what to do about a receiver that answered a test with a status, or not at all (0).
func (h Hook) mend(status int) string {
	again := "then run rollcall webhook test " + h.ID
	if resume := h.Resume(); resume != "" {
		again += ", and when it is taken " + resume
	}
	move := "delete the webhook and create one for the right URL (rollcall webhook delete " + h.ID + ")"
	switch {
	case status == 0:
		return "have the receiver listen where the platform reaches it, and answer within ten seconds; " + again
	case status == 401 || status == 403:
		return "have the receiver verify the signature with the secret of this webhook (rollcall webhook rotate " + h.ID +
			" makes a new one); " + again
	case status >= 300 && status < 400:
		return "redirects are not followed: " + move
	case status == 404 || status == 405:
		return "the URL is not that of the receiver: mend the receiver, or " + move + "; " + again
	case status == gone:
		return "410 says that nobody wants its events any more, and disables it: mend the receiver; " + again
	}
	return "look at the receiver's log for why it does not answer with 2xx; " + again
}

// Resume is the command that has a webhook posted to at once, when it is failing or disabled; "" of one that works. Of
// one whose maker is revoked it is the one that shows its URL, as that may be a thief's.
func (h Hook) Resume() string {
	if h.Failures == 0 && h.DisabledAt.IsZero() {
		return ""
	}
	if h.Disabled == makerRevoked {
		return "rollcall webhook list"
	}
	return "rollcall webhook enable " + h.ID
}

// knownFor is how long it is taken for known whether there is a webhook.
const knownFor = time.Minute

// known is whether there is a webhook, as it was read last.
type known struct {
	mu    sync.Mutex
	any   bool
	until time.Time
}

// Recorded rings, because a change was recorded, if there is a webhook. A fault is left to the next sweep.
func (s *Service) Recorded(ctx context.Context) {
	now := s.Clock.Now()
	s.known.mu.Lock()
	there, fresh := s.known.any, now.Before(s.known.until)
	s.known.mu.Unlock()
	if !fresh {
		var err error
		if there, err = s.Store.AnyHook(ctx); err != nil {
			return
		}
		s.known.mu.Lock()
		s.known.any, s.known.until = there, now.Add(knownFor)
		s.known.mu.Unlock()
	}
	if there {
		_ = s.Bell.RingWebhooks(ctx, 0)
	}
}

// RingIfDue rings if something is due: no webhook is forgotten because a bell was lost.
func (s *Service) RingIfDue(ctx context.Context) error {
	due, _, err := s.due(ctx)
	if err != nil || len(due) == 0 {
		return err
	}
	return s.Bell.RingWebhooks(ctx, 0)
}
