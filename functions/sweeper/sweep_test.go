package main

import (
	"encoding/json"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

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
	env.AnnounceTo(told)
	for sweep, want := range []int{2, 0} { // both of the cast are new to the first sweep, and no news to the next
		out, err := sweeper(slog.New(slog.DiscardHandler), time.Now, env.Sweeper.Sweep)(t.Context(), ev)
		if err != nil || out.Seen != 2 || out.Announced != want || len(out.Errors)+len(out.Broken) > 0 {
			t.Fatalf("sweep %d: %+v, %v", sweep, out, err)
		}
	}
	if n := len(told.Take()); n != 2 {
		t.Fatalf("%d announcements", n)
	}
}
