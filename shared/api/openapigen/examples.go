package main

import (
	"encoding/json"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/workspace"
)

// example is a call of an operation and its answer, as the page shows them.
type example struct {
	operation *api.Operation
	status    int // of the answer
	answer    any // its body; nil: the page shows none
	path      map[string]string
	query     string // of the call, with its question mark
	body      string // of the call; "": it has none
	newcomer  bool   // the call has no credential
}

// answers makes the example of an operation whose answer has this body. The status is the one with which the function
// would send that body.
func answers[Req, Rep any](op api.Op[Req, Rep], body Rep) example {
	e := example{operation: op.Operation, status: op.Replies[0].Status, answer: body}
	if coded, ok := any(body).(api.StatusCoder); ok {
		e.status = coded.StatusCode()
	}
	if headed, ok := any(body).(api.Headed); ok {
		e.answer, _ = headed.Headed()
	}
	return e
}

// shows makes the example of an operation whose answer is too long for the page, or no JSON.
func shows[Req, Rep any](op api.Op[Req, Rep]) example {
	return example{operation: op.Operation, status: op.Replies[0].Status}
}

// sends gives the call a body.
func (e example) sends(body string) example {
	e.body = body
	return e
}

// asks gives the call a query.
func (e example) asks(query string) example {
	e.query = "?" + query
	return e
}

// at gives a parameter of the path another value than it has in the other examples.
func (e example) at(parameter, value string) example {
	e.path = map[string]string{parameter: value}
	return e
}

// byNewcomer is the call of an agent that has no credential yet.
func (e example) byNewcomer() example {
	e.newcomer = true
	return e
}

// text is the answer's body in JSON, laid out for people; "" if the page shows none.
func (e example) text() (string, error) {
	if e.answer == nil {
		return "", nil
	}
	raw, err := json.MarshalIndent(e.answer, "", "  ")
	return string(raw), err
}

// examples are those of all operations, by route.
func examples() map[string]example {
	out := map[string]example{}
	for _, group := range [][]example{
		agentExamples(), chatExamples(), directoryExamples(), operatorExamples(), personExamples(), webhookExamples(),
		platformExamples(),
	} {
		for _, e := range group {
			out[e.operation.Route] = e
		}
	}
	return out
}

func agentExamples() []example {
	registered := api.Registered{
		Status: "registered", DeliveryMode: byPush.Effective, DeliveryReason: byPush.Reason, AuthToken: "rcw_…",
		WebhookSecret: "whsec_…", Epoch: 1, Inbox: inbox, NextHeartbeat: 17, WorkspaceStatus: well.Status,
	}
	return []example{
		answers(api.Register, registered).byNewcomer().sends(
			`{"id":"reviewer","url":"https://reviewer.example.com/a2a","enrolment_token":"rce_…"}`),
		answers(api.UpdateCard, api.CardUpdated{Status: "updated"}).sends(
			`{"workspace_id":"reviewer","agent_card":{"name":"Reviewer"}}`),
		answers(api.Heartbeat, api.Beat{
			Status: "ok", Inbox: inbox, NextHeartbeat: 17, WorkspaceStatus: well.Status, WorkspaceReason: well.Reason,
		}).sends(`{"workspace_id":"reviewer","active_tasks":0,"uptime_seconds":90,"epoch":1}`),
		answers(api.GetActivity, api.Activity{Rows: []api.ActivityRow{mailRow()}}).asks("type=a2a_receive&limit=20&epoch=1"),
		answers(api.Ack, api.Acked{LastAckedSeq: seq}).sends(`{"acked_seq":12,"epoch":1}`),
		answers(api.Report, api.Reported{ID: "7d0c1a34-5b7e-4c0f-9a51-0b8f6c2d9e10", Status: "logged"}).sends(
			`{"activity_type":"a2a_send","target_id":"writer","summary":"asked the writer"}`),
		answers(api.Notify, api.Notified{ID: "e2b91f6c-6f0f-4a5c-8a56-4d1f0e7a2c35", Status: "sent"}).sends(
			`{"message":"The review is done."}`),
		answers(api.GetState, api.State{WorkspaceID: "reviewer", Status: well.Status, Reason: well.Reason}),
		answers(api.RecordDelegation, api.DelegationRecorded{DelegationID: "my-task-1", Status: "recorded"}).sends(
			`{"target_id":"writer","task":"Describe the change.","delegation_id":"my-task-1"}`),
		answers(api.UpdateDelegation, api.DelegationRecorded{DelegationID: "my-task-1", Status: "completed"}).
			at("delegation_id", "my-task-1").sends(`{"status":"completed","response_preview":"It is described."}`),
	}
}

