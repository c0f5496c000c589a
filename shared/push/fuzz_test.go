package push

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/delivery"
)

// A URL that is let in can be called, and names no address that must not be.
func FuzzCheck(f *testing.F) {
	for _, seed := range []string{
		"https://agent.example.com:8443/a2a?x=1", "http://127.0.0.1", "http://0x7f.1", "http://[::ffff:10.0.0.1]/",
		"http://user@example.com", "http://2130706433", "http://①.⓪", "http://[fe80::1%25eth0]", "http://%31.1",
	} {
		f.Add(seed)
	}
	strict := New(Public, Patience{})
	f.Fuzz(func(t *testing.T, raw string) {
		if strict.Objection(raw) != "" {
			return
		}
		if _, err := http.NewRequest(http.MethodPost, raw, nil); err != nil {
			t.Fatalf("%q is let in, and can't be called: %v", raw, err)
		}
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		addr, err := netip.ParseAddr(strings.TrimSuffix(u.Hostname(), "."))
		addr = addr.Unmap()
		if err == nil && (addr.IsLoopback() || addr.IsPrivate() || addr.IsLinkLocalUnicast() || addr.IsUnspecified() ||
			addr.IsMulticast()) {
			t.Errorf("%q is let in", raw)
		}
	})
}

// Whatever answers at an agent's URL, it means one of the outcomes, and what is kept of it is JSON.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"jsonrpc":"2.0","id":"1","result":{"parts":[{"kind":"text","text":"hi"}]}}`, `{"error":{"code":-32600}}`,
		`<html><title>x</title>`, `{"status":{"state":"failed"}}`, "", `{"result":null}`, "data: {}\n\n", `{"error":[]}`,
	} {
		f.Add(200, "application/json", "", []byte(seed))
		f.Add(503, "text/html", "99999999999999999999", []byte(seed))
	}
	f.Fuzz(func(t *testing.T, status int, kind, retry string, body []byte) {
		resp := &http.Response{
			StatusCode: status, Request: httptest.NewRequest(http.MethodPost, "https://agent.example.com/a2a", nil),
			Header: http.Header{"Content-Type": {kind}, "Retry-After": {retry}, "Location": {retry}},
		}
		for _, probe := range []bool{false, true} {
			r := resultOf(probe, resp, body)
			if r.RetryAfter < 0 {
				t.Errorf("retry after %s", r.RetryAfter)
			}
			if r.Handover != delivery.Taken && r.Handover != delivery.Busy && r.Why == "" {
				t.Errorf("%d %q means %v, for no reason", status, body, r.Handover)
			}
		}
	})
}
