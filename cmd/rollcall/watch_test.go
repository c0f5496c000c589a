package main

import (
	"bytes"
	"context"
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
