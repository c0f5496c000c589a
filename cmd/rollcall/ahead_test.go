package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/client"
)

// behind is a platform on which a probe waits behind a message that fails: once before the probe was accepted, and
// again half a minute later.
type behind struct{ accepted time.Time }

func (b behind) RoundTrip(r *http.Request) (*http.Response, error) {
	now, failed := time.Now(), api.Attempt{Via: chat.ByPush, Outcome: chat.Unreachable, Error: "connection refused"}
	first, again := failed, failed
	first.At, again.At = b.accepted.Add(-10*time.Second), b.accepted.Add(30*time.Second)
	ahead := api.Receipt{
		MessageID: "m0", State: chat.Queued, Attempts: []api.Attempt{first}, WaitsFor: "it is tried again, next at noon",
	}
	if now.After(again.At) {
		ahead.Attempts = append(ahead.Attempts, again)
	}
	probe := api.Receipt{MessageID: "p1", State: chat.Queued, AcceptedAt: b.accepted, Reason: "accepted"}
	if now.After(b.accepted.Add(2 * time.Minute)) {
		probe.State = chat.Expired
	}
	var out any = probe
	if strings.HasSuffix(r.URL.Path, "/messages") {
		out = api.Receipts{Messages: []api.Receipt{{MessageID: "m9", State: chat.Queued}, ahead, probe}}
	}
	raw, err := json.Marshal(out)
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(raw))}, err
}

// Who waits behind a message that fails is told what its tries come to, when the next one is, and what to do: while it
// waits, and when it ends. A probe ends with the first try that was made in its place.
func TestWhoWaitsBehindAFailureIsToldOfIt(t *testing.T) {
	for name, c := range map[string]struct {
		how  following
		ends time.Duration
		says string
	}{
		"a probe": {
			following{patience: 3 * time.Minute, untilAnswered: true}, 30 * time.Second, "it did not arrive, and waits",
		},
		"a probe to its end": {following{patience: 3 * time.Minute}, 2 * time.Minute, "it was not delivered: expired"},
		"no longer":          {following{patience: time.Minute}, time.Minute, "no delivery was seen within 1m0s"},
	} {
		synctest.Test(t, func(t *testing.T) {
			var out, errs bytes.Buffer
			began := time.Now()
			a := &app{
				out: &output{to: &out}, errs: &errs, output: "table", clock: "utc",
				platform: client.Client{URL: "http://platform", Transport: behind{began}},
			}
			err := a.follow(t.Context(), "demo", accepted{MessageID: "p1", Expected: "retrying"}, c.how)
			if took := time.Since(began); took < c.ends || took > c.ends+lookAhead+time.Second {
				t.Errorf("%s: it took %s", name, took)
			}
			for _, part := range []string{c.says, "; m0 is tried first, ", "(connection refused)", "rollcall explain demo"} {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Errorf("%s: %v lacks %q", name, err, part)
				}
			}
			tries := strings.Count(out.String(), "tried first: m0, try ")
			if next := strings.Count(out.String(), "next at noon"); tries != 2 || next != tries {
				t.Errorf("%s:\n%s", name, &out)
			}
		})
	}
}
