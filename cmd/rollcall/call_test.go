package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall/rollcall/shared/client"
)

// hung is a platform that takes calls and never answers.
type hung struct{}

func (hung) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestAHungPlatformIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		a := &app{platform: client.Client{URL: "http://hung", Transport: hung{}}}
		err := a.call(t.Context(), "GET", "/workspaces", nil, nil)
		out, ok := errors.AsType[*unreached](err)
		if !ok || out.Error() != "http://hung doesn't answer: it took the call, and no answer came in 40s" {
			t.Errorf("%v", err)
		}
		if took := time.Since(began); took != longest {
			t.Errorf("after %s", took)
		}
	})
}

// slow is a platform that answers after a time.
type slow time.Duration

func (s slow) RoundTrip(*http.Request) (*http.Response, error) {
	time.Sleep(time.Duration(s))
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(`{}`))}, nil
}

// A person at a terminal is told once what a call waits for, when it takes long and was not asked to wait. A program is
// not.
func TestALongCallSaysWhatItWaitsFor(t *testing.T) {
	for _, c := range []struct {
		takes    time.Duration
		attended bool
		path     string
		told     bool
	}{
		{patient - time.Second, true, "/workspaces", false},
		{patient + time.Second, true, "/workspaces", true},
		{longest, true, "/workspaces?await=1", true},
		{patient + time.Second, false, "/workspaces", false},
		{patient + time.Second, true, "/events?limit=500&since=6&wait=20", false},
		{patient + time.Second, true, "/events?wait=20", false},
	} {
		synctest.Test(t, func(t *testing.T) {
			var errs bytes.Buffer
			platform := client.Client{URL: "http://slow", Transport: slow(c.takes)}
			a := &app{platform: platform, attended: c.attended, errs: &errs}
			_ = a.call(t.Context(), "GET", c.path, nil, nil) // in time or not
			if got := strings.Count(errs.String(), "waiting for http://slow"); got != map[bool]int{true: 1}[c.told] {
				t.Errorf("%+v: %q", c, errs.String())
			}
			time.Sleep(time.Minute)
			if strings.Count(errs.String(), "\n") > 1 {
				t.Errorf("%+v: %q", c, errs.String())
			}
		})
	}
}
