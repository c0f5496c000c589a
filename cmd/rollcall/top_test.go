package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/workspace"
)

// A screen has no more lines than the terminal, and says how much it leaves out and how old it is.
func TestTopFitsTheScreen(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	fleet := []api.Workspace{row("a", workspace.StatusDegraded, workspace.ReasonPushFailing, now)}
	for _, id := range []string{"b", "c", "d", "e"} {
		fleet = append(fleet, row(id, workspace.StatusOnline, workspace.ReasonHealthy, now))
	}
	w := printer{now: now, zone: time.UTC}
	whole := drawn(w, fleet, 40, nil)
	if !strings.HasPrefix(whole, "2026-01-31 12:00:00 UTC  5 workspaces  4 online  1 degraded\nID") ||
		strings.Count(whole, "\n") != 6 {
		t.Errorf("%s", whole)
	}
	short := drawn(w, fleet, 5, errors.New("no answer"))
	if strings.Count(short, "\n") != 4 || !strings.HasSuffix(short, "… and 3 lines more") ||
		!strings.Contains(short, "old: no answer\n") {
		t.Errorf("%s", short)
	}
	commandTest{args: "top", code: exitUsage, errs: "rollcall: top draws on a terminal; rollcall watch"}.run(t)
}
