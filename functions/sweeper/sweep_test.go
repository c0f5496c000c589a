package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/metrics"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/sweep"
)

func TestMinute(t *testing.T) {
	raw, err := os.ReadFile("../../events/sweeper/minute.json")
	if err != nil {
		t.Fatal(err)
	}
	var ev event
	if err := json.Unmarshal(raw, &ev); err != nil {
		t.Fatal(err)
	}
	env, told := fixture.Env(t), &memory.Announcer{}
	var lines bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&lines, nil))
	env.AnnounceTo(told)
	meter := app.Meter{Log: log, Clock: env.Clock}
	handle := sweeper(log, meter, time.Now, env.Sweeper.Sweep, env.Sweeper.SweepSegment)
	for n, want := range []int{2, 0} { // both of the cast are new to the first sweep, and no news to the next
		out, err := handle(t.Context(), ev)
		if err != nil || out.Seen != 2 || out.Announced != want || len(out.Errors)+len(out.Broken) > 0 {
			t.Fatalf("sweep %d: %+v, %v", n, out, err)
		}
	}
	for metric, want := range map[string]int{
		metrics.SweepDuration: 2, metrics.SweepErrors: 2, metrics.CountersMended: 2,
		metrics.SweepLag: 1, // none had ended before the first
	} {
		if n := strings.Count(lines.String(), `"Name":"`+metric+`"`); n != want {
			t.Errorf("%s was written %d times in two sweeps", metric, n)
		}
	}
	if n := len(told.Take()); n != 2 {
		t.Fatalf("%d announcements", n)
	}
}

// A task has its segment swept, once. What is no task is dropped, and what failed fails the call.
func TestATaskOfASweep(t *testing.T) {
	raw, err := os.ReadFile("../../events/sweeper/task.json")
	if err != nil {
		t.Fatal(err)
	}
	var ev event
	if err := json.Unmarshal(raw, &ev); err != nil {
		t.Fatal(err)
	}
	env := fixture.Env(t)
	env.AnnounceTo(&memory.Announcer{})
	var lines bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&lines, nil))
	all := func(context.Context) (sweep.Result, error) {
		t.Error("a sweep of all workspaces was run")
		return sweep.Result{}, nil
	}
	handle := sweeper(log, app.Meter{Log: log, Clock: env.Clock}, time.Now, all, env.Sweeper.SweepSegment)
	for n, want := range []int{2, 0} { // the task comes twice
		lines.Reset()
		if out, err := handle(t.Context(), ev); err != nil || out.Seen != want {
			t.Errorf("call %d: %+v, %v", n, out, err)
		}
		for line := range strings.Lines(lines.String()) { // the metrics are told apart too
			if !strings.Contains(line, `"segment":0`) {
				t.Errorf("call %d: %s", n, line)
			}
		}
	}
	for _, body := range []string{
		"", "{}", `{"segment":1,"of":1,"sweep":"2026-11-24T12:00:00Z"}`, `{"segment":0,"of":1}`,
	} {
		ev.Records[0].Body = body
		if out, err := handle(t.Context(), ev); err != nil || out.Seen != 0 || !strings.Contains(lines.String(), "dropped") {
			t.Errorf("%q: %+v, %v", body, out, err)
		}
		lines.Reset()
	}
	failing := func(context.Context, sweep.Task) (sweep.Result, error) { return sweep.Result{}, errors.New("no store") }
	ev.Records[0].Body = `{"segment":0,"of":1,"sweep":"2026-11-24T12:00:00Z"}`
	if _, err := sweeper(log, app.Meter{}, time.Now, all, failing)(t.Context(), ev); err == nil {
		t.Error("a fault of the store is no error")
	}
}
