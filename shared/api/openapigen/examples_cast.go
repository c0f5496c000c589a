package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// The cast of the examples: reviewer is pushed to, and writer gives it tasks. Their facts and messages become views by
// the product's own functions, so that what an example says fits together.
const (
	messageID    = "5f0c3c5e-8f0e-4a53-9d0a-1f6f3a0b7c11"
	answerID     = "0a1d9c47-3f6e-4b28-8c75-e2b4f09a6d13"
	rowID        = "b0f4d2a8-3c1e-4e57-8a90-6d5c4b3a2f1e"
	delegationID = "c8a1f3d2-7b64-4d0e-9f25-2e6b1a9c0d47"
	probeID      = "9d3e7b10-52c8-4f6a-b1d4-8c0f5a7e2b96"
	address      = "203.0.113.7" // of reviewer
	ana          = "ana rcp_p7r2t5v8"
	seq          = 12
	uptime       = 90 // of reviewer at noon, in seconds

	day    = 24 * time.Hour
	window = 15 * time.Minute
)

var (
	noon   = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	policy = workspace.DefaultPolicy()
	caller = httpapi.Caller{Person: ana, Name: "ana", Scope: people.Operate}
	viewer = httpapi.ViewerOf(context.Background(), &registry.Registry{Policy: policy}, noon).As(caller)

	well   = workspace.Assess(online(), policy, noon)
	byPush = workspace.EffectiveMode(online(), policy, noon)
	inbox  = httpapi.InboxOf(online(), noon)

	named   = workspace.Profile{Name: "Reviewer"}
	profile = workspace.Profile{
		Name: "Reviewer", URL: "https://reviewer.example.com/a2a", Role: "reviews changes", Tier: 1,
		Card: json.RawMessage(`{"name":"Reviewer","skills":[{"id":"review","name":"Review"}]}`),
	}

	afterRepair   = workspace.AfterRepair(online(), inWindow(), policy, noon)
	afterRotation = workspace.AfterRotation(online())

	mail = json.RawMessage(`{"jsonrpc":"2.0","id":"1","method":"message/send","params":{"message":{"role":"user",` +
		`"messageId":"` + messageID + `","parts":[{"kind":"text","text":"Review the change."}]}}}`)
	answer = json.RawMessage(`{"jsonrpc":"2.0","id":"1","result":{"kind":"message","role":"agent",` +
		`"messageId":"` + answerID + `","parts":[{"kind":"text","text":"It is correct."}]}}`)
)

// inLists is a profile as lists show it: without its card.
func inLists(p workspace.Profile) workspace.Profile {
	p.Card = nil
	return p
}

// unused is reviewer when it was created.
func unused() workspace.Facts {
	return workspace.Create("reviewer", token.Digest("rcw_…"), workspace.Undeclared, 0, noon)
}

// inWindow is reviewer after a repair at noon.
func inWindow() workspace.Facts {
	f, _ := workspace.Repair(online(), online().SeenFrom, policy, noon)
	return f
}

// online is reviewer at noon: it has registered, calls, and has taken all its mail.
func online() workspace.Facts {
	f := workspace.Facts{Identity: workspace.Identity{ID: "reviewer"}}
	f = workspace.Register(f, workspace.Admission{Trust: true}, workspace.Declaration{
		URL: "https://reviewer.example.com/a2a", Pushable: true, From: address,
	}, token.Digest("rcw_…"), token.Hash{}, policy, noon.Add(-uptime*time.Second))
	f.TakenAs = workspace.ToAgent // in the answer to that register
	f = workspace.Observe(f, workspace.Signal{
		Kind: workspace.SignalHeartbeat, From: address, Instance: workspace.OfEpoch(f.Epoch),
	}, policy, noon.Add(-12*time.Second))
	f.Accepted, f.Delivered = seq, seq
	f.PushTrouble = workspace.PushTrouble{} // its URL is no longer new
	f.DeliveredAt, f.PassedAt, f.ReachedAt = noon.Add(-time.Minute), noon.Add(-time.Minute), noon.Add(-time.Minute)
	return f
}

