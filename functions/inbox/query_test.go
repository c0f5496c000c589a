package main

import (
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/api"
)

// What is asked is a poll or a look at the log, and a poll has an order: by the wire
// contract, sections 2.4 and 9.1.
func TestWhatACallAsksFor(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	limit, window := 50, 30
	const cursor, peer = "0192c0de-0000-8000-8000-000000000000", "22222222-2222-4222-8222-222222222222"
	const log, oldest, newest = "the log", "a poll, oldest first", "a poll, newest first"
	for name, c := range map[string]struct {
		in   api.ActivityRequest
		want string
	}{
		"mcp, first":          {api.ActivityRequest{Type: "a2a_receive", SinceSecs: &window}, newest},
		"mcp":                 {api.ActivityRequest{Type: "a2a_receive", SinceID: cursor}, oldest},
		"the channel, first":  {api.ActivityRequest{Type: "a2a_receive", Limit: &limit, SinceSecs: &window}, oldest},
		"the channel":         {api.ActivityRequest{Type: "a2a_receive", Limit: &limit, SinceID: cursor}, oldest},
		"the SDK, first":      {api.ActivityRequest{Type: "a2a_receive", Limit: &limit}, oldest},
		"the runtime":         {api.ActivityRequest{Type: "a2a_receive"}, newest},
		"the bridge, first":   {api.ActivityRequest{Limit: &limit, SinceSecs: &window, Include: "peer_info"}, newest},
		"the bridge":          {api.ActivityRequest{Limit: &limit, SinceID: cursor, Include: "peer_info"}, oldest},
		"the older, first":    {api.ActivityRequest{Limit: &limit, SinceSecs: &window}, oldest},
		"the older bridge":    {api.ActivityRequest{Limit: &limit, SinceSecs: &window, SinceID: cursor}, oldest},
		"several includes":    {api.ActivityRequest{SinceSecs: &window, Include: "x, peer_info"}, newest},
		"another include":     {api.ActivityRequest{SinceSecs: &window, Include: "peer_infos"}, oldest},
		"mcp, with peers":     {api.ActivityRequest{Type: "a2a_receive", Limit: &limit, Include: "peer_info"}, oldest},
		"nothing but a limit": {api.ActivityRequest{Limit: &limit}, log},
		"nothing":             {api.ActivityRequest{}, log},
		"another type":        {api.ActivityRequest{Type: "notify", SinceSecs: &window}, log},
		"a canvas":            {api.ActivityRequest{SinceSecs: &window, Source: "agent"}, log},
		"a conversation":      {api.ActivityRequest{SinceSecs: &window, PeerID: peer}, log},
		"the next page":       {api.ActivityRequest{Limit: &limit, SinceSecs: &window, Cursor: "c"}, log},
		"a page of the log":   {api.ActivityRequest{SinceSecs: &window, BeforeTS: "2026-11-24T11:00:00Z"}, log},
	} {
		q, err := parse(c.in, now)
		got := log
		if q.isPoll() {
			got = newest
			if q.oldestFirst() {
				got = oldest
			}
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %s, %v; want %s", name, got, err, c.want)
		}
	}
}
