package httpapi_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/workspace"
)

// one serves a workspace as it stands when it is asked for.
func one(w *api.Workspace) httpapi.Endpoint {
	return httpapi.Handle(api.GetWorkspace,
		func(context.Context, httpapi.Call, api.WorkspacePath) (api.Workspace, error) { return *w, nil })
}

func askWith(t *testing.T, e httpapi.Endpoint, tag string) events.APIGatewayV2HTTPResponse {
	t.Helper()
	return call(t, e, events.APIGatewayV2HTTPRequest{
		PathParameters: map[string]string{"id": "w"}, Headers: map[string]string{"If-None-Match": tag},
	})
}

// The tag stays while only times of calls and ages move, and changes with everything else that is shown.
func TestATagChangesWithWhatHappens(t *testing.T) {
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		change func(*api.Workspace)
		same   bool
	}{
		"nothing":        {func(*api.Workspace) {}, true},
		"a heartbeat":    {func(w *api.Workspace) { w.LastHeartbeat, w.LeaseUntil, w.RecheckAt = at, at, at }, true},
		"a poll":         {func(w *api.Workspace) { w.Inbox.LastPollAt = at }, true},
		"age":            {func(w *api.Workspace) { w.Inbox.OldestAgeSeconds = 9 }, true},
		"a later fact":   {func(w *api.Workspace) { w.Evidence = []api.Evidence{{At: at, Fact: "fact"}} }, true},
		"another fact":   {func(w *api.Workspace) { w.Evidence = []api.Evidence{{Fact: "other"}} }, false},
		"the status":     {func(w *api.Workspace) { w.Status = "offline" }, false},
		"the reason":     {func(w *api.Workspace) { w.Reason = "push_failing" }, false},
		"the promise":    {func(w *api.Workspace) { w.Expected = workspace.ExpectRetrying }, false},
		"since":          {func(w *api.Workspace) { w.Since = at }, false},
		"a message":      {func(w *api.Workspace) { w.Inbox.Queued = 1 }, false},
		"a task":         {func(w *api.Workspace) { w.ActiveTasks = 1 }, false},
		"a registration": {func(w *api.Workspace) { w.RegisteredAt = at }, false},
		"the name":       {func(w *api.Workspace) { w.Name = "other" }, false},
	} {
		w := api.Workspace{ID: "w", Verdict: api.Verdict{Status: "online", Evidence: []api.Evidence{{Fact: "fact"}}}}
		serve := one(&w)
		first := askWith(t, serve, "")
		if first.StatusCode != http.StatusOK || first.Headers["etag"] == "" {
			t.Fatalf("%s: %+v", name, first)
		}
		c.change(&w)
		again := askWith(t, serve, first.Headers["etag"])
		if (again.StatusCode == http.StatusNotModified) != c.same || (again.Body == "") != c.same {
			t.Errorf("%s: %d %s", name, again.StatusCode, again.Body)
		}
		if (again.Headers["etag"] == first.Headers["etag"]) != c.same || again.Headers["cache-control"] != "no-store" {
			t.Errorf("%s: %v after %v", name, again.Headers, first.Headers)
		}
	}
}

func TestIfNoneMatch(t *testing.T) {
	w := api.Workspace{ID: "w"}
	tag := askWith(t, one(&w), "").Headers["etag"]
	for list, want := range map[string]int{
		tag: 304, tag[2:]: 304, `"a", ` + tag: 304, tag + `,W/"b"`: 304, "*": 304,
		"": 200, `"a"`: 200, "W/": 200, tag[:len(tag)-1]: 200, tag[3 : len(tag)-1]: 200,
	} {
		if got := askWith(t, one(&w), list).StatusCode; got != want {
			t.Errorf("%s: %d, want %d", list, got, want)
		}
	}
}

// An error has no tag, and neither has an operation that is not tagged.
func TestOnlyAnswersHaveTags(t *testing.T) {
	missing := httpapi.Handle(api.GetWorkspace,
		func(context.Context, httpapi.Call, api.WorkspacePath) (api.Workspace, error) {
			return api.Workspace{}, context.DeadlineExceeded
		})
	if resp := askWith(t, missing, "*"); resp.StatusCode < 500 || resp.Headers["etag"] != "" {
		t.Errorf("%+v", resp)
	}
	untagged := httpapi.Handle(api.Explain,
		func(context.Context, httpapi.Call, api.ExplainRequest) (api.Explanation, error) {
			return api.Explanation{}, nil
		})
	if resp := askWith(t, untagged, "*"); resp.StatusCode != http.StatusOK || resp.Headers["etag"] != "" {
		t.Errorf("%+v", resp)
	}
}
