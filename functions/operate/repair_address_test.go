package main

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
)

// What is no address is answered with how one looks. A slip of the pen is no reason to let in whoever comes first.
func TestAWrongAddressIsShownARightOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.StringMatching(`[a-z0-9.:/ -]{1,20}`).Draw(t, "from")
		if addr, err := netip.ParseAddr(from); err == nil && !addr.IsUnspecified() && !addr.IsMulticast() {
			t.Skip("an address")
		}
		_, err := repairInput(api.RepairRequest{From: from})
		f, ok := errors.AsType[*fault.Error](err)
		if !ok || f.Code != fault.InvalidRequest {
			t.Fatalf("%q: %v", from, err)
		}
		if !strings.Contains(f.Hint, "such as 192.0.2.7") || strings.Contains(f.Hint, "anyone") {
			t.Fatalf("%q: next: %s", from, f.Hint)
		}
	})
}
