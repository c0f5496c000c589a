package wire_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rollcall/rollcall/localstack/platform/wire"
)

// store is an emulator that keeps the writes that it was sent.
type store struct {
	mu     sync.Mutex
	writes []string
	*httptest.Server
}

func newStore(t *testing.T) *store {
	s := &store{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		op := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "DynamoDB_20120810.")
		s.mu.Lock()
		defer s.mu.Unlock()
		switch {
		case op == "Scan":
			fmt.Fprint(w, `{"Items":[{"id":{"S":"kept"}}]}`)
		case strings.Contains(string(body), "refuse"):
			http.Error(w, `{"__type":"ConditionalCheckFailedException"}`, http.StatusBadRequest)
		default:
			s.writes = append(s.writes, op+" "+string(body))
			fmt.Fprint(w, `{}`)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func send(t *testing.T, url, target, body string) (int, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Amz-Target", target)
	req.Header.Set("User-Agent", "aws-sdk-go-v2/1 app/rollcall-enqueue")
	req.Header.Set("Amz-Sdk-Invocation-Id", "call")
	req.Header.Set("X-Amzn-Trace-Id", "Root=1-2-3")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	resp.Body.Close()
	return resp.StatusCode, nil
}

func TestLayersSeeTheCallAndMayDropIt(t *testing.T) {
	s := newStore(t)
	var seen wire.Call
	w, err := wire.Listen(func(_ context.Context, c wire.Call, next wire.Forward) wire.Answer {
		seen = c
		if c.Operation == "DeleteItem" {
			c.Body = []byte(`{"changed":true}`)
		}
		a := next(c)
		a.Drop = c.Operation == "PutItem" // it is done, and the answer is lost
		return a
	})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	code, err := send(t, w.URL, "DynamoDB_20120810.GetItem", "{}")
	if err != nil || code != http.StatusServiceUnavailable {
		t.Fatalf("before it is connected: %d, %v", code, err)
	}
	w.Connect(s.URL)
	if code, err = send(t, w.URL, "DynamoDB_20120810.UpdateItem", `{"a":1}`); err != nil || code != 200 {
		t.Fatalf("%d, %v", code, err)
	}
	if seen.Name() != "DynamoDB.UpdateItem" || !seen.Writes() ||
		seen.Function != "rollcall-enqueue" || seen.ID != "call" ||
		seen.Invocation != "Root=1-2-3" || string(seen.Body) != `{"a":1}` {
		t.Fatalf("%+v", seen)
	}
	if _, err := send(t, w.URL, "DynamoDB_20120810.PutItem", `{"b":2}`); err == nil {
		t.Fatal("a dropped reply arrived")
	}
	if len(s.writes) != 2 {
		t.Fatalf("the dropped call was not done: %v", s.writes)
	}
	_, err = send(t, w.URL, "DynamoDB_20120810.DeleteItem", `{"c":3}`)
	if err != nil || s.writes[2] != `DeleteItem {"changed":true}` {
		t.Fatalf("%v, %v", s.writes, err)
	}
}

func TestJournalBringsBackWhatWasAnswered(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	first, second := newStore(t), newStore(t)
	j, err := wire.OpenJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wire.OpenJournal(path); !errors.Is(err, wire.ErrKept) {
		t.Fatalf("two journals of one file: %v", err)
	}
	w, err := wire.Listen(j.Layer)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	w.Connect(first.URL)
	if _, err := j.Restore(t.Context(), first.URL, map[string]string{"leases": "Stack-Leases-1"}); err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{
		`{"TableName":"Stack-Leases-1","n":1}`,
		`{"TableName":"Stack-Leases-1","n":"refuse"}`,
		`{"TableName":"Stack-Leases-1","n":2,"text":"the \"Stack-Leases-1\""}`,
	} {
		if _, err := send(t, w.URL, "DynamoDB_20120810.UpdateItem", body); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := send(t, w.URL, "DynamoDB_20120810.GetItem", `{"TableName":"Stack-Leases-1"}`); err != nil {
		t.Fatal(err)
	}
	// The platform is killed in the middle of a line, which was therefore never answered.
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(f, `{"op":"UpdateItem","bo`)
	f.Close()
	j.Close()

	j, err = wire.OpenJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	n, err := j.Restore(t.Context(), second.URL, map[string]string{"leases": "Stack-Leases-2"})
	if err != nil || n != 2 {
		t.Fatalf("%d, %v", n, err)
	}
	want := []string{
		`UpdateItem {"TableName":"Stack-Leases-2","n":1}`,
		`UpdateItem {"TableName":"Stack-Leases-2","n":2,"text":"the \"Stack-Leases-1\""}`,
	}
	if strings.Join(second.writes, "\n") != strings.Join(want, "\n") {
		t.Fatalf("got %q", second.writes)
	}
	kept, err := os.ReadFile(path)
	if err != nil || string(kept) != `{"op":"PutItem","body":{"Item":{"id":{"S":"kept"}},"TableName":"leases"}}`+"\n" {
		t.Fatalf("compacted to %q, %v", kept, err)
	}
}
