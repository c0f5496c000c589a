package chat

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Streams as A2A 0.2 to 1.0 send them, and the answer that each makes.
func TestStream(t *testing.T) {
	const (
		rpc  = `{"jsonrpc":"2.0","id":1,"result":`
		a03  = rpc + `{"kind":"artifact-update","taskId":"t","artifact":{"artifactId":"a","parts":[{"kind":"text","text":`
		a10  = rpc + `{"artifactUpdate":{"taskId":"t","artifact":{"artifactId":`
		more = `"append":true,`
	)
	for name, c := range map[string]struct {
		events []string
		text   string
		state  TaskState
		ends   bool
	}{
		"a task of 0.3": {[]string{
			rpc + `{"kind":"task","id":"t","contextId":"c","status":{"state":"submitted"}}}`,
			a03 + `"one"}]}}}`,
			strings.Replace(a03, `"taskId"`, more+`"taskId"`, 1) + `", two"}]}}}`,
			rpc + `{"kind":"status-update","taskId":"t","status":{"state":"completed"},"final":true}}`,
		}, "one, two", TaskCompleted, true},
		"a task of 1.0": {[]string{
			rpc + `{"task":{"id":"t","status":{"state":"TASK_STATE_WORKING"}}}}`,
			a10 + `"a","parts":[{"text":"x"}]}}}}`, a10 + `"a","parts":[{"text":"y"}]}}}}`,
			a10 + `"b","parts":[{"text":"z"}]}}}}`,
			rpc + `{"statusUpdate":{"taskId":"t","status":{"state":"TASK_STATE_COMPLETED"}}}}`,
		}, "y\nz", TaskCompleted, true},
		"a task of 0.2": {[]string{
			rpc + `{"id":"t","status":{"state":"working"},"final":false}}`,
			rpc + `{"id":"t","artifact":{"parts":[{"type":"text","text":"a"}],"append":false}}}`,
			rpc + `{"id":"t","status":{"state":"completed"},"final":true}}`,
		}, "a", TaskCompleted, true},
		"a message":        {[]string{rpc + `{"kind":"message","parts":[{"kind":"text","text":"hi"}]}}`}, "hi", "", true},
		"a message of 1.0": {[]string{`{"message":{"parts":[{"text":"hi"}]}}`}, "hi", "", true},
		"a failure": {[]string{
			rpc + `{"kind":"task","status":{"state":"working"}}}`,
			rpc + `{"kind":"status-update","status":{"state":"failed","message":{"parts":[{"text":"no"}]}}}}`,
		}, "no", TaskFailing, true},
		"a question back": {[]string{
			`{"statusUpdate":{"taskId":"t","status":{"state":"TASK_STATE_INPUT_REQUIRED",` +
				`"message":{"parts":[{"text":"which?"}]}}}}`,
		}, "which?", TaskInputRequired, true},
		"one that breaks off": {[]string{
			rpc + `{"kind":"task","status":{"state":"working","message":{"parts":[{"text":"soon"}]}}}}`,
		}, "soon", TaskWorking, false},
		"pieces without an id": {[]string{
			`{"artifactUpdate":{"artifact":{"parts":[{"text":"a"}]}}}`,
			`{"artifactUpdate":{"append":true,"artifact":{"parts":[{"text":"b"}]}}}`,
		}, "ab", "", false},
	} {
		var s Stream
		last := false
		for _, event := range c.events {
			last = s.Add(json.RawMessage(event))
		}
		answer := s.Answer()
		if Text(answer) != c.text || StateOf(answer) != c.state || last != c.ends || s.Failure() != "" {
			t.Errorf("%s: %v %s", name, last, answer)
		}
	}
}

func TestAStreamThatFails(t *testing.T) {
	var s Stream
	s.Add(json.RawMessage(`{"result":{"kind":"task","status":{"state":"working"}}}`))
	last := s.Add(json.RawMessage(`{"error":{"code":-32603,"message":"no quota"}}`))
	if !last || s.Failure() != "no quota" {
		t.Errorf("%v %q", last, s.Failure())
	}
}

// However an answer is cut into pieces, they make the same text.
func TestPiecesMakeTheWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s Stream
		want := ""
		for i, text := range rapid.SliceOfN(rapid.String(), 1, 20).Draw(t, "pieces") {
			event := marshaled(map[string]any{"result": map[string]any{
				"kind": "artifact-update", "taskId": "t", "append": i > 0,
				"artifact": map[string]any{"artifactId": "a", "parts": []any{map[string]string{"text": text}}},
			}})
			s.Add(event)
			want += text
		}
		if got := Text(s.Answer()); got != want {
			t.Fatalf("%q, want %q", got, want)
		}
	})
}

func FuzzStream(f *testing.F) {
	f.Add(`{"result":{"append":true,"artifact":{"artifactId":1,"parts":[{}]}}}`, `{"task":{"artifacts":[null]}}`)
	f.Add(`{"message":{"parts":7}}`, `{"statusUpdate":{"status":{"state":"completed"},"final":true}}`)
	f.Fuzz(func(t *testing.T, first, second string) {
		var s Stream
		for _, event := range []string{first, second, first} {
			s.Add(json.RawMessage(event))
			if answer := s.Answer(); answer != nil && !json.Valid(answer) {
				t.Errorf("%q, %q: %s", first, second, answer)
			}
		}
	})
}
