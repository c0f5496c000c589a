package api_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/workspace"
)

func TestOperationsStandOnce(t *testing.T) {
	ids, routes, tags := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, tag := range api.Tags {
		tags[tag.Name] = true
	}
	for _, o := range api.Operations() {
		if ids[o.ID] || routes[o.Route] {
			t.Errorf("%s (%s) stands twice", o.Route, o.ID)
		}
		ids[o.ID], routes[o.Route] = true, true
		if o.ID == "" || o.Summary == "" || o.Function == "" || !tags[o.Tag] || o.Access == 0 {
			t.Errorf("%s lacks an id, a summary, a function, a known tag or who may call: %+v", o.Route, o)
		}
		if method, path, ok := strings.Cut(o.Route, " "); !ok || method == "" || !strings.HasPrefix(path, "/") {
			t.Errorf("%q is no method and path", o.Route)
		}
	}
	if len(api.Routes("status")) == 0 || len(api.Routes("sweeper")) != 0 {
		t.Error("the sweeper serves no route, status does")
	}
}

// Each code that a remark may have is in the document.

// operationIDs are the names of the operations, which generated clients have as names of functions: one that stands
// here stays as long as its route does.
var operationIDs = map[string]string{
	"GET /":                                       "getConsole",
	"GET /audit":                                  "getAuditTrail",
	"GET /console/{file}":                         "getConsoleFile",
	"GET /docs":                                   "getDocumentation",
	"POST /enrolments":                            "createEnrolment",
	"DELETE /enrolments/{enrolment_id}":           "withdrawEnrolment",
	"GET /events":                                 "listEvents",
	"GET /health":                                 "getHealth",
	"GET /healthz":                                "getOldHealth",
	"GET /openapi.json":                           "getDocument",
	"GET /registry/credential":                    "inspectCredential",
	"GET /registry/discover/{id}":                 "discoverPeer",
	"POST /registry/heartbeat":                    "sendHeartbeat",
	"POST /registry/register":                     "registerAgent",
	"POST /registry/update-card":                  "updateCard",
	"GET /registry/{id}/peers":                    "listPeers",
	"POST /sweep":                                 "runSweep",
	"GET /tokens":                                 "listTokens",
	"POST /tokens":                                "createToken",
	"DELETE /tokens/{token_id}":                   "revokeToken",
	"GET /webhooks":                               "listWebhooks",
	"POST /webhooks":                              "createWebhook",
	"DELETE /webhooks/{webhook_id}":               "deleteWebhook",
	"POST /webhooks/{webhook_id}/disable":         "disableWebhook",
	"POST /webhooks/{webhook_id}/enable":          "enableWebhook",
	"POST /webhooks/{webhook_id}/rotate":          "rotateWebhook",
	"POST /webhooks/{webhook_id}/test":            "testWebhook",
	"GET /whoami":                                 "getCaller",
	"GET /workspaces":                             "listWorkspaces",
	"POST /workspaces":                            "createWorkspace",
	"DELETE /workspaces/{id}":                     "removeWorkspace",
	"GET /workspaces/{id}":                        "getWorkspace",
	"POST /workspaces/{id}/a2a":                   "sendMessage",
	"GET /workspaces/{id}/a2a/queue/{message_id}": "getQueueStatus",
	"GET /workspaces/{id}/activity":               "listActivity",
	"POST /workspaces/{id}/activity":              "reportActivity",
	"POST /workspaces/{id}/activity/ack":          "acknowledgeMail",
	"POST /workspaces/{id}/cancel":                "cancelMail",
	"POST /workspaces/{id}/delegate":              "delegateTask",
	"GET /workspaces/{id}/delegations":            "listDelegations",
	"POST /workspaces/{id}/delegations/record":    "recordDelegation",
	"POST /workspaces/{id}/delegations/{delegation_id}/update": "updateDelegation",
	"POST /workspaces/{id}/dismiss":                            "dismissRefusals",
	"GET /workspaces/{id}/explain":                             "explainWorkspace",
	"GET /workspaces/{id}/history":                             "listHistory",
	"GET /workspaces/{id}/messages":                            "listMessages",
	"GET /workspaces/{id}/messages/{message_id}":               "getMessage",
	"POST /workspaces/{id}/messages/{message_id}/cancel":       "cancelMessage",
	"POST /workspaces/{id}/messages/{message_id}/redrive":      "redriveMessage",
	"POST /workspaces/{id}/notify":                             "notifyUser",
	"POST /workspaces/{id}/pause":                              "pauseWorkspace",
	"POST /workspaces/{id}/probe":                              "probeWorkspace",
	"POST /workspaces/{id}/redrive":                            "redriveMail",
	"POST /workspaces/{id}/repair":                             "repairWorkspace",
	"POST /workspaces/{id}/resume":                             "resumeWorkspace",
	"POST /workspaces/{id}/revoke":                             "revokeCredentials",
	"POST /workspaces/{id}/rotate":                             "rotateCredential",
	"GET /workspaces/{id}/state":                               "getState",
}

