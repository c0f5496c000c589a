package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/webhook"
	"github.com/rollcall/rollcall/shared/workspace"
)

var ana = activity.Actor{Who: "ana", From: "192.0.2.1"}

// bench is webhooks on the fake store, with a log that a test writes and a receiver that it decides.
type bench struct {
	*webhook.Service
	now     time.Time
	log     []statuslog.Change
	from    int64          // the log begins after this number: what was before it is gone
	gone    map[int64]bool // and so are these
	reading time.Duration  // how long it takes to read a page of the log
	answer  func(seq int64) int
	took    []int64 // the numbers that were taken, in order
	tries   int
	secrets []string // of the last event
	bells   *memory.Wakeups
	store   *memory.Store
}

type anywhere struct{}

func (anywhere) Objection(string) string { return "" }

func newBench() *bench {
	b := &bench{
		now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), answer: func(int64) int { return 200 },
		bells: &memory.Wakeups{}, store: memory.NewStore(workspace.DefaultPolicy()),
	}
	b.Service = &webhook.Service{
		Store: b.store, Log: b, Sender: b, Bell: b.bells, Guard: anywhere{},
		Clock: memory.Clock{Time: func() time.Time { return b.now }},
	}
	return b
}

// Changes implements webhook.Log.
func (b *bench) Changes(_ context.Context, after int64, limit int) ([]statuslog.Change, error) {
	b.now = b.now.Add(b.reading)
	var out []statuslog.Change
	for _, c := range b.log {
		if c.Seq > max(after, b.from) && !b.gone[c.Seq] && len(out) < limit {
			out = append(out, c)
		}
	}
	return out, nil
}

// LatestChange implements webhook.Log.
func (b *bench) LatestChange(context.Context) (int64, error) { return int64(len(b.log)), nil }

// SendEvent implements webhook.Sender.
func (b *bench) SendEvent(
	_ context.Context, _, id string, _ time.Time, secrets []string, body []byte,
) (status int, media string, err error) {
	var e struct {
		Type string
		Data statuslog.Change
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return 0, "", err
	}
	b.tries, b.secrets = b.tries+1, secrets
	if e.Type == webhook.TypeChanged && id != fmt.Sprintf("status-%d", e.Data.Seq) {
		return 0, "", fmt.Errorf("the event %d has the id %s", e.Data.Seq, id)
	}
	status = b.answer(e.Data.Seq)
	if status == 0 {
		return 0, "", errors.New("connection refused")
	}
	if status >= 300 {
		return status, "", fmt.Errorf("it answered HTTP %d", status)
	}
	b.took = append(b.took, e.Data.Seq)
	return status, "", nil
}

// change adds a change to the log.
func (b *bench) change(from, to workspace.Status) {
	b.log = append(b.log, statuslog.Change{
		Seq: int64(len(b.log)) + 1, Workspace: "w", At: b.now, From: &statuslog.StatusReason{Status: from},
		To: statuslog.StatusReason{Status: to},
	})
}

