package chat

import (
	"encoding/json"
	"testing"
)

// Whatever JSON a sender or an agent writes, it is measured, read and cut.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		`{"params":{"message":{"parts":[{"kind":"text","text":"x"}]}}}`, `{"result":{"status":{"state":"failed"}}}`, `[[]]`,
		`{"parts":7}`, `"\ud800"`, `{"a":{"a":{}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		Text(raw)
		TaskFailure(raw)
		if !json.Valid(raw) {
			return
		}
		deep := json.Valid(raw) && TooDeep(raw)
		if kept := cutAnswer(raw); TooDeep(kept) || len(kept) > MaxAnswer {
			t.Errorf("%d bytes are kept, deep before: %t", len(kept), deep)
		}
		if EncodedSize(json.RawMessage(raw)) < 1 {
			t.Error("it weighs nothing")
		}
	})
}
