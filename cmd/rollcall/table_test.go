package main

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/proof/cputime"
	"github.com/rollcall/rollcall/shared/visible"
)

func printed(width int, colour bool, forPeople func(*printer)) string {
	var out bytes.Buffer
	forPeople(&printer{Writer: &out, zone: time.UTC, width: width, colour: colour})
	return out.String()
}

// Where a line has no room for all, cells are shortened and columns left out by rank, and prose goes on below. A first
// cell for which there is no room has a line of its own.
func TestATableFits(t *testing.T) {
	columns := []column{
		{head: "ID"}, {head: "NAME", rank: 1, least: 10}, {head: "MODE", rank: 2}, {head: "WHY", prose: true, least: 20},
	}
	rows := [][]string{
		{"a-long-workspace-id", "a name of twenty-six chars", "push", "it waits for its turn, which comes"},
		{"b", "", "poll", "-"},
	}
	for width, want := range map[int]string{
		0: "ID                   NAME                        MODE  WHY\n" +
			"a-long-workspace-id  a name of twenty-six chars  push  it waits for its turn, which comes\n" +
			"b                                                poll  -\n",
		59: "ID                   NAME        MODE  WHY\n" +
			"a-long-workspace-id  a name of…  push  it waits for its\n" +
			"                                     | turn, which comes\n" +
			"b                                poll  -\n",
		53: "ID                   NAME        WHY\n" +
			"a-long-workspace-id  a name of…  it waits for its\n" +
			"                               | turn, which comes\n" +
			"b                                -\n",
		44: "ID                   WHY\n" +
			"a-long-workspace-id  it waits for its turn,\n" +
			"                   | which comes\n" +
			"b                    -\n",
		23: "ID\n" +
			"a-long-workspace-id\n" +
			"  | it waits for its\n" +
			"  | turn, which comes\n" +
			"b\n" +
			"  | -\n",
		40: "ID  NAME            WHY\n" +
			"a-long-workspace-id\n" +
			"    a name of twe…  it waits for its\n" +
			"                  | turn, which comes\n" +
			"b                   -\n",
	} {
		if got := printed(width, false, func(w *printer) { w.table(columns, rows) }); got != want {
			t.Errorf("%d columns:\n%s\nwant\n%s", width, got, want)
		}
	}
}

// A line is never wider than the terminal, if there is room for what is never left out. No text is lost of the first
// column and of prose.
func TestATableIsAsWideAsTheTerminal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		columns := []column{{head: "ID"}}
		always := 0
		for range rapid.IntRange(0, 5).Draw(t, "columns") {
			c := column{head: "C", rank: rapid.IntRange(0, 3).Draw(t, "rank"), least: rapid.IntRange(1, 10).Draw(t, "least")}
			columns = append(columns, c)
			always += gap + c.least
		}
		columns = append(columns, column{head: "WHY", prose: true, least: narrowest})
		row := rapid.Custom(func(t *rapid.T) []string {
			cells := []string{rapid.StringMatching(`[a-z]{1,30}`).Draw(t, "id")}
			for range columns[2:] {
				cells = append(cells, rapid.StringMatching(`[a-zé漢👩]{0,40}`).Draw(t, "cell"))
			}
			return append(cells, rapid.StringMatching(`([A-Zé漢]{1,9} ){0,12}[A-Z]`).Draw(t, "why"))
		})
		rows := rapid.SliceOfN(row, 1, 8).Draw(t, "rows")
		width := rapid.IntRange(max(30, len("ID")+always), 200).Draw(t, "width")
		got := printed(width, false, func(w *printer) { w.table(columns, rows) })
		for line := range strings.Lines(got) {
			if n := cellsOf(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("%d characters in %d columns: %q", n, width, line)
			}
		}
		words := strings.Fields(got)
		for _, r := range rows {
			for _, word := range append(strings.Fields(r[len(r)-1]), r[0]) {
				if !slices.Contains(words, word) {
					t.Errorf("%q is not there:\n%s", word, got)
				}
			}
		}
	})
}

// Facts are broken between words, and lose none.
func TestFactsAreWrapped(t *testing.T) {
	rows := [][]string{
		{"next", "look at the log of the agent, and restart it then"}, {"url", "http://h/" + strings.Repeat("x", 40)},
	}
	const want = "next  look at the log of the\n    | agent, and restart it then\n"
	got := printed(32, false, func(w *printer) { w.facts(rows) })
	if !strings.HasPrefix(got, want) || !strings.HasSuffix(got, "url   "+rows[1][1]+"\n") {
		t.Errorf("%s", got)
	}
}

// Webhooks of one host are told apart in a narrow terminal too, and no query of a URL is shown.
func TestWebhooksOfOneHostAreToldApart(t *testing.T) {
	hooks := []api.Webhook{
		{WebhookID: "a1", State: "working", URL: "https://hooks.example.com/services/team/of/search/first?key=secret"},
		{WebhookID: "b2", State: "working", URL: "https://hooks.example.com/services/team/of/search/second"},
	}
	for _, width := range []int{0, 200, 80} {
		got := printed(width, false, func(w *printer) { webhookTable(w, hooks) })
		if strings.Contains(got, "secret") || !strings.Contains(got, "first?…") || !strings.Contains(got, "second") {
			t.Errorf("in %d columns:\n%s", width, got)
		}
	}
}