// ring is what dispatch does when a bell rings, and what the sweep does each minute.
func (b *bench) ring(t rapid.TB) {
	t.Helper()
	if err := b.Deliver(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) create(t rapid.TB, statuses ...workspace.Status) webhook.Hook {
	t.Helper()
	h, err := b.Create(context.Background(), "https://example.com/"+uuid.NewString()+"?key=secret", statuses, ana)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (b *bench) hook(t rapid.TB, id string) webhook.Hook {
	t.Helper()
	h, err := b.Store.Hook(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// A webhook is told of each change from its creation on, once, in the order of the log.
func TestAWebhookIsToldOfEachChange(t *testing.T) {
	b := newBench()
	b.change("online", "offline") // before it was there
	h := b.create(t)
	for range 120 { // more than are read at a time
		b.change("online", "degraded")
	}
	b.ring(t)
	b.ring(t)
	if len(b.took) != 120 || b.took[0] != 2 || b.tries != 120 || !slices.IsSorted(b.took) {
		t.Fatalf("%d were taken in %d tries: %v", len(b.took), b.tries, b.took)
	}
	if h := b.hook(t, h.ID); h.Last != 121 || !h.TakenAt.Equal(b.now) || !h.ClaimedUntil.IsZero() {
		t.Errorf("%+v", h)
	}
}

// One that names statuses is told when a workspace comes to one of them, and when it leaves it.
func TestAWebhookIsToldOfItsStatuses(t *testing.T) {
	b := newBench()
	b.create(t, workspace.StatusOffline)
	b.change("online", "degraded")
	b.change("degraded", "offline")
	b.change("offline", "online")
	b.log[2].From = nil
	b.log[2].To.Status = "offline"
	b.change("offline", "online")
	b.ring(t)
	if !slices.Equal(b.took, []int64{2, 3, 4}) {
		t.Errorf("%v", b.took)
	}
}

// One that fails is tried again after pauses that grow, in order, and disabled after a day, with an audit line; when it
// is enabled it goes on where it was.
func TestAWebhookThatFailsForADayIsDisabled(t *testing.T) {
	b := newBench()
	h := b.create(t)
	b.change("online", "offline")
	b.change("offline", "online")
	b.answer = func(int64) int { return 0 }
	failing := b.now
	for b.hook(t, h.ID).DisabledAt.IsZero() {
		b.ring(t)
		tries := b.tries
		b.now = b.now.Add(time.Second)
		b.ring(t)
		if b.tries != tries {
			t.Fatal("it was tried again at once")
		}
		if b.now.Sub(failing) > 26*time.Hour {
			t.Fatal("it is not disabled after a day")
		}
		b.now = b.now.Add(time.Hour + 10*time.Minute)
	}
	if b.tries > 40 || b.now.Sub(failing) < 24*time.Hour {
		t.Errorf("%d tries in %s", b.tries, b.now.Sub(failing))
	}
	trail, err := b.store.AuditTrail(t.Context(), activity.Platform, "", 10)
	if err != nil || trail[0].Method != "webhook_disabled" || trail[0].SourceID != "rollcall" {
		t.Fatalf("%+v, %v", trail, err)
	}
	b.answer = func(int64) int { return 204 }
	b.ring(t)
	if len(b.took) > 0 {
		t.Fatal("one that is disabled was told")
	}
	if _, err := b.Enable(t.Context(), h.ID, false, ana); err != nil {
		t.Fatal(err)
	}
	b.ring(t)
	if !slices.Equal(b.took, []int64{1, 2}) {
		t.Errorf("%v", b.took)
	}
}

// One that answers 410 is disabled at once. Enabled from now on, it is told nothing of before.
func TestAWebhookThatIsGone(t *testing.T) {
	b := newBench()
	h := b.create(t)
	b.change("online", "offline")
	b.answer = func(int64) int { return 410 }
	b.ring(t)
	if h := b.hook(t, h.ID); h.DisabledAt.IsZero() || h.LastStatus != 410 {
		t.Fatalf("%+v", h)
	}
	b.answer = func(int64) int { return 200 }
	if _, err := b.Enable(t.Context(), h.ID, true, ana); err != nil {
		t.Fatal(err)
	}
	b.change("offline", "online")
	b.ring(t)
	if !slices.Equal(b.took, []int64{2}) {
		t.Errorf("%v", b.took)
	}
}

// What the log no longer has when it comes to it is counted, and not waited for.
func TestWhatIsGoneIsCounted(t *testing.T) {
	b := newBench()
	h := b.create(t)
	for range 9 {
		b.change("online", "offline")
	}
	b.from = 6
	b.ring(t)
	if got := b.hook(t, h.ID); got.Missed != 6 || !slices.Equal(b.took, []int64{7, 8, 9}) {
		t.Errorf("missed %d, took %v", got.Missed, b.took)
	}
}

// The store forgets in no order, and a receiver fails now and then: a webhook is told each change that is kept, once,
// and counts each that is not, once.
func TestEachChangeIsToldOrCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newBench()
		h := b.create(t)
		b.gone = map[int64]bool{}
		var kept []int64
		for seq := int64(1); seq <= rapid.Int64Range(1, 120).Draw(t, "changes"); seq++ {
			b.change("online", "offline")
			if b.gone[seq] = rapid.Bool().Draw(t, "gone"); !b.gone[seq] {
				kept = append(kept, seq)
			}
		}
		fails := rapid.IntRange(0, 5).Draw(t, "failures")
		b.answer = func(int64) int {
			if fails--; fails >= 0 {
				return 500
			}
			return 200
		}
		for range 10 {
			b.ring(t)
			b.now = b.now.Add(2 * time.Hour)
		}
		got, last := b.hook(t, h.ID), int64(len(b.log))
		if got.Last != last || got.Missed != last-int64(len(kept)) || !slices.Equal(b.took, kept) {
			t.Fatalf("of %d it is at %d and counts %d as missed; it was told %v of %v", last, got.Last, got.Missed, b.took, kept)
		}
	})
}

// Two secrets sign for a day after a rotation.
func TestARotationSignsByBoth(t *testing.T) {
	b := newBench()
	h := b.create(t)
	rotated, err := b.Rotate(t.Context(), h.ID, ana)
	if err != nil || rotated.Secret == h.Secret {
		t.Fatalf("%+v, %v", rotated, err)
	}
	for _, c := range []struct {
		after time.Duration
		want  []string
	}{{time.Hour, []string{rotated.Secret, h.Secret}}, {25 * time.Hour, []string{rotated.Secret}}} {
		b.now = h.CreatedAt.Add(c.after)
		if out, err := b.Test(t.Context(), h.ID); err != nil || out.Status != 200 || !slices.Equal(b.secrets, c.want) {
			t.Errorf("after %s: %d, %v, %v", c.after, out.Status, b.secrets, err)
		}
	}
}

// ofEve reports whether something comes from eve.
func ofEve(line, _ string) bool { return slices.Contains(strings.Fields(line), "eve") }

// When a person's credential ends, nothing is told to a webhook that the person made or enabled last, and those of
// others are named that sign with a secret that the person was shown, whatever was done before.
func TestWhatAPersonMadeOrKnowsIsEndedOrNamed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newBench()
		shown, enabled := map[string]string{}, map[string]string{} // secret: to whom; id: by whom, last
		var ids []string
		for range rapid.IntRange(1, 20).Draw(t, "acts") {
			by := activity.Actor{Who: rapid.SampledFrom([]string{"ana", "bob", "eve"}).Draw(t, "by")}
			by.Line = "root " + by.Who
			act := rapid.IntRange(0, 4).Draw(t, "act")
			if len(ids) == 0 || act == 0 && len(ids) < webhook.MaxHooks {
				h, err := b.Create(context.Background(), "https://example.com/"+uuid.NewString(), nil, by)
				if err != nil {
					t.Fatal(err)
				}
				ids, shown[h.Secret] = append(ids, h.ID), by.Who
				continue
			}
			id := rapid.SampledFrom(ids).Draw(t, "id")
			var err error
			switch act {
			case 1:
				var h webhook.Hook
				h, err = b.Rotate(context.Background(), id, by)
				shown[h.Secret] = by.Who
			case 2:
				_, err = b.Disable(context.Background(), id, by)
			case 3:
				if !b.hook(t, id).DisabledAt.IsZero() {
					enabled[id] = by.Who
				}
				_, err = b.Enable(context.Background(), id, false, by)
			default:
				b.now = b.now.Add(13 * time.Hour)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		out, err := b.EndOf(context.Background(), ofEve, ana)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			h := b.hook(t, id)
			is := func(h webhook.Hook) bool { return h.ID == id }
			knows := slices.ContainsFunc(h.Secrets(b.now), func(secret string) bool { return shown[secret] == "eve" })
			made := h.CreatedBy == "eve" || enabled[id] == "eve"
			if slices.ContainsFunc(out.Told, is) != made || made && h.DisabledAt.IsZero() ||
				slices.ContainsFunc(out.Known, is) != (knows && !made) {
				t.Errorf("%+v: %+v", h, out)
			}
		}
	})
}