// refused is reviewer after it lost its credential and booted twice.
func refused() workspace.Facts {
	f := online()
	for _, ago := range []time.Duration{10 * time.Second, 5 * time.Second} {
		boot := workspace.Refusal{Kind: workspace.SignalRegister, From: address}
		f, _ = workspace.Refuse(f, boot, policy, noon.Add(-ago))
	}
	return f
}

func paused() workspace.Facts { return workspace.SetHold(online(), workspace.Paused, policy, noon) }

func removed() workspace.Facts { return workspace.SetHold(online(), workspace.Removed, policy, noon) }

// queued is the message of the examples, just accepted.
func queued() chat.Message {
	return chat.Message{
		ID: messageID, Workspace: "reviewer", Seq: seq, Source: "writer", Method: "message/send", Priority: chat.Task,
		Body: mail, State: chat.Queued, Reason: "accepted", AcceptedAt: noon, ExpiresAt: noon.Add(day),
	}
}

// delivered is the message when its agent has answered it.
func delivered() chat.Message {
	m := queued().Take(chat.ByPush, chat.Claim{}, chat.DefaultPolicy(), time.Time{}, noon.Add(time.Second))
	return m.Deliver("the agent took it", answer, "", noon.Add(4*time.Second))
}

// redriven is the message when the agent has refused it, and an operator has put it back.
func redriven() chat.Message {
	m := queued().Take(chat.ByPush, chat.Claim{}, chat.DefaultPolicy(), time.Time{}, noon.Add(time.Second))
	m, err := m.Refuse("the agent does not know the method", noon.Add(2*time.Second)).
		Redrive(chat.DefaultPolicy(), noon.Add(time.Minute))
	if err != nil {
		panic(err) // it was dead
	}
	return m
}

// cancelled is the message when an operator has ended it.
func cancelled() chat.Message {
	m, err := queued().Cancel(ana, noon.Add(time.Minute))
	if err != nil {
		panic(err) // it was queued
	}
	return m
}

// receiptOf is a message's receipt, as an operator sees it a while later.
func receiptOf(m chat.Message) api.Receipt {
	return httpapi.ReceiptOf(httpapi.Call{Now: noon.Add(time.Hour), Caller: caller}, m)
}

// mailRow is the message as a poll hands it out.
func mailRow() api.ActivityRow {
	m, reviewer, writer := queued(), "reviewer", "writer"
	return api.ActivityRow{
		ID: rowID, WorkspaceID: m.Workspace, Type: "a2a_receive", SourceID: &writer, TargetID: &reviewer, Method: m.Method,
		Summary: m.Method + " from Writer", Status: "ok", CreatedAt: m.AcceptedAt, RequestBody: m.Body, MessageID: m.ID,
		Data: &api.RowData{
			Source: "peer_agent", SourceID: writer, Text: chat.Summary(m.Body), PeerName: "Writer", PeerRole: "writes changes",
		},
		Seq: m.Seq,
	}
}

// accepted is the answer to the message when it is sent.
func accepted() api.Accepted {
	m := queued()
	expected, _ := workspace.Expect(online(), well, byPush.Effective, policy, noon)
	return api.Accepted{
		Queued: true, DeliveryMode: byPush.Effective, Method: m.Method, QueueID: m.ID, MessageID: m.ID,
		Receipt: httpapi.ReceiptPath(m.Workspace, m.ID), State: m.State, Expected: expected, QueueDepth: 1,
		WSStatus: well.Status, WSReason: well.Reason, Message: "accepted; it is being delivered now",
	}
}

// change is reviewer's change of status when its second boot is refused.
func change() api.Change {
	v := workspace.Assess(refused(), policy, noon)
	return api.Change{
		Seq: 7, WorkspaceSeq: 2, Workspace: "reviewer", Life: 1, At: noon.Add(-5 * time.Second),
		From: &api.Standing{Status: well.Status, Reason: well.Reason}, To: api.Standing{Status: v.Status, Reason: v.Reason},
		Since: v.Since, Hint: v.Hint, Action: v.Action, Evidence: httpapi.EvidenceOf(v.Evidence),
	}
}
