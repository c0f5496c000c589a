package webhook_test

import (
	"cmp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/webhook"
)

// A webhook that fails or is disabled says so, with what waits and with a command of its own; no other one says
// anything.
func TestWhoFailsOrIsDisabledIsAProblem(t *testing.T) {
	at := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		h := webhook.Hook{ID: "1a2b3c4d", Last: 5}
		if h.Failures = rapid.IntRange(0, 3).Draw(t, "failures"); h.Failures > 0 {
			h.FailingSince, h.LastError = at, "it answered HTTP 503"
		}
		if rapid.Bool().Draw(t, "took one") {
			h.TakenAt = at
		}
		if rapid.Bool().Draw(t, "disabled") {
			h.DisabledAt, h.Disabled = at, "an operator disabled it"
		}
		revoked := h.State() == webhook.Disabled && rapid.Bool().Draw(t, "its maker is revoked")
		if revoked {
			h.Disabled = "a credential that it was made or enabled with is revoked"
		}
		unwanted := h.State() == webhook.Disabled && !revoked && rapid.Bool().Draw(t, "it answered 410")
		if unwanted {
			h.Disabled = "it answered 410: nobody wants its events any more"
		}
		latest := h.Last + rapid.Int64Range(-1, 3).Draw(t, "behind")
		text, command := h.Problem(latest)
		want := map[webhook.State][3]string{
			webhook.Working: {}, webhook.Waiting: {},
			webhook.Failing: {
				"it fails since 2026-11-25T12:00:00Z", "it answered HTTP 503", "rollcall webhook test 1a2b3c4d",
			},
			webhook.Disabled: {
				"nothing is posted to it since 2026-11-25T12:00:00Z", "an operator disabled it",
				"rollcall webhook enable 1a2b3c4d",
			},
		}[h.State()]
		if revoked {
			want[1], want[2] = h.Disabled, "rollcall webhook list"
			if !strings.Contains(text, "delete it, unless you know whose URL it is") || h.Resume() != want[2] {
				t.Fatalf("%+v: %q, %q", h, text, h.Resume())
			}
		}
		if unwanted {
			want[1], want[2] = h.Disabled, "rollcall webhook delete 1a2b3c4d"
			if !strings.Contains(text, "rollcall webhook enable 1a2b3c4d goes on") {
				t.Fatalf("%+v: %q", h, text)
			}
		}
		if !strings.HasPrefix(text, want[0]) || !strings.Contains(text, want[1]) || command != want[2] {
			t.Fatalf("%+v: %q, %q", h, text, command)
		}
		if broken := h.Failures > 0 || !h.DisabledAt.IsZero(); broken != (text != "") || broken != (command != "") {
			t.Fatalf("%+v: %q, %q", h, text, command)
		}
		if text == "" {
			if (h.State() == webhook.Waiting) != h.TakenAt.IsZero() {
				t.Fatalf("%+v is %s", h, h.State())
			}
			return
		}
		waits := map[int64]string{1: "1 change waits", 2: "2 changes wait", 3: "3 changes wait"}[latest-h.Last]
		if !strings.Contains(text, cmp.Or(waits, "no change waits")) {
			t.Fatalf("%d behind: %q", latest-h.Last, text)
		}
	})
}
