package main

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func printed(width int, colour bool, forPeople func(*printer)) string {
	var out bytes.Buffer
	forPeople(&printer{Writer: &out, width: width, colour: colour})
	return out.String()
}

// A table that a line has no room for is shortened in its widest columns, and keeps its first one.
func TestATableFits(t *testing.T) {
	rows := [][]string{
		{"ID", "NAME", "STATUS"}, {"a-long-workspace-id", "a name of twenty-six chars", "online"}, {"b", "", "offline"},
	}
	for width, want := range map[int]string{
		0: "ID                   NAME                        STATUS\n" +
			"a-long-workspace-id  a name of twenty-six chars  online\n" +
			"b                                                offline\n",
		44: "ID                   NAME            STATUS\n" +
			"a-long-workspace-id  a name of twe…  online\n" +
			"b                                    offline\n",
		10: "ID                   NAME        STATUS\n" + // it has no room at all
			"a-long-workspace-id  a name of…  online\n" +
			"b                                offline\n",
	} {
		if got := printed(width, false, func(w *printer) { w.table(rows) }); got != want {
			t.Errorf("%d columns:\n%s\nwant\n%s", width, got, want)
		}
	}
}

// A line is never wider than the terminal, if each column has room for ten characters.
func TestATableIsAsWideAsTheTerminal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.StringMatching(`[a-zé]{0,40}`)
		columns := rapid.IntRange(1, 6).Draw(t, "columns")
		row := rapid.SliceOfN(cell, columns, columns)
		rows := rapid.SliceOfN(row, 1, 8).Draw(t, "rows")
		first := 0
		for _, r := range rows {
			first = max(first, utf8.RuneCountInString(r[0]))
		}
		width := rapid.IntRange(first+(columns-1)*(narrowest+gap), 200).Draw(t, "width")
		if width == 0 {
			return // no width is known
		}
		for line := range strings.Lines(printed(width, false, func(w *printer) { w.table(rows) })) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("%d characters in %d columns: %q", n, width, line)
			}
		}
	})
}

// Facts are broken between words, and lose none.
func TestFactsAreWrapped(t *testing.T) {
	rows := [][]string{
		{"next", "look at the log of the agent, and restart it then"}, {"url", "http://h/" + strings.Repeat("x", 40)},
	}
	const want = "next  look at the log of the\n      agent, and restart it then\n"
	got := printed(32, false, func(w *printer) { w.facts(rows) })
	if !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "url   "+rows[1][1]+"\n") {
		t.Errorf("%s", got)
	}
}

func TestAStatusHasAColourOnATerminal(t *testing.T) {
	rows := [][]string{{"ID", "STATUS", "NAME"}, {"offline", "offline", "offline"}}
	const want = "ID       STATUS   NAME\noffline  \x1b[31moffline\x1b[0m  offline\n"
	if got := printed(80, true, func(w *printer) { w.table(rows) }); got != want {
		t.Errorf("%q", got)
	}
}
