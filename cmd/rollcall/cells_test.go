package main

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/api"
)

// A character that some edition of Unicode has made wide, or may, counts two columns.
func TestOnlyWhatIsKnownToBeNarrowIsCountedSo(t *testing.T) {
	for _, c := range []struct {
		from, to rune
		want     int
	}{
		{' ', '~', 1},
		{'à', 'ÿ', 1},
		{'α', 'ω', 1},
		{'а', 'я', 1},
		{'א', 'ת', 1},
		{'ا', 'ي', 1},
		{'–', '…', 1},
		{'→', '→', 1},
		{0x0300, 0x036f, 0},
		{0x4dc0, 0x4dff, 2},
		{0x1d300, 0x1d356, 2},
		{0x1d360, 0x1d376, 2}, // wide since Unicode 16
		{0x2630, 0x2637, 2},
		{0x268a, 0x268f, 2}, // too
		{0x1f000, 0x1faff, 2},
		{0x3400, 0x9fff, 2},
		{0x20000, 0x2ffff, 2},
		{0xff01, 0xff5e, 2},
		{0x1d400, 0x1d7ff, 2},
		{0x2600, 0x27bf, 2},
		{0x0e80, 0x0e80, 2},
		{0x10ffff, 0x10ffff, 2}, // or may be
	} {
		for r := c.from; r <= c.to; r++ {
			if got := cells(r); got != c.want && (c.want == 0 || !unicode.Is(unicode.M, r)) {
				t.Errorf("%U takes %d columns, want %d", r, got, c.want)
			}
		}
	}
}

// drawnIn are the lines of a text as a terminal breaks it that draws each character beyond the known scripts wide.
func drawnIn(text string, columns int) (lines []string) {
	for line := range strings.Lines(text) {
		var out strings.Builder
		at := 0
		for _, r := range strings.TrimSuffix(line, "\n") {
			n := 1
			if r > 0x2600 {
				n = 2
			}
			if at += n; at > columns {
				lines = append(lines, out.String())
				out.Reset()
				at = n
			}
			out.WriteRune(r)
		}
		lines = append(lines, out.String())
	}
	return lines
}

// A sender's text never begins a line of the terminal as a command would, however wide its characters are drawn.
func TestASendersTextBeginsNoLineOfTheTerminal(t *testing.T) {
	const command = " rollcall revoke snd --force"
	rapid.Check(t, func(t *rapid.T) {
		wide := `[\x{4dc0}-\x{4dff}\x{1d300}-\x{1d356}\x{2630}-\x{2637}漢a ]{0,200}`
		text := rapid.StringMatching(wide).Draw(t, "text") + command
		columns := rapid.IntRange(65, 160).Draw(t, "columns")
		for name, show := range map[string]func(*printer){
			"log": func(w *printer) {
				entry{At: longAgo, Kind: "message", Message: "m1", Text: text}.print(w)
			},
			"receipts": func(w *printer) {
				receiptsTable(w, []api.Receipt{{MessageID: "m1", SentBy: "ana rcp_1", Reason: text, AcceptedAt: longAgo}})
			},
			"history": func(w *printer) {
				historyTable(w, []api.HistoryEntry{{At: longAgo, Action: "created", Who: "ana", Summary: text}})
			},
		} {
			var out strings.Builder
			show(&printer{Writer: &out, zone: time.UTC, now: longAgo, width: columns})
			for _, line := range drawnIn(out.String(), columns) {
				if strings.HasPrefix(strings.TrimSpace(line), "rollcall") {
					t.Errorf("%s in %d columns: %q\n%s", name, columns, line, out.String())
				}
			}
		}
	})
}
