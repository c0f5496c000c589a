package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/metrics"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/proof/memory"
)

func TestMinute(t *testing.T) {
	raw, err := os.ReadFile("../../events/sweeper/minute.json")
	if err != nil {
		t.Fatal(err)
	}
	var ev events.EventBridgeEvent
	if err := json.Unmarshal(raw, &ev); err != nil {
		t.Fatal(err)
	}
	env, told := fixture.Env(t), &memory.Announcer{}
	var lines bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&lines, nil))
	env.AnnounceTo(told)
	meter := app.Meter{Log: log, Clock: env.Clock}
	handle := sweeper(log, meter, time.Now, env.Registry.Fleets.Fleet, env.Sweeper.Sweep)
	for sweep, want := range []int{2, 0} { // both of the cast are new to the first sweep, and no news to the next
		out, err := handle(t.Context(), ev)
		if err != nil || out.Seen != 2 || out.Announced != want || len(out.Errors)+len(out.Broken) > 0 {
			t.Fatalf("sweep %d: %+v, %v", sweep, out, err)
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