func chatExamples() []example {
	delivered := receiptOf(delivered())
	return []example{
		answers(api.SendMessage, accepted()).sends(string(mail)),
		answers(api.GetMessage, delivered),
		answers(api.ListMessages, api.Receipts{Messages: []api.Receipt{delivered}}).asks("state=delivered"),
		answers(api.GetQueueStatus, api.QueueStatus{
			QueueID: messageID, WorkspaceID: "reviewer", Status: "completed", State: delivered.State,
			Priority: delivered.Priority, Attempts: len(delivered.Attempts), EnqueuedAt: delivered.AcceptedAt,
			DispatchedAt: &delivered.Attempts[0].At, CompletedAt: &delivered.SettledAt, ExpiresAt: delivered.ExpiresAt,
			ResponseBody: delivered.Answer,
		}),
		answers(api.Delegate, api.Delegated{
			DelegationID: delegationID, Status: "delegated", TargetID: "reviewer", MessageID: "_" + delegationID,
			Receipt: httpapi.ReceiptPath("reviewer", "_"+delegationID),
		}).at("id", "writer").sends(`{"target_id":"reviewer","task":"Review the change.","idempotency_key":"review-42"}`),
		answers(api.ListDelegations, []api.Delegation{{
			DelegationID: delegationID, SourceID: "writer", TargetID: "reviewer", Status: "completed",
			Summary: "Review the change.", ResponsePreview: "It is correct.", MessageID: "_" + delegationID, CreatedAt: noon,
		}}).at("id", "writer"),
	}
}

func directoryExamples() []example {
	seen := change()
	return []example{
		answers(api.Discover, viewer.Peer(online(), profile)),
		answers(api.ListPeers, []api.Peer{viewer.Peer(online(), inLists(profile))}).at("id", "writer"),
		answers(api.ListWorkspaces, api.Fleet{Workspaces: []api.Workspace{viewer.Workspace(online(), inLists(profile))}}).
			asks("status=online&limit=100"),
		answers(api.GetWorkspace, viewer.Workspace(online(), profile)),
		answers(api.Explain, viewer.Explanation(refused(), profile, false)),
		answers(api.GetHistory, api.History{History: []api.HistoryEntry{
			{
				At: noon, Type: "audit", Action: "repair", Who: ana, From: "198.51.100.7", Life: 1,
				Summary: "1 credential revoked; bootstrap open until 2026-01-31T12:15:00Z, to " + address +
					", the address of its last accepted call",
			},
			{
				At: seen.At, Type: "status", Action: "status_changed", Who: "rollcall", Life: 1,
				Summary: "from online (healthy) to degraded (credentials_rejected)", Change: &seen,
			},
		}}),
		answers(api.GetEvents, api.Events{Events: []api.Change{seen}, Next: seen.Seq}).asks("since=6&wait=20"),
	}
}

func operatorExamples() []example {
	created := api.Created{Workspace: viewer.Workspace(unused(), named), AuthToken: "rcw_…"}
	same := api.Changed{Workspace: viewer.Workspace(online(), profile)}
	again, cancelled := receiptOf(redriven()), receiptOf(cancelled())
	return []example{
		answers(api.CreateWorkspace, created).sends(`{"id":"reviewer","name":"Reviewer"}`),
		answers(api.RemoveWorkspace, api.Changed{Workspace: viewer.Workspace(removed(), profile)}),
		answers(api.Repair, api.Repaired{
			BootstrapUntil: noon.Add(window), From: address, Next: afterRepair, Revoked: 1, WorkspaceID: "reviewer",
		}),
		answers(api.Rotate, api.Rotated{AuthToken: "rcw_…", Next: afterRotation, WorkspaceID: "reviewer"}),
		answers(api.Revoke, api.Revoked{
			Next: "nobody holds a valid credential now; rollcall repair reviewer --show shows one to place in the agent's " +
				"environment or file", Revoked: 1, WorkspaceID: "reviewer",
		}).sends(`{"force":true}`),
		answers(api.Dismiss, api.Dismissed{Changed: same, Closed: 2}).sends(`{"lost":true}`),
		answers(api.Pause, api.Changed{Workspace: viewer.Workspace(paused(), profile)}),
		answers(api.Resume, same),
		answers(api.Probe, api.Probing{
			DeliveryMode: byPush.Effective, Expected: accepted().Expected, ExpiresAt: noon.Add(window), MessageID: probeID,
			Receipt: httpapi.ReceiptPath("reviewer", probeID), WorkspaceID: "reviewer", WorkspaceReason: well.Reason,
			WorkspaceStatus: well.Status,
		}),
		answers(api.CancelMessage, cancelled),
		answers(api.CancelMail, api.CancelledMail{Messages: []api.Receipt{cancelled}}).sends(`{"from":"writer"}`),
		answers(api.RedriveMessage, api.RedrivenMessage{Receipt: again}),
		answers(api.Redrive, api.Redriven{Messages: []api.Receipt{again}}),
		answers(api.SweepNow, api.Swept{Seen: 120, Woken: 2, Announced: 1}),
		answers(api.CreateEnrolment, api.Enrolment{
			EnrolmentID: "k3x9p2m4", Token: "rce_…", ExpiresAt: noon.Add(day), Uses: 20,
			Next: "the agent sends it as enrolment_token when it registers, and is given its credential",
		}).sends(`{"uses":20,"expires_in_seconds":86400}`),
		answers(api.WithdrawEnrolment, api.Withdrawn{EnrolmentID: "k3x9p2m4", Status: "withdrawn"}),
		answers(api.GetAudit, api.History{History: []api.HistoryEntry{{
			At: noon, Type: "audit", Action: "enrolment_issued", Who: ana, From: "198.51.100.7", Life: 1,
			Summary: "enrolment token rce_k3x9p2m4 issued, good for 20 uses until 2026-02-01T12:00:00Z",
		}}}),
	}
}

