package chat

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// What an answer weighs is measured, so the largest message must fit, whatever it is made of.
func TestOneMessageAlwaysFits(t *testing.T) {
	for name, unit := range map[string]string{
		"quotes": `\"`, "backslashes": `\\`, "zeros": `\u0000`, "tags": "<", "plain": "x", "line separators": "\u2028",
		"line ends": `\n`, "emoji": "😀",
	} {
		for part, tail := range map[string]string{
			`{"kind":"text","text":"`: `"}`, `{"kind":"data","data":{"k":"`: `"}}`, `{"url":"`: `"}`,
		} {
			checkOneFits(t, name, unit, `{"params":{"message":{"parts":[`+part, tail+`]}}}`)
		}
	}
}

func checkOneFits(t *testing.T, name, unit, head, tail string) {
	t.Helper()
	p := DefaultPolicy()
	m := Message{
		Body:   json.RawMessage(head + strings.Repeat(unit, (p.MaxBody-len(head)-len(tail))/len(unit)) + tail),
		Answer: json.RawMessage(`"` + strings.Repeat(unit, (MaxAnswer-2)/len(unit)) + `"`),
	}
	if !json.Valid(m.Body) || !json.Valid(m.Answer) || len(m.Body) > p.MaxBody || Text(m.Body) == "" {
		t.Fatalf("%s: not as it should be", name)
	}
	if n := RowSize(m); n > MaxReply {
		t.Errorf("%s, %s: one message takes %d bytes, more than %d", name, head, n, MaxReply)
	}
}

func TestEncodedSize(t *testing.T) {
	for _, v := range []any{
		"", `"`, `\`, "<>&", "\x00\n", "\u2028", "ä😀", "\xff", json.RawMessage(`{"a":"\"<"}`), 7,
		json.RawMessage("\"\xff\xfe�\""),
	} {
		inner, err := Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		outer := new(strings.Builder)
		enc := json.NewEncoder(outer)
		enc.SetEscapeHTML(false) // as the Lambda runtime client does
		if err := enc.Encode(string(inner)); err != nil {
			t.Fatal(err)
		}
		want := outer.Len() - len(`""`+"\n")
		if got := EncodedSize(v); got < want || (got > want && utf8.Valid(inner)) {
			t.Errorf("%q: got %d, want %d", v, got, want)
		}
	}
}

// Of an answer that is too large, what a person reads first is kept, and how far its task is.
func TestAnAnswerThatIsTooLargeIsCut(t *testing.T) {
	for _, unit := range []string{"x", "\x00", "😀", "\""} {
		text := strings.Repeat(unit, 80_000)
		answer := marshaled(map[string]any{"result": map[string]any{
			"status": map[string]any{"state": "TASK_STATE_WORKING"}, "artifacts": []any{
				map[string]any{"parts": []any{map[string]any{"text": text}}},
			},
		}})
		m := Message{State: InFlight}.Deliver("taken", answer, "", time.Time{})
		kept, note, _ := strings.Cut(m.AnswerText(), "\n[cut: ")
		if len(m.Answer) > MaxAnswer || !strings.HasPrefix(text, kept) || len(kept) < cutText-4 {
			t.Errorf("%q: %d bytes are kept, %d of the text", unit, len(m.Answer), len(kept))
		}
		if note != fmt.Sprintf("the answer has %d bytes]", len(answer)) {
			t.Errorf("%q: it says %q", unit, note)
		}
		if m.TaskState() != TaskWorking {
			t.Errorf("%q: its task is %q", unit, m.TaskState())
		}
	}
}

// What nests too deep is found by its structure alone: marks inside a text are none.
func TestTooDeep(t *testing.T) {
	nest := func(levels int, inner string) string {
		return strings.Repeat("[", levels) + inner + strings.Repeat("]", levels)
	}
	for text, want := range map[string]bool{
		"":                                   false,
		nest(64, ""):                         false,
		nest(65, ""):                         true,
		nest(64, `"[{\"[\\"`):                false,
		nest(63, `{"a":1},{"b":{}}`):         true,
		strings.Repeat(`[1,"]"],`, 100):      false,
		`"` + strings.Repeat("[", 100) + `"`: false,
		`"\\` + strings.Repeat("[", 100):     false,
		`"\\"` + strings.Repeat("[", 100):    true,
		strings.Repeat("[", 1<<20):           true,
	} {
		if got := TooDeep([]byte(text)); got != want {
			t.Errorf("%.40q: %t", text, got)
		}
	}
}

// The bound of a row is never less than the row, so that an answer of which none was measured is not too large either.
func TestARowIsNotLargerThanItsBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		odd := []rune{'a', '"', '\\', '<', 0, 7, '\u2028', 'ä', '😀', '{', '}', ':', ','}
		text := rapid.StringOfN(rapid.RuneFrom(odd), 0, 60, -1)
		part := func() any {
			words := text.Draw(t, "words")
			return rapid.SampledFrom([]any{
				map[string]any{"kind": "text", "text": words},
				map[string]any{"text": words},
				words, nil,
				map[string]any{"kind": "data", "data": words},
				map[string]any{"data": map[string]any{words: 1}},
				map[string]any{"kind": "file", "file": map[string]any{"name": words, "uri": words, "mimeType": words}},
				map[string]any{"url": words, "filename": words},
				map[string]any{words: words},
			}).Draw(t, "part")
		}
		var parts []any
		for range rapid.IntRange(0, 8).Draw(t, "parts") {
			parts = append(parts, part())
		}
		body, err := Marshal(map[string]any{"params": map[string]any{"message": map[string]any{"parts": parts}}})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := Marshal(part())
		if err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "cut") {
			body = body[:rapid.IntRange(0, len(body)).Draw(t, "length")]
		}
		m := Message{Body: body, Answer: answer}
		if rapid.Bool().Draw(t, "apart") {
			m, _, _ = m.Split()
		}
		if row, bound := RowSize(m), rowBound(m); row > bound {
			t.Fatalf("a row of %d bytes, and its bound is %d: %s", row, bound, body)
		}
	})
}

// An answer takes as many rows as if each were measured.
func TestRowsAreMeasuredWhenTheyMayBeTooMuch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var rows Rows
		size, over := 0, false
		for range rapid.IntRange(1, 40).Draw(t, "messages") {
			m := Message{Body: TextBody("1", strings.Repeat("x", rapid.IntRange(0, InlineText).Draw(t, "length")))}
			if rapid.Bool().Draw(t, "apart") {
				m = Message{BodyApart: Apart{Bytes: 1, Row: rapid.IntRange(0, MaxReply/4).Draw(t, "row")}}
			}
			size += RowSize(m)
			if over = rows.Add(m); over != (size > MaxReply) {
				t.Fatalf("%d bytes, and too large: %t", size, over)
			}
			if over {
				return
			}
		}
	})
}
