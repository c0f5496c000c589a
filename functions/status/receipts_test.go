package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Lists and the older clients' words tell of a message whose time is up what its
// receipt tells, though no sweep has ended it yet.
func TestWhatHasExpiredIsListedAsExpired(t *testing.T) {
	env := fixture.Env(t)
	start := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	end := start.Add(time.Minute)
	sent := chat.Message{ID: "m", Workspace: fixture.PollID, ExpiresAt: end}
	if _, err := env.Delivery.Enqueue(t.Context(), sent, start); err != nil {
		t.Fatal(err)
	}
	rs := receipts{env.Delivery}
	path := api.WorkspacePath{ID: fixture.PollID}
	for _, c := range []struct {
		at      time.Time
		state   chat.State
		older   string
		settled bool
	}{
		{end.Add(-time.Millisecond), chat.Queued, "queued", false},
		{end, chat.Expired, "dropped", true},
	} {
		call := httpapi.Call{Now: c.at}
		for _, state := range []chat.State{chat.Queued, chat.Expired} {
			in := api.ListMessagesRequest{WorkspacePath: path, State: state, Page: api.Page{Limit: 10}}
			out, err := rs.list(t.Context(), call, in)
			if err != nil || (len(out.Messages) == 1) != (state == c.state) {
				t.Errorf("at %s, state=%s: %+v, %v", c.at, state, out.Messages, err)
			}
		}
		one := api.GetMessageRequest{MessagePath: api.MessagePath{WorkspacePath: path, MessageID: "m"}}
		q, err := rs.queueStatus(t.Context(), call, one)
		if err != nil || q.State != c.state || q.Status != c.older || (q.CompletedAt != nil) != c.settled {
			t.Errorf("at %s: %+v, %v", c.at, q, err)
		}
	}
}

// The older clients' words keep apart what the agent is at work on, has done and has failed.
func TestQueueStatusIsThatOfTheTask(t *testing.T) {
	start := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for state, want := range map[string]string{
		"submitted": "dispatched", "TASK_STATE_WORKING": "dispatched", "completed": "completed",
		"input-required": "completed", "failed": "failed", "rejected": "failed", "canceled": "failed",
		"TASK_STATE_AUTH_REQUIRED": "failed",
	} {
		answer := []byte(`{"result":{"status":{"state":"` + state + `"},"artifacts":[{"parts":[{"text":"so far"}]}]}}`)
		failure, _ := chat.TaskFailure(answer)
		m := chat.Message{ID: "m", State: chat.Queued, ExpiresAt: start.Add(time.Hour)}
		m = m.Take(chat.ByPush, chat.Claim{}, chat.DefaultPolicy(), time.Time{}, start)
		m = m.Deliver("the agent took it", answer, failure, start)
		call := httpapi.Call{Now: start}
		q, r := queueStatusOf(call, m), httpapi.ReceiptOf(call, m)
		if q.Status != want || q.TaskState != chat.StateOf(answer) || (q.CompletedAt == nil) != (want == "dispatched") {
			t.Errorf("%s: %+v", state, q)
		}
		if r.TaskState != q.TaskState || r.AnswerText != "so far" || (r.LastError == "") != (want != "failed") {
			t.Errorf("%s: %+v", state, r)
		}
	}
}

// Which person sent a message is told to people. Which workspace did is told to them, to itself and to who gets it.
func TestWhoIsToldWhoSentAMessage(t *testing.T) {
	sent := chat.Message{ID: "m", Workspace: "w", State: chat.Queued, SentBy: "ana rcp_1", SentFrom: "192.0.2.1"}
	for _, c := range []struct {
		caller httpapi.Caller
		person string
		source string
	}{
		{httpapi.Caller{Person: "bob rcp_2", Scope: people.View}, "ana rcp_1 192.0.2.1", "peer"},
		{httpapi.Caller{Workspace: "w"}, " ", "peer"},
		{httpapi.Caller{Workspace: "peer"}, " ", "peer"},
		{httpapi.Caller{Workspace: "other"}, " ", ""},
		{httpapi.Caller{}, " ", ""},
	} {
		m := sent
		r := httpapi.ReceiptOf(httpapi.Call{Caller: c.caller}, m)
		if r.SentBy+" "+r.SentFrom != c.person || r.SourceID != "" {
			t.Errorf("%+v is told %q from %q, source %q", c.caller, r.SentBy, r.SentFrom, r.SourceID)
		}
		m.Source = "peer"
		if r := httpapi.ReceiptOf(httpapi.Call{Caller: c.caller}, m); r.SourceID != c.source {
			t.Errorf("%+v is told the source %q", c.caller, r.SourceID)
		}
	}
}

