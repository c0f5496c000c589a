package main

import (
	"bytes"
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestWatchAndEventsOutliveAnOutage(t *testing.T) {
	const change = `{"events": [{"seq": 7, "workspace_id": "demo", "to": {"status": "online", "reason": "healthy"}}], "next": 7}`
	for args, answers := range map[string]map[string][]answer{
		"watch --every 10ms": {"GET /workspaces": {{200, `{"workspaces": []}`}, {503, down}, {}, {200, `{"workspaces": [` + back + `]}`}}},
		"events -f":          {"GET /events": {{200, `{"events": [], "next": 6}`}, {503, down}, {200, change}, {200, `{"events": [], "next": 7}`}}},
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(&platform{answers: answers})
			defer server.Close()
			ctx, interrupt := context.WithTimeout(t.Context(), 20*time.Second)
			defer interrupt()
			out, errs := &watched{want: "demo", found: interrupt}, &bytes.Buffer{}
			code := run(ctx, append(strings.Fields(args), "--url", server.URL), out, errs)
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
