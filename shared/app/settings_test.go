package app

import (
	"strings"
	"testing"
	"time"
)

func TestSettingsAreCheckedBeforeAFunctionHasThem(t *testing.T) {
	for _, c := range []struct{ name, value, wrong string }{
		{"ROLLCALL_LEASE_TTL", "60s", ""},
		{"ROLLCALL_CHAT", "open", ""},
		{"ROLLCALL_MAX_OPEN", "24", ""},
		{"ROLLCALL_LEASE_TTL", "60", "ROLLCALL_LEASE_TTL"},
		{"ROLLCALL_LEASETTL", "60s", "no function reads ROLLCALL_LEASETTL"},
		{"ROLLCALL_CHAT", "closed", "open or credential"},
		{"ROLLCALL_PUSH_TIMEOUT", "10m", "visibility"},
		{"ROLLCALL_PUSH_TIMEOUT", "0s", "at least 1s"},
		{"ROLLCALL_LEASE_TTL", "-60s", "negative"},
		{"ROLLCALL_PROBE_EVERY", "-1s", "negative"},
		{"ROLLCALL_PROBE_EVERY", "0s", ""},
		{"ROLLCALL_CLOCK_OFFSET", "-1h", ""},
		{"ROLLCALL_MAX_OPEN", "-1", "a number of messages"},
	} {
		_, err := CheckSettings(map[string]string{c.name: c.value})
		if c.wrong == "" && err != nil || c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
			t.Errorf("%s=%s: %v", c.name, c.value, err)
		}
	}
	if drain, err := CheckSettings(nil); err != nil || drain != 3*time.Minute {
		t.Error(drain, err)
	}
	drain, err := CheckSettings(map[string]string{"ROLLCALL_VISIBILITY": "10m"})
	if err != nil || drain < 10*time.Minute {
		t.Errorf("a drain of %s pushes nothing: %v", drain, err)
	}
}
