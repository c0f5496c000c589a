package main

import (
	"errors"
	"fmt"
	"testing"

	"github.com/rollcall/rollcall/shared/client"
)

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		err       error
		code      int
		temporary bool
		unknown   bool // whether a message may have been accepted
	}{
		{&refusal{status: 404}, exitRefused, false, false},
		{&refusal{status: 429}, exitRefused, true, false},
		{&refusal{status: 503}, exitUnreachable, true, true},
		{fmt.Errorf("wrapped: %w", &refusal{status: 500}), exitUnreachable, true, true},
		{&outcome{exitUnreachable, "no answer"}, exitUnreachable, true, true},
		{&outcome{exitUnhealthy, "not online"}, exitUnhealthy, false, false},
		{errors.New("unknown flag"), exitUsage, false, false},
	} {
		if code := exitCode(c.err); code != c.code {
			t.Errorf("%v: exit %d, want %d", c.err, code, c.code)
		}
		if got := temporary(c.err); got != c.temporary {
			t.Errorf("%v: temporary is %v", c.err, got)
		}
		if got := acceptanceUnknown(c.err); got != c.unknown {
			t.Errorf("%v: acceptanceUnknown is %v", c.err, got)
		}
	}
}

func TestRefusalOf(t *testing.T) {
	for raw, want := range map[string]string{
		`{"error": "no", "code": "c"}`:   "no (c, HTTP 403)",
		`{"error": "no"}`:                "no (HTTP 403)",
		`{"message": "Forbidden by it"}`: "the platform answered Forbidden by it (HTTP 403)",
		`<html>`:                         "the platform answered Forbidden (HTTP 403)",
	} {
		reply := client.Reply{Status: 403, Raw: []byte(raw)}
		if raw[0] == '{' {
			reply.Body = map[string]any{"message": "Forbidden by it"}
		}
		if got := refusalOf(reply).Error(); got != want {
			t.Errorf("%s: %q, want %q", raw, got, want)
		}
	}
}
