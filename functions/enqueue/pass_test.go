package main

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
)

// What is shown of an agent's answer to a passed call is bounded in size and depth, whatever the agent answers, and
// what is within the bounds is shown whole.
func TestAPassedAnswerIsBounded(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		levels := rapid.SampledFrom([]int{0, 60, 70, 5000}).Draw(rt, "levels")
		text := strings.Repeat("x", rapid.SampledFrom([]int{0, 900, 60_000, 70_000, 900_000}).Draw(rt, "size"))
		inner := strings.Repeat(`{"a":`, levels) + `"` + text + `"` + strings.Repeat(`}`, levels)
		answer := strings.ReplaceAll(rapid.SampledFrom([]string{
			`{"result":%}`, `{"error":%}`, `{"result":{"kind":"task","status":{"state":"working"},"artifacts":[%]}}`,
			`{"error":{"code":-1,"message":"t","data":%}}`, `{"error":{"code":1,"message":%}}`, `{"kind":"task","x":%}`, `%`,
		}).Draw(rt, "shape"), "%", inner)
		out := answered(chat.Message{Body: []byte(`{"id":7}`)}, json.RawMessage(answer))
		shown, err := chat.Marshal(out)
		if err != nil || len(shown) > chat.MaxAnswer+4<<10 || chat.TooDeep(out.Result) || string(out.ID) != "7" {
			rt.Fatalf("%d bytes, %v: %.200s", len(shown), err, shown)
		}
		if (out.Result == nil) == (out.Error == nil) {
			rt.Fatalf("it is neither a result nor an error, or both: %.200s", shown)
		}
		within := len(answer) <= chat.MaxAnswer && !chat.TooDeep([]byte(answer))
		if within && out.Result != nil && !strings.Contains(string(out.Result), text) {
			rt.Fatalf("%.200s is shown as %.200s", answer, shown)
		}
	})
}