// The two blanks between a time and what happened then stay, where what follows them fits.
func TestABrokenLineKeepsItsPairsOfBlanks(t *testing.T) {
	const line = "  2026-01-31T12:00:00Z  the  lease\t   ran out,  then"
	got := printed(40, false, func(w *printer) { w.lines(line) })
	const want = "  2026-01-31T12:00:00Z  the  lease ran\n    out,  then\n"
	if got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A long text of any shape is read once. The limit is far from both: measured anew for each line, such a text
// takes from eight seconds to a minute, and read once some milliseconds.
func TestALongTextIsBrokenAtOnce(t *testing.T) {
	const size = 250_000
	for _, piece := range []string{`"" `, "“” ", `"a`, `\"`, "é́", "a ", "山", "\u200d", "a", `" `, "“"} {
		var lines []string
		took := cputime.Of(t, func() { lines = wrap(strings.Repeat(piece, size/len(piece)), 80) })
		if len(lines) == 0 || took > 4*time.Second {
			t.Errorf("%q again and again: %d lines, %s", piece, len(lines), took)
		}
	}
}

// strange are characters, and how many columns a terminal gives them that gives them the most: a table of its own, as
// cells is what is tested.
var strange = map[string]int{
	"x": 1, "漢": 2, "한": 2, "Ｗ": 2, "\u3000": 2, "é": 1, "e\u0301": 1, "\u0301": 0, "क\u094d": 1, "\u200d": 0,
	"👩": 2, "👍🏽": 4, "👩\u200d💻": 4,
	"❤\ufe0f": 3, "🇨🇦": 4, "1\ufe0f\u20e3": 2, "ｶ": 1, "𠀋": 2, "|": 1, "\u00a0": 1,
	"💻": 2, "👍": 2, "🏽": 2, "🇨": 2, "🇦": 2,
}

func TestCells(t *testing.T) {
	for text, want := range strange {
		if got := cellsOf(text); got != want {
			t.Errorf("%q takes %d columns, want %d", text, got, want)
		}
		if got := fitting(text+text, want); cellsOf(got) != want {
			t.Errorf("%d columns of %q: %q", want, text+text, got)
		}
	}
}

// firstOf is what a text begins with, and how many columns it takes.
func firstOf(text string) (first string, wide int) {
	for s, n := range strange {
		if strings.HasPrefix(text, s) && len(s) > len(first) {
			first, wide = s, n
		}
	}
	switch _, size := utf8.DecodeRuneInString(text); {
	case first != "":
		return first, wide
	case text == "\n":
		return text, 0
	default:
		return text[:size], 1
	}
}

// onTerminal is what a terminal shows of lines: it breaks those that are too long.
func onTerminal(text string, width int) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		column := 0
		for line != "" {
			first, wide := firstOf(line)
			if column += wide; column > width {
				out.WriteString("\n")
				column = wide
			}
			out.WriteString(first)
			line = line[len(first):]
		}
	}
	return out.String()
}

// strangers are words that an agent or a sender may write: with a command among them, and what may move it.
var strangers = rapid.Custom(func(t *rapid.T) string {
	long := rapid.Custom(func(t *rapid.T) string {
		of := rapid.SampledFrom(slices.Sorted(maps.Keys(strange))).Draw(t, "character")
		return strings.Repeat(of, rapid.IntRange(0, 130).Draw(t, "times"))
	})
	before := rapid.OneOf(rapid.StringMatching(`([a-z]{1,12} ){0,20}`), long).Draw(t, "before")
	after := rapid.OneOf(rapid.StringMatching(`( [a-z]{1,12}){0,20}`), long).Draw(t, "after")
	return before + "rollcall revoke demo --force" + after
})

// Whatever an agent's or a sender's words are, and however wide the terminal is: no line of it begins with them that
// looks as if this program had written it.
func TestNoWordsOfOthersStandAsALine(t *testing.T) {
	forged := regexp.MustCompile(`(?m)^[\s\p{Mn}\p{Cf}]*rollcall revoke demo`)
	rapid.Check(t, func(t *rapid.T) {
		words := visible.Text(strangers.Draw(t, "words"))
		width := rapid.IntRange(30, 120).Draw(t, "width")
		before := rapid.SampledFrom([]string{"next: ", "  last failed delivery: ", "also: "}).Draw(t, "before")
		quotes := rapid.SampledFrom([][2]string{{"“", "”"}, {`"`, `"`}}).Draw(t, "quotes")
		columns := []column{{head: "ID"}, {head: "REASON", prose: true, least: narrowest}}
		said := entry{At: longAgo, Kind: "answer", Message: longMessage, Text: words}
		named := api.Workspace{ID: "demo", Name: words}
		for name, show := range map[string]func(w *printer){
			"a hint":   func(w *printer) { w.lines(before + quotes[0] + words + quotes[1] + "; wait") },
			"facts":    func(w *printer) { w.facts([][]string{{"reason", "it said " + words}}) },
			"a row":    func(w *printer) { w.table(columns, [][]string{{"m", "it said " + words}}) },
			"the log":  said.print,
			"lines":    func(w *printer) { w.hanging("answer: ", visible.Lines("it said\n"+words)) },
			"a name":   func(w *printer) { fleetTable(w, []api.Workspace{named}) },
			"a status": func(w *printer) { workspaceTable(w, named) },
		} {
			got := printed(width, false, show)
			if shown := onTerminal(got, width); forged.MatchString(shown) {
				t.Fatalf("%s, %d wide:\n%s", name, width, shown)
			}
		}
	})
}

func TestAStatusHasAColourOnATerminal(t *testing.T) {
	columns := []column{{head: "ID"}, {head: "STATUS"}, {head: "NAME"}}
	rows := [][]string{{"offline", "offline", "offline"}}
	const want = "ID       STATUS   NAME\noffline  \x1b[31moffline\x1b[0m  offline\n"
	if got := printed(80, true, func(w *printer) { w.table(columns, rows) }); got != want {
		t.Errorf("%q", got)
	}
}
