package main

import (
	"testing"
	"time"
)

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second:      "0s",
		0:                 "0s",
		59 * time.Second:  "59s",
		time.Minute:       "1m",
		59 * time.Minute:  "59m",
		time.Hour:         "1h",
		47 * time.Hour:    "47h",
		48 * time.Hour:    "2d",
		1000 * time.Hour:  "41d",
		90 * time.Second:  "1m",
		150 * time.Minute: "2h",
	} {
		if got := span(d); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
}

func TestWordsOfATable(t *testing.T) {
	w := &printer{}
	for got, want := range map[string]string{
		clip("abc", 3): "abc", clip("äöüß", 3): "äö…", orDash(""): "-", orDash("x"): "x",
		count(1, "use"): "1 use", count(0, "use"): "0 uses", count(3, "use"): "3 uses",
		w.at(time.Time{}) + w.ago(time.Time{}): "nevernever",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// One clock stands in columns and in sentences. Without one, ages are relative and other times local.
func TestOneClock(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	then := now.Add(-5 * time.Minute)
	for _, c := range []struct{ clock, at, ago, words string }{
		{"", "2026-01-31 12:55:00 CET", "5m ago", "polled at 2026-01-31 12:55:00 CET, or never"},
		{clockLocal, "2026-01-31 12:55:00 CET", "2026-01-31 12:55:00 CET", "polled at 2026-01-31 12:55:00 CET, or never"},
		{clockUTC, "2026-01-31T11:55:00Z", "2026-01-31T11:55:00Z", "polled at 2026-01-31T11:55:00Z, or never"},
		{clockRelative, "5m ago", "5m ago", "polled at 2026-01-31 12:55:00 CET, or never"},
	} {
		w := &printer{clock: c.clock, zone: time.FixedZone("CET", 3600), now: now}
		at, ago, words := w.at(then), w.ago(then), w.words("polled at 2026-01-31T11:55:00.5Z, or never")
		if at != c.at || ago != c.ago || words != c.words {
			t.Errorf("--time %q: %q, %q, %q", c.clock, at, ago, words)
		}
	}
	if got := relative(now.Add(3*time.Hour), now); got != "in 3h" {
		t.Errorf("%q", got)
	}
}
