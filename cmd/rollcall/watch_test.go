package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/workspace"
)

func TestWatchAndEventsOutliveAnOutage(t *testing.T) {
	const change = `{"next": 7, "events": [
		{"seq": 7, "workspace_id": "demo", "to": {"status": "online", "reason": "healthy"}}]}`
	for args, answers := range map[string]map[string][]answer{
		"watch --every 10ms": {"GET /workspaces": {
			{200, `{"workspaces": []}`}, {503, down}, {}, {200, `{"workspaces": [` + back + `]}`},
		}, "GET /events": {{200, `{"events": [], "next": 6}`}}},
		"events -f": {"GET /events": {
			{200, `{"events": [], "next": 6}`}, {503, down}, {200, change}, {200, `{"events": [], "next": 7}`},
		}},
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(&platform{answers: answers})
			defer server.Close()
			ctx, interrupt := context.WithTimeout(t.Context(), 20*time.Second)
			defer interrupt()
			out, errs := &watched{want: "demo", found: interrupt}, &bytes.Buffer{}
			code := run(ctx, append(strings.Fields(args), "--url", server.URL), nil, out, errs)
			if code != 0 || strings.Count(errs.String(), "asking again") != 1 || strings.Count(out.String(), "demo") != 1 {
				t.Errorf("exit %d\n%s%s", code, out, errs)
			}
		})
	}
}

// watched calls found when it is written what is wanted.
type watched struct {
	bytes.Buffer
	want  string
	found func()
}

func (w *watched) Write(p []byte) (int, error) {
	if strings.Contains(string(p), w.want) {
		w.found()
	}
	return w.Buffer.Write(p)
}

func TestChangesOf(t *testing.T) {
	ws := func(id string, status workspace.Status, reason workspace.Reason) api.Workspace {
		return api.Workspace{ID: id, Verdict: api.Verdict{Status: status, Reason: reason}}
	}
	known := byID([]api.Workspace{
		ws("gone", "online", "healthy"), ws("bye", "online", "healthy"), ws("same", "online", "healthy"),
		ws("status", "online", "healthy"), ws("reason", "degraded", "a"),
	})
	fleet := []api.Workspace{
		ws("new", "online", "healthy"), ws("reason", "degraded", "b"), ws("same", "online", "healthy"),
		ws("status", "offline", "healthy"),
	}
	var got []string
	for _, c := range changesOf(known, fleet) {
		got = append(got, c.to.ID+" from "+string(c.from))
	}
	if want := []string{"new from ", "reason from degraded", "status from online"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if gone := removedFrom(known, fleet); !slices.Equal(gone, []string{"bye", "gone"}) {
		t.Errorf("removed: %q", gone)
	}
	if len(known) != 5 {
		t.Error("removedFrom changed what is known")
	}
}

// With a filter, watch tells of a workspace that comes to fit it, of one that fits it no more, and of no other.
func TestWatchOfSome(t *testing.T) {
	of := func(id, team string, status workspace.Status, reason workspace.Reason) api.Workspace {
		return api.Workspace{ID: id, Team: team, Verdict: api.Verdict{Status: status, Reason: reason}}
	}
	known := byID([]api.Workspace{
		of("breaks", "", "online", "healthy"), of("mended", "red", "degraded", "push_failing"),
		of("same", "red", "degraded", "push_failing"), of("gone", "red", "offline", "lease_expired"),
	})
	fleet := []api.Workspace{
		of("breaks", "", "degraded", "push_failing"), of("mended", "red", "online", "healthy"),
		of("same", "red", "degraded", "push_failing"), of("new", "red", "online", "busy"),
	}
	for _, c := range []struct {
		only filter
		want []string
	}{
		{filter{}, []string{"breaks", "mended", "new", "gone"}},
		{filter{status: "degraded"}, []string{"breaks", "mended"}},
		{filter{status: "offline"}, []string{"gone"}},
		{filter{reason: "busy"}, []string{"new"}},
		{filter{team: "red"}, []string{"mended", "new", "gone"}},
		{filter{selector: "role=,id=n*"}, []string{"new"}},
		{filter{selector: "tier=0", reason: "push_failing"}, []string{"breaks", "mended"}},
	} {
		only, err := c.only.read()
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		a := &app{out: &output{to: &out}, output: "json"}
		if err := a.showChanges(only, known, fleet, false); err != nil {
			t.Fatal(err)
		}
		var got []string
		for line := range strings.Lines(out.String()) {
			var ws api.Workspace
			if err := json.Unmarshal([]byte(line), &ws); err != nil {
				t.Fatal(err)
			}
			got = append(got, ws.ID)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.only.words(), got, c.want)
		}
	}
}
