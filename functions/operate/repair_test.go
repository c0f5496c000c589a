package main

import (
	"testing"

	"github.com/rollcall/rollcall/shared/api"
)

// The address that an operator names is compared with that of a call: both have one form.
func TestTheWindowsAddressHasOneForm(t *testing.T) {
	for from, want := range map[string]string{
		"127.0.0.3": "127.0.0.3", "::ffff:127.0.0.3": "127.0.0.3", "2001:DB8:0::1": "2001:db8::1",
	} {
		got, err := repairInput(api.RepairRequest{From: from})
		if err != nil || got.From != want {
			t.Errorf("%q: %q, %v", from, got.From, err)
		}
	}
}