// waiting is a store that answers the first read of each webhook when it is told to, and counts those that wait.
type waiting struct {
	webhook.Store
	mu    sync.Mutex
	waits int
	may   chan struct{}
}

func (w *waiting) Hook(ctx context.Context, id string) (webhook.Hook, error) {
	w.mu.Lock()
	w.waits++
	w.mu.Unlock()
	<-w.may
	return w.Store.Hook(ctx, id)
}

// A revocation ends all webhooks of its person at the same time, and no more at a time than there may be: each is tried
// as often as whoever writes to it makes that necessary, and none waits for another one.
func TestWebhooksOfOnePersonEndTogether(t *testing.T) {
	const most = webhook.MaxHooks
	for _, c := range []struct{ hooks, together int }{{1, 1}, {most, most}, {most + 3, most}} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench()
			for i := range c.hooks { // more than Create allows: two calls of it may come at the same time
				h := webhook.Hook{ID: fmt.Sprint("h", i), CreatedBy: "eve", MadeLine: "eve", Version: 1}
				if err := b.store.AddHook(t.Context(), h, activity.AuditEntry{Actor: ana, At: b.now}); err != nil {
					t.Fatal(err)
				}
			}
			store := &waiting{Store: b.store, may: make(chan struct{})}
			b.Store = store
			var out webhook.Ended
			done := make(chan error)
			go func() {
				var err error
				out, err = b.EndOf(t.Context(), ofEve, ana)
				done <- err
			}()
			synctest.Wait()
			if store.waits != c.together {
				t.Errorf("of %d webhooks, %d are read at the same time, not %d", c.hooks, store.waits, c.together)
			}
			close(store.may)
			if err := <-done; err != nil || len(out.Told) != c.hooks || len(out.Left) > 0 {
				t.Errorf("of %d webhooks: %+v, %v", c.hooks, out, err)
			}
		})
	}
}

