package main

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"testing"
	"time"

	lambda "github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/waiting"
	"github.com/rollcall/rollcall/shared/workspace"
)

// waits is a clock whose sleeps take no time, and during which something happens.
type waits struct {
	memory.Clock
	meanwhile func(time.Duration)
}

func (c waits) Sleep(_ context.Context, d time.Duration) error {
	c.meanwhile(d)
	return nil
}

// A long poll whose credential ends while it waits is refused when it is answered.
func TestALongPollEndsWithItsCredential(t *testing.T) {
	for name, meanwhile := range map[string]struct {
		revoke bool
		want   int
	}{"revoked": {true, http.StatusUnauthorized}, "good": {false, http.StatusOK}} {
		env := fixture.Env(t)
		now := env.Clock.Now()
		text, made, err := env.People.Create(t.Context(),
			people.Grant{Name: "canvas", Scope: people.View, Lasts: time.Hour}, activity.Actor{Who: "root"}, now)
		if err != nil {
			t.Fatal(err)
		}
		elsewhere := &people.People{Store: env.People.Store, Audit: env.People.Audit}
		env.StatusLog.Clock = waits{memory.Clock{Time: func() time.Time { return now }}, func(d time.Duration) {
			if now = now.Add(d); meanwhile.revoke {
				_, _, _ = elsewhere.Revoke(t.Context(), made.ID, activity.Actor{Who: "root"}, now) // or again
			}
		}}
		handle := httpapi.Serve(env.Log, func() time.Time { return now }, env.Gate, endpoints(env)...)
		resp, err := handle(t.Context(), lambda.APIGatewayV2HTTPRequest{
			RouteKey: api.GetEvents.Route, QueryStringParameters: map[string]string{"since": "0", "wait": "20"},
			Headers: map[string]string{"authorization": "Bearer " + text},
		})
		if err != nil || resp.StatusCode != meanwhile.want {
			t.Errorf("%s: %d %s (%v)", name, resp.StatusCode, resp.Body, err)
		}
	}
}

// While as many calls of a person wait as may, another one is refused if it has nothing to answer at once. Another
// person's waits, and so does the next one after they are over.
func TestALongPollWaitsInAPlace(t *testing.T) {
	env := fixture.Env(t)
	now := env.Clock.Now()
	names := []string{"one", "other"}
	credentials := map[string]string{}
	for _, name := range names {
		grant := people.Grant{Name: name, Scope: people.View, Lasts: time.Hour}
		text, _, err := env.People.Create(t.Context(), grant, activity.Actor{Who: "root"}, now)
		if err != nil {
			t.Fatal(err)
		}
		credentials[name] = text
	}
	handle := httpapi.Serve(env.Log, func() time.Time { return now }, env.Gate, endpoints(env)...)
	poll := func(name, wait string) int {
		resp, err := handle(t.Context(), lambda.APIGatewayV2HTTPRequest{
			RouteKey: api.GetEvents.Route, QueryStringParameters: map[string]string{"since": "0", "wait": wait},
			Headers: map[string]string{"authorization": "Bearer " + credentials[name]},
		})
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode
	}
	under, got := 0, map[string]int{}
	env.StatusLog.Clock = waits{memory.Clock{Time: func() time.Time { return now }}, func(time.Duration) {
		under++ // a call waits; meanwhile another one comes
		switch {
		case under < waiting.Most:
			poll("one", "2")
		case under == waiting.Most:
			got["one more"], got["that does not wait"] = poll("one", "2"), poll("one", "0")
			got["of another"] = poll("other", "2")
		}
	}}
	got["first"] = poll("one", "2")
	got["afterwards"] = poll("one", "2")
	want := map[string]int{
		"first": 200, "one more": 429, "of another": 200, "that does not wait": 200, "afterwards": 200,
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// What goes out as an event, and is stored in the history, is the Change that
// the API describes.
func TestAStoredChangeIsTheDescribedOne(t *testing.T) {
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	c := statuslog.Change{
		Seq: 7, WorkspaceSeq: 2, Workspace: "w", At: at, Since: at.Add(-time.Minute), Hint: "hint", Action: "restart",
		From:     &statuslog.StatusReason{Status: workspace.StatusOnline, Reason: workspace.ReasonHealthy},
		To:       statuslog.StatusReason{Status: workspace.StatusOffline, Reason: workspace.ReasonLeaseExpired},
		Evidence: []workspace.Evidence{{At: at, Fact: "fact"}},
	}
	first := c
	first.From = nil
	for _, c := range []statuslog.Change{c, first} {
		stored, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		described, err := json.Marshal(changeOf(c))
		if err != nil {
			t.Fatal(err)
		}
		if string(stored) != string(described) {
			t.Errorf("stored    %s\ndescribed %s", stored, described)
		}
	}
}

// forgetful is a log that no longer has any of its changes: the fleet was quiet for longer than they are kept.
type forgetful struct {
	statuslog.Store // nil
	latest          int64
}

func (f forgetful) LatestChange(context.Context) (int64, error) { return f.latest, nil }

func (forgetful) Changes(context.Context, int64, int) ([]statuslog.Change, error) { return nil, nil }

// Who begins to follow a quiet fleet is given the number to go on from.
func TestAQuietFleetCanBeFollowed(t *testing.T) {
	read := events(&statuslog.Log{Store: forgetful{latest: 7}}, waiting.Places{})
	out, err := read(t.Context(), httpapi.Call{}, api.EventsRequest{Limit: 1})
	if err != nil || len(out.Events) != 0 || out.Next != 7 {
		t.Fatalf("%+v, %v", out, err)
	}
	out, err = read(t.Context(), httpapi.Call{}, api.EventsRequest{Since: &out.Next, Limit: 1})
	if err != nil || out.Next != 7 {
		t.Errorf("%+v, %v", out, err)
	}
}
