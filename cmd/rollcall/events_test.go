package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"
)

// Who follows lets the platform wait for the next change; the first page is printed at once.
func TestFollowingIsALongPoll(t *testing.T) {
	ctx, interrupt := context.WithTimeout(t.Context(), 20*time.Second)
	defer interrupt()
	var queries []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		queries = append(queries, r.URL.RawQuery)
		if len(queries) == 2 {
			interrupt()
		}
		_, _ = io.WriteString(w, `{"events": [], "next": 6}`)
	}))
	out, errs := &bytes.Buffer{}, &bytes.Buffer{}
	code := run(ctx, []string{"events", "--follow", "--url", server.URL}, nil, out, errs)
	server.Close() // waits for its calls
	if want := []string{"limit=500", "limit=500&since=6&wait=20"}; code != 0 || !slices.Equal(queries, want) {
		t.Errorf("exit %d, asked %q, want %q\n%s", code, queries, want, errs)
	}
}

// Where too many calls of a person wait already, who follows looks again after the time that the answer says.
func TestWhoMayNotWaitLooksAgain(t *testing.T) {
	ctx, interrupt := context.WithTimeout(t.Context(), 20*time.Second)
	defer interrupt()
	var queries []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		queries = append(queries, r.URL.RawQuery)
		switch len(queries) {
		case 2:
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, `{"error": "20 calls wait", "code": "too_many_waits", "retry_after": 1}`)
			return
		case 3:
			interrupt()
		}
		_, _ = io.WriteString(w, `{"events": [], "next": 6}`)
	}))
	out, errs := &bytes.Buffer{}, &bytes.Buffer{}
	code := run(ctx, []string{"events", "--follow", "--url", server.URL}, nil, out, errs)
	server.Close() // waits for its calls
	want := []string{"limit=500", "limit=500&since=6&wait=20", "limit=500&since=6"}
	if code != 0 || !slices.Equal(queries, want) || errs.Len() > 0 {
		t.Errorf("exit %d, asked %q, want %q\n%s", code, queries, want, errs)
	}
}

func TestAnEmptyLogSaysSo(t *testing.T) {
	commandTest{
		args: "events", answers: on("GET /events", answer{200, `{"events": [], "next": 0}`}), out: "nothing yet\n",
	}.run(t)
}
