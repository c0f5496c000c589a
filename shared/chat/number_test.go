package chat

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// numberOf draws a number of JSON: most are ordinary, and some of them no reader of a double takes.
func numberOf(t *rapid.T) string {
	digits := strings.Repeat(rapid.SampledFrom([]string{"1", "9", "10"}).Draw(t, "digits"),
		rapid.SampledFrom([]int{1, 2, 31, 32, 33, 64, 65, 5000}).Draw(t, "repeated"))
	return rapid.SampledFrom([]string{"", "-"}).Draw(t, "sign") + digits +
		rapid.SampledFrom([]string{"", ".5", "." + digits}).Draw(t, "fraction") +
		rapid.SampledFrom([]string{"", "e5", "E+300", "e400", "e-400", "E+99999"}).Draw(t, "exponent")
}

// jsonOf draws a JSON text with numbers in each place that JSON has for them.
func jsonOf(t *rapid.T) string {
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{strings.Repeat("1", 70), `"1e999`, `\`, `\\"`}))
	quoted, _ := Marshal(text.Draw(t, "text"))
	n := func() string { return numberOf(t) }
	s := string(quoted)
	return `{` + s + `:[` + n() + `, ` + s + `,[` + n() + `],{"a":` + n() + `}],"b" : ` + n() + ` }`
}

// A text that is tamed has no number that a reader can't read. All else in it stays, and one without such a number
// stays byte by byte.
func TestTamedNumbersCanBeRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := []byte(jsonOf(t))
		tame := TameNumbers(raw)
		if readable(t, raw) == OddNumber(raw) || !readable(t, tame) || OddNumber(tame) {
			t.Fatalf("%s became %s", raw, tame)
		}
		if !OddNumber(raw) && !bytes.Equal(raw, tame) {
			t.Fatalf("%s became %s", raw, tame)
		}
		var was, is map[string]any
		if json.Unmarshal(tame, &is) != nil || (!OddNumber(raw) && json.Unmarshal(raw, &was) != nil) || len(is) > 2 {
			t.Fatalf("%s became %s", raw, tame)
		}
		if repaired := Repair(raw); OddNumber(repaired) || !json.Valid(repaired) {
			t.Fatalf("an agent's %s became %s", raw, repaired)
		}
	})
}

// readable reports whether each number of a JSON text is of at most MaxNumber characters, and finite.
func readable(t interface{ Fatalf(string, ...any) }, raw []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	for {
		token, err := dec.Token()
		switch n, isNumber := token.(json.Number); {
		case errors.Is(err, io.EOF):
			return true
		case err != nil:
			t.Fatalf("%s: %v", raw, err)
		case isNumber:
			if f, _ := strconv.ParseFloat(n.String(), 64); len(n) > MaxNumber || math.IsInf(f, 0) {
				return false
			}
		}
	}
}
