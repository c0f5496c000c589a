package main

import (
	"fmt"
	"maps"
	"reflect"
	"strings"

	"github.com/swaggest/openapi-go/openapi31"

	"github.com/rollcall/rollcall/shared/api"
)

// facet is a part of a schema, as JSON Schema has it. A facet that is nil takes that part away.
type facet = map[string]any

func says(description string) facet { return facet{"description": description} }

// spelled says of which characters a URL may be that is called.
const spelled = "an http or https URL of letters, digits and -._~:/?#[]@!$&'()*+,;= alone. Any other character is " +
	"written as %XX, and in the host as xn--"

// as makes a schema one of the shared ones.
func as(schema string) facet {
	return facet{"$ref": schemasPrefix + schema, "type": nil, "maxLength": nil}
}

// members is what the document says of the members of shapes beside what stands in their tags: what a handler or a use
// case holds them to, and words for those that have none.
var members = map[string]facet{
	// Of operators' requests and replies.
	"CreateRequest.max_concurrent_tasks": says("how many tasks it takes at once; 0 is the default"),
	"CreateRequest.team":                 says("the team that it belongs to; an adoption without one does not change it"),
	"CreateRequest.adopt": says(
		"take over an existing one: mode, status facts, runtime and tier are reset, mail is kept. " +
			"With a team, and no more than name and role, only these are changed",
	),
	"CreateRequest.force": says("with reset_credentials: also when the agent works with its credential"),
	"Changed.unchanged":   says("it was so before: nothing changed, and the audit trail has no line of it"),
	"RepairRequest.from":  says("the agent's network address: only a register from there is given the new credential"),
	"RepairRequest.told": says("from is what the verdict names, and no person: 409 if a bootstrap window is open for " +
		"another address"),
	"RepairRequest.show": says(
		"open no window, and answer with a credential: for an agent that reads its own from its " +
			"environment or a file",
	),
	"CancelMailRequest.from": says("only what this workspace sent, or users for what users sent; either this or all"),
	"Swept.expired":          says("messages ended: their lifetime is over, or their workspace was removed"),
	"Swept.segments": says("the fleet is too large for one function: so many sweep a segment of it each, and what " +
		"they see is in their logs"),
	"Swept.lag_seconds": says(
		"how long ago the last sweep of all workspaces ended, when this one began; absent: none had",
	),
	"Swept.broken": says("workspaces whose counters differed from the ledger; they are corrected"),
	"RotateRequest.fetch": says(
		"issue none: heartbeats are answered with action rotate until the agent has fetched one " +
			"and used it",
	),
	"EnrolmentRequest.expires_in_seconds": says("how long it lasts; default a day"),

	// Of URLs that are called.
	"RegisterRequest.url": says("where pushes go: " + spelled + ". An empty text or remote://… says that there is none"),
	"A2AParams.callback_url": says("gets a POST when the message has ended, at least once: " + spelled +
		". It is checked as agents' URLs are"),
	"WebhookRequest.url": says("where events are posted to: " + spelled),

	"A2AMessage.messageId": as("MessageID"),
	"AckRequest.epoch":     {"minimum": 0},
	"CreateRequest.id":     as("WorkspaceID"),
	"DelegateRequest.target_id": {
		"type": nil, "maxLength": nil,
		"anyOf": []any{map[string]any{"$ref": schemasPrefix + "WorkspaceID"}, map[string]any{"type": "null"}},
		"description": "whom the task is for; the path then has the caller's own id. Without it, which is an older form of " +
			"the call, the path names whom the task is for",
	},
	"EnrolmentRequest.workspace_id": as("WorkspaceID"),
	"ReportRequest.activity_type":   {"maxLength": 64, "pattern": "^[a-z][a-z0-9_]*$"},

	"QueueStatus.response_body": as("AgentAnswer"),
	"Receipt.answer": {
		"$ref":        schemasPrefix + "AgentAnswer",
		"description": "what the agent answered a push with; its words are in answer_text",
	},

	"CardUpdated.status":               says("the card was replaced"),
	"DelegationRecorded.delegation_id": says("the agent's own name of the task"),
	"Inbox.in_flight":                  says("how many are being delivered, or were handed out and not acknowledged"),
	"Inbox.last_poll_at":               says("when the agent last polled"),
	"Inbox.oldest_age_seconds":         says("how long the oldest of them has waited"),
	"Inbox.queued":                     says("how many messages wait"),
	"Notified.id":                      says("of the row in the activity log"),
	"RPCError.code":                    says("as JSON-RPC and A2A number their errors"),
	"RPCError.message":                 says("what went wrong, in words"),
	"Redriven.dry_run":                 says("true: nothing was put back; these would be"),
	"Removed.deleted":                  says("true"),
	"Reported.id":                      says("of the row in the activity log"),
	"RowData.peer_name":                says("of mail from a workspace: its name"),
	"RowData.peer_role":                says("of mail from a workspace: its role"),
	"RowData.source":                   says("canvas_user: a user or a person; peer_agent: a workspace, or the platform"),
	"RowData.source_id":                says("the row's source_id, with an empty text for null"),
	"RowData.text":                     says("what the message says, as one text"),
	"State.deleted":                    says("true: the workspace was removed, and its agent ends itself"),
	"State.paused":                     says("true: an operator has paused it; its agent goes on, and gets no mail"),
	"Tokens.tokens":                    says("those that were not revoked"),
	"Webhooks.webhooks":                says("those of the whole deployment"),
	"Withdrawn.enrolment_id":           says("of the token that lets nobody in any more"),
}

// pathNames is which workspace {id} in the path names, of operations that say it in two ways.
var pathNames = map[string]string{
	api.Delegate.ID: "the workspace that gives the task: the caller's own id. In the older form of the call, without " +
		"target_id, it is whom the task is for",
}

// describeMembers adds members to the components. A member that is not there is a mistake.
func describeMembers(components *openapi31.Components) error {
	for of, facets := range members {
		shape, member, _ := strings.Cut(of, ".")
		properties, _ := components.Schemas[shape]["properties"].(map[string]any)
		schema, ok := properties[member].(map[string]any)
		if !ok {
			return fmt.Errorf("no shape has a member %s", of)
		}
		maps.Copy(schema, facets)
		maps.DeleteFunc(schema, func(_ string, v any) bool { return v == nil })
	}
	return nil
}

// readByHandlers are the tags of the texts in the bodies that endpoints read themselves: one that has no bound there
// counts with the message around it.
var readByHandlers = func() map[reflect.StructTag]bool {
	out := map[reflect.StructTag]bool{}
	var add func(t reflect.Type)
	add = func(t reflect.Type) {
		for _, f := range reflect.VisibleFields(t) {
			switch kind := f.Type.Kind(); {
			case kind == reflect.Struct:
				add(f.Type)
			case kind == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct:
				add(f.Type.Elem())
			case kind == reflect.String:
				out[f.Tag] = true
			}
		}
	}
	for _, o := range api.Operations() {
		if o.Body != nil {
			add(reflect.TypeOf(o.Body))
		}
	}
	return out
}()
