package client_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall/rollcall/shared/client"
)

func TestText(t *testing.T) {
	r := client.Reply{Body: map[string]any{
		"status": "online", "count": 3.0, "none": nil, "inbox": map[string]any{"queued": 2.0},
	}}
	for _, c := range []struct {
		path []string
		want string
	}{
		{[]string{"status"}, "online"},
		{[]string{"count"}, "3"},
		{[]string{"inbox", "queued"}, "2"},
		{[]string{"none"}, ""},
		{[]string{"absent"}, ""},
		{[]string{"absent", "below"}, ""},
		{[]string{"status", "below"}, ""},
	} {
		if got := r.Text(c.path...); got != c.want {
			t.Errorf("%q: %q, want %q", c.path, got, c.want)
		}
	}
	if got := (client.Reply{}).Text("any"); got != "" {
		t.Errorf("of no body: %q", got)
	}
}

func TestDo(t *testing.T) {
	var got *http.Request
	var sent string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		got, sent = r, string(raw)
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, `["a list"]`)
	}))
	defer server.Close()
	c := client.Client{URL: server.URL}
	for name, try := range map[string]struct {
		token string
		body  any
		sent  string
		auth  string
	}{
		"no body, no credential": {"", nil, "", ""},
		"bytes go as they are":   {"t", []byte(`{ "a":1 }`), `{ "a":1 }`, "Bearer t"},
		"a value as JSON":        {"t", map[string]int{"a": 1}, `{"a":1}`, "Bearer t"},
	} {
		r, err := c.DoWith(t.Context(), "POST", "/x", try.token, try.body, map[string]string{"X-More": "1"})
		if err != nil || r.Status != http.StatusTeapot || string(r.Raw) != `["a list"]` || r.Body != nil {
			t.Errorf("%s: %+v, %v", name, r, err)
			continue
		}
		if sent != try.sent || got.Header.Get("Authorization") != try.auth || got.Header.Get("X-More") != "1" {
			t.Errorf("%s: sent %q with %v", name, sent, got.Header)
		}
	}
	if _, err := c.Do(t.Context(), "POST", "/x", "", func() {}); err == nil {
		t.Error("a body that can't be marshalled was sent")
	}
}

func TestUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, notYet := 0, errors.New("not yet")
		if err := client.Until(t.Context(), time.Second, func() error {
			if calls++; calls < 3 {
				return notYet
			}
			return nil
		}); err != nil || calls != 3 {
			t.Errorf("%v after %d calls", err, calls)
		}
		began := time.Now()
		err := client.Until(t.Context(), time.Second, func() error { return notYet })
		if !errors.Is(err, notYet) || time.Since(began) != time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
	})
}

// An answer that never ends is read up to a bound.
func TestAnAnswerWithoutEndIsAnError(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for part := make([]byte, 1<<20); ; {
			if _, err := w.Write(part); err != nil {
				return
			}
		}
	}))
	defer s.Close()
	r, err := client.Client{URL: s.URL}.Do(t.Context(), http.MethodGet, "/x", "", nil)
	if err == nil || !strings.Contains(err.Error(), "32 MiB") || len(r.Raw) > client.MaxReply+1 {
		t.Fatalf("%d bytes, %v", len(r.Raw), err)
	}
}