func TestWhatIsRefused(t *testing.T) {
	b := newBench()
	for range webhook.MaxHooks {
		b.create(t)
	}
	if _, err := b.Create(t.Context(), "https://example.com", nil, ana); fault.CodeOf(err) != fault.InvalidRequest {
		t.Errorf("one too many: %v", err)
	}
	if _, err := b.Delete(t.Context(), "nobody", ana); fault.CodeOf(err) != fault.WebhookUnknown {
		t.Error(err)
	}
	b.answer = func(int64) int { return 500 }
	all, err := b.Store.Hooks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Test(t.Context(), all[0].ID); fault.CodeOf(err) != fault.WebhookFailed {
		t.Error(err)
	}
}

// A change that a call records rings only where there is a webhook that is enabled, and that is read once a minute.
func TestARecordedChangeRings(t *testing.T) {
	b := newBench()
	b.Recorded(t.Context())
	if rung := b.bells.Take(); len(rung) > 0 {
		t.Fatalf("it rang for nobody: %v", rung)
	}
	b.create(t)
	b.now = b.now.Add(time.Minute)
	b.Recorded(t.Context())
	if rung := b.bells.Take(); len(rung) != 1 || rung[0].Cause != "webhooks" {
		t.Errorf("%v", rung)
	}
	if err := b.RingIfDue(t.Context()); err != nil || len(b.bells.Take()) > 0 {
		t.Error("a sweep rang though nothing is due")
	}
	b.change("online", "offline")
	if err := b.RingIfDue(t.Context()); err != nil || len(b.bells.Take()) != 1 {
		t.Error("a sweep did not ring")
	}
}

// Whatever a receiver answers, and whenever bells ring, each change is taken in order and once, and when the receiver
// is well nothing is left. (Twice is taken only what was sent when its sender died, which does not happen here.)
func TestNothingIsSkipped(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newBench()
		h := b.create(t)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				b.change("online", "offline")
			case 1:
				status := rapid.SampledFrom([]int{0, 200, 204, 301, 400, 500, 503}).Draw(t, "answer")
				b.answer = func(int64) int { return status }
			case 2:
				b.now = b.now.Add(time.Duration(rapid.IntRange(0, 1200).Draw(t, "wait")) * time.Second)
			case 3:
				b.ring(t)
			}
		}
		b.answer = func(int64) int { return 200 }
		b.now = b.now.Add(2 * time.Hour)
		if !b.hook(t, h.ID).DisabledAt.IsZero() {
			if _, err := b.Enable(context.Background(), h.ID, false, ana); err != nil {
				t.Fatal(err)
			}
		}
		b.ring(t)
		for i := range b.log {
			if i >= len(b.took) || b.took[i] != int64(i)+1 {
				t.Fatalf("of %d changes it took %v", len(b.log), b.took)
			}
		}
		if len(b.took) != len(b.log) {
			t.Fatalf("of %d changes it took %v", len(b.log), b.took)
		}
	})
}

// One who dies while it sends holds the webhook up for a minute, and what it has not noted is told again.
func TestWhoDiesHoldsUpForAMinute(t *testing.T) {
	b := newBench()
	h := b.create(t)
	b.change("online", "offline")
	claimed := b.hook(t, h.ID)
	claimed.ClaimedUntil, claimed.Version = b.now.Add(time.Minute), claimed.Version+1
	if err := b.Store.SaveHook(t.Context(), claimed, nil); err != nil {
		t.Fatal(err)
	}
	b.ring(t)
	if b.tries > 0 {
		t.Fatal("two send at the same time")
	}
	b.now = b.now.Add(time.Minute)
	b.ring(t)
	if !slices.Equal(b.took, []int64{1}) {
		t.Errorf("%v", b.took)
	}
}

// One for which the log no longer has anything is through with it, and says what it missed.
func TestAWebhookIsThroughWithALogThatHasForgotten(t *testing.T) {
	b := newBench()
	h := b.create(t)
	for range 3 {
		b.change("online", "offline")
	}
	b.from = 3
	b.ring(t)
	if h := b.hook(t, h.ID); h.Last != 3 || h.Missed != 3 || len(b.took) > 0 {
		t.Errorf("%+v was told %v", h, b.took)
	}
	b.bells.Take()
	if err := b.RingIfDue(t.Context()); err != nil || len(b.bells.Take()) > 0 {
		t.Errorf("it is due again: %v", err)
	}
}

