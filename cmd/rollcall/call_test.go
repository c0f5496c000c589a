package main

import (
	"errors"
	"net/http"
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
		out, ok := errors.AsType[*outcome](err)
		if !ok || out.code != exitUnreachable || out.message != "http://hung doesn't answer in time" {
			t.Errorf("%v", err)
		}
		if took := time.Since(began); took != client.Timeout {
			t.Errorf("after %s", took)
		}
	})
}