// A list can be of one sender's messages. A peer sees its own and no others, whichever sender it asks for.
func TestReceiptsOfOneSender(t *testing.T) {
	env := fixture.Env(t)
	fixture.Member(t, env, "red", "")
	fixture.Member(t, env, "blue", "")
	now := env.Clock.Now()
	for _, source := range []string{"red", "blue", ""} {
		m := chat.Message{ID: "of-" + source + "x", Workspace: fixture.PollID, Source: source, Body: []byte(`{}`)}
		if _, err := env.Delivery.Enqueue(t.Context(), m, now); err != nil {
			t.Fatal(err)
		}
	}
	operator := httpapi.Caller{Person: "ana rcp_1", Scope: people.Operate}
	for _, c := range []struct {
		caller httpapi.Caller
		from   string
		want   []string
	}{
		{operator, "", []string{"of-x", "of-bluex", "of-redx"}},
		{operator, "red", []string{"of-redx"}},
		{operator, "users", []string{"of-x"}},
		{operator, "nobody", nil},
		{httpapi.Caller{Workspace: fixture.PollID}, "blue", []string{"of-bluex"}},
		{httpapi.Caller{Workspace: "red"}, "", []string{"of-redx"}},
		{httpapi.Caller{Workspace: "red"}, "blue", nil},
		{httpapi.Caller{}, "red", nil},
		{httpapi.Caller{}, "users", []string{"of-x"}},
	} {
		in := api.ListMessagesRequest{
			WorkspacePath: api.WorkspacePath{ID: fixture.PollID}, From: c.from, Page: api.Page{Limit: 10},
		}
		out, err := receipts{env.Delivery}.list(t.Context(), httpapi.Call{Now: now, Caller: c.caller}, in)
		var got []string
		for _, r := range out.Messages {
			got = append(got, r.MessageID)
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%+v, from %q: %v, %v; want %v", c.caller, c.from, got, err, c.want)
		}
	}
}

// The receipt of a message that waits says why, and what ends the wait; that of one that has ended waits for nothing.
func TestAReceiptSaysWhatAMessageWaitsFor(t *testing.T) {
	env := fixture.Env(t)
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	sent := chat.Message{ID: "m", Workspace: fixture.PollID, ExpiresAt: now.Add(time.Minute)}
	if _, err := env.Delivery.Enqueue(t.Context(), sent, now); err != nil {
		t.Fatal(err)
	}
	if _, err := env.Registry.Hold(t.Context(), fixture.PollID, workspace.Paused, activity.Actor{}, now); err != nil {
		t.Fatal(err)
	}
	rs := receipts{env.Delivery}
	path := api.WorkspacePath{ID: fixture.PollID}
	for at, want := range map[time.Duration]string{0: "until an operator resumes the workspace", time.Hour: ""} {
		call := httpapi.Call{Now: now.Add(at), Caller: httpapi.Caller{Scope: people.Operate}}
		one, err := rs.one(t.Context(), call, api.GetMessageRequest{
			MessagePath: api.MessagePath{WorkspacePath: path, MessageID: "m"},
		})
		if err != nil {
			t.Fatal(err)
		}
		list, err := rs.list(t.Context(), call, api.ListMessagesRequest{WorkspacePath: path, Page: api.Page{Limit: 10}})
		if err != nil || len(list.Messages) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		for _, r := range []api.Receipt{one, list.Messages[0]} {
			if !strings.Contains(r.WaitsFor, want) || (r.WaitsFor == "") != (want == "") {
				t.Errorf("after %s: %q", at, r.WaitsFor)
			}
		}
	}
}