// Each operation has a name of a verb and what it is about, which no other one has.
func TestOperationsAreNamedByAVerbAndANoun(t *testing.T) {
	verbs := strings.Split("acknowledge cancel create delegate delete disable discover dismiss enable explain get "+
		"inspect list notify pause probe record redrive register remove repair report resume revoke rotate run send test "+
		"update withdraw", " ")
	form, named := regexp.MustCompile(`^([a-z]+)[A-Z][A-Za-z]+$`), map[string]string{}
	for _, o := range api.Operations() {
		parts := form.FindStringSubmatch(o.ID)
		if parts == nil || !slices.Contains(verbs, parts[1]) {
			t.Errorf("%s is named %s", o.Route, o.ID)
		}
		named[o.Route] = o.ID
	}
	if !maps.Equal(named, operationIDs) {
		t.Errorf("the names are %v, and were %v", named, operationIDs)
	}
}

// What only people may call is an operator's, or about the platform or the directory; what agents call is not among
// operators' calls.
func TestAgentsCallsAreNotAmongOperators(t *testing.T) {
	for _, o := range api.Operations() {
		byAgents := o.Access.Allows(api.ByItself) || o.Access.Allows(api.ByAnyWorkspace) || o.Access.Allows(api.ByNewcomer)
		if byAgents && o.Tag == "operator" || o.Tag == "agents" && !byAgents {
			t.Errorf("%s is tagged %s", o.Route, o.Tag)
		}
	}
}

// Each operation with a body can name in its reply what nobody reads of it.
func TestEachReplyToABodyNamesWhatIsUnread(t *testing.T) {
	for _, o := range api.Operations() {
		for _, reply := range o.Replies {
			_, names := reflect.TypeAssert[api.Unreader](reflect.New(reflect.TypeOf(reply.Body)))
			if o.HasBody() && !names {
				t.Errorf("%s answers with %T", o.Route, reply.Body)
			}
		}
	}
}

// A body has no objects of ours inside, apart from a message's, whose reader names what it doesn't read of them: the
// general reader looks at the outermost members only. What a caller keeps as JSON of its own is free.
func TestABodyHasNoObjectsThatNobodyLooksInto(t *testing.T) {
	for _, o := range api.Operations() {
		if !o.HasBody() || o.Body != nil {
			continue
		}
		for _, f := range reflect.VisibleFields(reflect.TypeOf(o.Request)) {
			of := f.Type
			for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
				of = of.Elem()
			}
			if name := f.Tag.Get("json"); name != "" && name != "-" && of.Kind() == reflect.Struct {
				t.Errorf("%s: nobody names what is misspelt inside %s", o.Route, name)
			}
		}
	}
}

func TestEachCodeOfARemarkIsDescribed(t *testing.T) {
	code, _ := reflect.TypeFor[api.Remark]().FieldByName("Code")
	codes := workspace.RemarkCodes()
	if got, want := code.Tag.Get("enum"), strings.Join(codes, ","); got != want {
		t.Errorf("the document has the codes %s, and the domain %s", got, want)
	}
	for _, c := range codes {
		if !strings.Contains(code.Tag.Get("description"), c+": ") {
			t.Errorf("%s has no description", c)
		}
	}
}

// A status that a reply chooses is among those that its operation has.
func TestRepliesComeWithDescribedStatuses(t *testing.T) {
	for _, c := range []struct {
		reply     api.StatusCoder
		operation *api.Operation
		want      int
	}{
		{api.Accepted{}, api.SendMessage.Operation, 200},
		{api.Accepted{Queued: true}, api.SendMessage.Operation, 202},
		{api.Created{}, api.CreateWorkspace.Operation, 201},
		{api.Created{Adopted: true}, api.CreateWorkspace.Operation, 200},
		{api.State{}, api.GetState.Operation, 200},
		{api.State{Deleted: true}, api.GetState.Operation, 404},
	} {
		described := false
		for _, r := range c.operation.Replies {
			described = described || r.Status == c.want
		}
		if got := c.reply.StatusCode(); got != c.want || !described {
			t.Errorf("%+v comes with %d, want %d, described: %t", c.reply, got, c.want, described)
		}
	}
}

func TestStateOfARemovedWorkspace(t *testing.T) {
	for want, s := range map[string]api.State{
		`{"deleted":true,"workspace_id":"w"}`: {WorkspaceID: "w", Deleted: true},
		`{"deleted":false,"paused":true,"reason":"paused","status":"paused","workspace_id":"w"}`: {
			WorkspaceID: "w", Status: "paused", Reason: "paused", Paused: true,
		},
	} {
		if got, err := json.Marshal(s); err != nil || string(got) != want {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
}
