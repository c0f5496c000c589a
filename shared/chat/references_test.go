package chat

import (
	"slices"
	"strings"
	"testing"
)

func TestReferences(t *testing.T) {
	for body, want := range map[string]string{
		`{"params":{"message":{"messageId":"own","parts":[{"kind":"text","text":"d1"}]}}}`:           "",
		`{"params":{"message":{"referenceTaskIds":["d1","d2"],"taskId":"d3","contextId":"d4"}}}`:     "d1 d2 d3 d4",
		`{"params":{"metadata":{"delegation_id":"d1"},"message":{"metadata":{"messageId":"m1"}}}}`:   "d1 m1",
		`{"params":{"message":{"parts":[{"kind":"data","data":{"in_reply_to":"d1","other":"x"}}]}}}`: "d1",
		`{"params":{"message":{"parts":[{"data":"odd"},{"data":{"replyTo":"d1"}}],"taskId":7}}}`:     "d1",
		`{"params":{"message":{"taskId":"","contextId":null}}}`:                                      "",
		`"text"`: "", `{"params":[]}`: "",
	} {
		if got := strings.Join(slices.Compact(slices.Sorted(References([]byte(body)))), " "); got != want {
			t.Errorf("%s: got %q, want %q", body, got, want)
		}
	}
}
