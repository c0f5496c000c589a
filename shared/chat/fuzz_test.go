package chat

import (
	"encoding/json"
	"strings"
	"testing"
)

// Whatever JSON a sender or an agent writes, it is measured, read and cut.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		`{"params":{"message":{"parts":[{"kind":"text","text":"x"}]}}}`, `{"result":{"status":{"state":"failed"}}}`, `[[]]`,
		`{"parts":7}`, `"\ud800"`, `{"a":{"a":{}}}`,
		`[1e999,-1` + strings.Repeat("0", 70) + `]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		Text(raw)
		TaskFailure(raw)
		if !json.Valid(raw) {
			return
		}
		if kept := Repair(raw); OddNumber(kept) || !json.Valid(kept) || !readable(t, kept) {
			t.Errorf("an agent's %s is kept as %s", raw, kept)
		}
		deep := json.Valid(raw) && TooDeep(raw)
		if kept := Kept(raw); TooDeep(kept) || len(kept) > MaxAnswer {
			t.Errorf("%d bytes are kept, deep before: %t", len(kept), deep)
		}
		if EncodedSize(json.RawMessage(raw)) < 1 {
			t.Error("it weighs nothing")
		}
	})
}
