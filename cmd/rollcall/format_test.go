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
	for got, want := range map[string]string{
		clip("abc", 3): "abc", clip("äöüß", 3): "äö…", orDash(""): "-", orDash("x"): "x",
		count(1, "use"): "1 use", count(0, "use"): "0 uses", count(3, "use"): "3 uses",
		at(time.Time{}) + ago(time.Time{}): "nevernever",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
