package api_test

import (
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/api"
)

func TestWhichMethodsAPathTakes(t *testing.T) {
	for path, want := range map[string]string{
		"/":                                  "GET HEAD OPTIONS",
		"/healthz":                           "GET HEAD OPTIONS",
		"/healthz/":                          "",
		"healthz":                            "",
		"/workspaces/w/activity":             "GET OPTIONS POST", // a poll is no page: HEAD would hand out mail
		"/workspaces/w/activity/ack":         "OPTIONS POST",
		"/workspaces/w/delegations/d/update": "OPTIONS POST",
		"/workspaces//activity":              "",
		"/workspaces/%zz/state":              "",
		"/nowhere":                           "",
		"$default":                           "",
	} {
		if got := strings.Join(api.Methods(path), " "); got != want {
			t.Errorf("%s takes %q, want %q", path, got, want)
		}
	}
	m := api.Find("/workspaces/a%2Fb/messages/m+1")["GET"]
	if m.Operation != api.GetMessage.Operation || m.Parameters["id"] != "a/b" || m.Parameters["message_id"] != "m+1" {
		t.Errorf("%+v", m)
	}
}
