package app

import (
	"strings"
	"testing"
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
	} {
		err := CheckSettings(map[string]string{c.name: c.value})
		if c.wrong == "" && err != nil || c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
			t.Errorf("%s=%s: %v", c.name, c.value, err)
		}
	}
	if err := CheckSettings(nil); err != nil {
		t.Error(err)
	}
}
