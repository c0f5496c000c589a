package main

import (
	"encoding/json"
	"testing"
	"time"

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
