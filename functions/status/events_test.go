package main

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/workspace"
)

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
	read := events(&statuslog.Log{Store: forgetful{latest: 7}})
	out, err := read(t.Context(), httpapi.Call{}, api.EventsRequest{Limit: 1})
	if err != nil || len(out.Events) != 0 || out.Next != 7 {
		t.Fatalf("%+v, %v", out, err)
	}
	out, err = read(t.Context(), httpapi.Call{}, api.EventsRequest{Since: &out.Next, Limit: 1})
	if err != nil || out.Next != 7 {
		t.Errorf("%+v, %v", out, err)
	}
}
