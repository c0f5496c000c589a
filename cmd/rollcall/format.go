package main

import (
	"fmt"
	"regexp"
	"time"

	"github.com/rollcall/rollcall/shared/visible"
)

// The clocks that --time takes. Without one, ages are relative and other times local.
const (
	clockLocal    = "local"
	clockUTC      = "utc"
	clockRelative = "relative"
)

// clocks are the values of --time.
var clocks = []string{clockLocal, clockUTC, clockRelative}

// at formats a time by the clock that was asked for, else in the local time zone.
func (w *printer) at(t time.Time) string {
	switch {
	case t.IsZero():
		return "never"
	case w.clock == clockRelative:
		return relative(t, w.now)
	}
	return w.absolute(t)
}

// ago formats a time whose age matters: relative, unless another clock was asked for.
func (w *printer) ago(t time.Time) string {
	switch {
	case t.IsZero():
		return "never"
	case w.clock == "" || w.clock == clockRelative:
		return relative(t, w.now)
	}
	return w.absolute(t)
}

// lasting says how long something has been so, since t.
func (w *printer) lasting(t time.Time) string {
	if w.clock == "" || w.clock == clockRelative {
		return "for " + span(w.now.Sub(t))
	}
	return "since " + w.absolute(t)
}

func (w *printer) absolute(t time.Time) string {
	if w.clock == clockUTC {
		return t.UTC().Format(time.RFC3339)
	}
	return t.In(w.zone).Format("2006-01-02 15:04:05 MST")
}

// stamps are the times in what the platform says: in UTC, as RFC 3339 has them.
var stamps = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)

// words is a sentence of the platform: with its times by the clock that was asked for, and with
// commands of this program for calls of the API. A sentence has no relative times. What is quoted stays as it is.
func (w *printer) words(text string) string {
	return asCommands(visible.OutsideQuotes(text, func(own string) string {
		return stamps.ReplaceAllStringFunc(own, func(stamp string) string {
			t, err := time.Parse(time.RFC3339, stamp)
			if err != nil {
				return stamp // the platform wrote none of this
			}
			return w.absolute(t)
		})
	}))
}

// relative formats a time as seen from now.
func relative(t, now time.Time) string {
	if t.After(now.Add(time.Second)) {
		return "in " + span(t.Sub(now))
	}
	return span(now.Sub(t)) + " ago"
}

// span formats a duration in its largest sensible unit; a negative one is 0s.
func span(d time.Duration) string {
	switch d = max(d, 0); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// count formats a number of things: "1 use", "3 uses".
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