func personExamples() []example {
	made := api.Token{
		TokenID: "p7r2t5v8", Name: "ana", Scope: "operate", CreatedAt: noon, CreatedBy: "root", ExpiresAt: noon.Add(90 * day),
	}
	return []example{
		answers(api.CreateToken, api.CreatedToken{
			Token: made, Credential: "rcp_…", Next: "give it to ana, who signs in with rollcall login",
		}).sends(`{"name":"ana","scope":"operate"}`),
		answers(api.ListTokens, api.Tokens{Tokens: []api.Token{made}}),
		answers(api.RevokeToken, api.RevokedToken{
			TokenID: made.TokenID, Name: made.Name, Status: "revoked", Webhooks: []string{}, NotEnded: []api.NotEnded{},
			AlsoRevoked: []api.RevokedAlso{},
			StillGood: []api.StillGood{{
				Kind: "token", ID: "b2m6x9w3", Name: "bob", Scope: "view", Command: "rollcall token revoke b2m6x9w3",
			}},
			Next: "its enrolment tokens, its repairs' windows and the unused credentials that repair, rotate and adopt showed " +
				"it let nobody in any more; an agent that they let in stays. Credentials that were made with it are good " +
				"still: if you trust none of them, rollcall token revoke p7r2t5v8 --all-it-made ends them, and what was made " +
				"with them",
		}),
		answers(api.WhoAmI, api.Me{Name: made.Name, Scope: made.Scope, ExpiresAt: made.ExpiresAt}),
		answers(api.InspectCredential, api.Inspected{
			WorkspaceID: "reviewer", Credential: "in_use", From: address, At: noon,
			Workspace: viewer.Workspace(online(), profile),
		}),
	}
}

func webhookExamples() []example {
	working := api.Webhook{
		WebhookID: "h4n8q1z6", URL: "https://hooks.example.com/rollcall", CreatedAt: noon, CreatedBy: ana,
		Statuses: []workspace.Status{workspace.StatusDegraded, workspace.StatusOffline}, State: "working", Last: change().Seq,
	}
	disabled := working
	disabled.State, disabled.Reason, disabled.DisabledAt = "disabled", "an operator disabled it", noon
	secret := api.CreatedWebhook{
		Webhook: working, Secret: "whsec_…",
		Next: "have the receiver verify the events with the secret, then send it one with rollcall webhook test h4n8q1z6",
	}
	return []example{
		answers(api.CreateWebhook, secret).sends(
			`{"url":"https://hooks.example.com/rollcall","statuses":["degraded","offline"]}`),
		answers(api.ListWebhooks, api.Webhooks{Webhooks: []api.Webhook{working}}),
		answers(api.RotateWebhook, secret),
		answers(api.EnableWebhook, api.EnabledWebhook{Webhook: working}),
		answers(api.DisableWebhook, disabled),
		answers(api.TestWebhook, api.TestedWebhook{WebhookID: working.WebhookID, Status: 204}),
		answers(api.DeleteWebhook, working),
	}
}

func platformExamples() []example {
	health := api.Health{Status: "ok", Sweeper: "the last sweep ended 12s ago", SweepEndedAt: noon}
	return []example{
		answers(api.GetHealth, health), answers(api.GetOldHealth, health), shows(api.GetConsole),
		shows(api.GetConsoleFile), shows(api.GetDocs), shows(api.GetDocument),
	}
}
