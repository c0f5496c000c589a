package main

import (
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/proof/fixture"
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
		"another include":     {api.ActivityRequest{SinceSecs: &window, Include: "peers"}, oldest},
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

// A type or an include that is almost the one with a meaning of its own is refused: it would be a look at the log, and
// an agent would never get its mail. Whatever else an agent calls what it reports is a type.
func TestAMisspeltTypeIsRefused(t *testing.T) {
	env := fixture.Env(t)
	for query, want := range map[string]int{
		"type=a2a_receive": 200, "type=a2a_receiev": 400, "type=A2A_RECEIVE": 400, "type=a2aReceive": 400,
		"type=a2a_receiv": 400, "type=notify": 200, "type=delegation": 200, "type=note": 200, "type=": 200,
		"include=peer_info": 200, "include=peerinfo": 400, "include=x, peer_info": 200, "include=x,Peer_Info": 400,
		"include=agent_card": 200,
	} {
		name, value, _ := strings.Cut(query, "=")
		ev := fixture.Event(api.GetActivity.Operation, map[string]string{"id": fixture.PollID}, fixture.Credential, "")
		ev.QueryStringParameters = map[string]string{name: value}
		if resp := fixture.Answer(t, env, endpoints(env), ev); resp.StatusCode != want {
			t.Errorf("%s: %d %s, want %d", query, resp.StatusCode, resp.Body, want)
		}
	}
}
