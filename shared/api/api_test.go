package api_test

import (
	"encoding/json"
	"reflect"
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