// However long a log is that says nothing to a webhook, no run reads it for longer than its right to send lasts, and
// the next one goes on.
func TestALogWithoutNewsIsReadInSeveralRuns(t *testing.T) {
	b := newBench()
	h := b.create(t, workspace.StatusRemoved)
	for range 5000 {
		b.change("online", "offline")
	}
	b.reading = time.Second
	for run := 1; b.hook(t, h.ID).Last < 5000; run++ {
		began := b.now
		b.ring(t)
		rung := len(b.bells.Take()) == 1
		if took := b.now.Sub(began); took > 45*time.Second || rung != (b.hook(t, h.ID).Last < 5000) || run > 5 {
			t.Fatalf("run %d took %s, and came to %d (rung: %t)", run, took, b.hook(t, h.ID).Last, rung)
		}
	}
	if !b.hook(t, h.ID).ClaimedUntil.IsZero() {
		t.Error("it is held after the last run")
	}
}

// What to do about a test that was not taken depends on what was answered. How a webhook goes on that is failing or
// disabled is said too: a test that is taken does not bring that about.
func TestTheHintOfATestSaysWhatToMend(t *testing.T) {
	for status, want := range map[int]string{
		0: "listen where the platform reaches it", 302: "redirects are not followed", 401: "verify the signature",
		403: "verify the signature", 404: "the URL is not that of the receiver", 405: "the URL is not that of the receiver",
		410: "nobody wants its events", 400: "the receiver's log", 500: "the receiver's log", 503: "the receiver's log",
	} {
		for _, failing := range []bool{false, true} {
			b := newBench()
			b.create(t)
			all, err := b.Store.Hooks(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			b.answer = func(int64) int { return 500 }
			if failing {
				b.change("online", "offline")
				if err := b.Deliver(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			b.answer = func(int64) int { return status }
			_, err = b.Test(t.Context(), all[0].ID)
			e, _ := errors.AsType[*fault.Error](err)
			if e == nil || e.Code != fault.WebhookFailed || !strings.Contains(e.Hint, want) ||
				(status/100 != 3 && !strings.Contains(e.Hint, "rollcall webhook test "+all[0].ID)) ||
				(status/100 != 3 && strings.Contains(e.Hint, "rollcall webhook enable "+all[0].ID) != failing) {
				t.Errorf("%d, failing %v: %+v", status, failing, e)
			}
			b.answer = func(int64) int { return 204 }
			out, err := b.Test(t.Context(), all[0].ID)
			if err != nil || (out.Hook.Resume() != "") != failing {
				t.Errorf("failing %v: %q %v", failing, out.Hook.Resume(), err)
			}
		}
	}
}

// Two webhooks at one URL would be told each change twice: the second one is most likely a repeat of a call whose
// answer was lost. Those that are told of other changes are two.
func TestNoTwoWebhooksAreToldTheSame(t *testing.T) {
	type hook struct {
		url      string
		statuses []workspace.Status
	}
	const here, there = "https://example.com/a", "https://example.com/b"
	down, both := workspace.StatusOffline, []workspace.Status{workspace.StatusOffline, workspace.StatusDegraded}
	back := []workspace.Status{workspace.StatusDegraded, workspace.StatusOffline, workspace.StatusOffline}
	for _, c := range []struct {
		first, second hook
		refused       bool
	}{
		{hook{here, nil}, hook{here, nil}, true},
		{hook{here, nil}, hook{here, []workspace.Status{}}, true},
		{hook{here, both}, hook{here, back}, true},
		{hook{here, nil}, hook{there, nil}, false},
		{hook{here, nil}, hook{here, both}, false},
		{hook{here, both}, hook{here, []workspace.Status{down}}, false},
	} {
		b := newBench()
		h, err := b.Create(t.Context(), c.first.url, c.first.statuses, ana)
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.Create(t.Context(), c.second.url, c.second.statuses, ana)
		if refused := fault.CodeOf(err) == fault.WebhookExists; refused != c.refused || (err != nil) != c.refused {
			t.Errorf("%+v: %v", c, err)
		}
		if _, err := b.Delete(t.Context(), h.ID, ana); err != nil {
			t.Fatal(err)
		}
		if _, err = b.Create(t.Context(), c.first.url, c.first.statuses, ana); err != nil {
			t.Errorf("%+v, when the first is deleted: %v", c, err)
		}
	}
}
