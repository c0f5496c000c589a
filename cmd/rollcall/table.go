package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/rollcall/rollcall/shared/visible"
)

// printer prints for people.
type printer struct {
	io.Writer
	clock  string // one of clocks, or ""
	zone   *time.Location
	now    time.Time
	width  int // how many columns a line has room for; 0: any number
	colour bool
}

// terminalOf is the terminal that a person reads, if it is one.
func terminalOf(w io.Writer) (*os.File, bool) {
	file, ok := w.(*os.File)
	return file, ok && term.IsTerminal(int(file.Fd()))
}

// printer is one for this program's output. Only a terminal has a width and colours.
func (a *app) printer() *printer {
	w := &printer{Writer: a.out, clock: a.clock, zone: time.Local, now: time.Now()}
	if file, ok := terminalOf(a.out.to); ok {
		w.width, _, _ = term.GetSize(int(file.Fd())) // 0 when it doesn't say
		w.colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	if columns, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && columns > 0 {
		w.width = columns
	}
	return w
}

// gap is what stands between two columns.
const gap = 2

// column is a column of a table.
type column struct {
	head string
	// rank says how much it matters: where there is no room for all, those of the highest rank are left out. Those of
	// rank 0 never are.
	rank int
	// least is to how many characters its cells may be shortened; 0: they never are.
	least int
	// end says that the end of a cell is what tells it from others: it is shortened before that.
	end bool
	// prose says of a last column that its cells go on in lines below, which are at least least characters long, and a
	// third of the terminal. Where there is no room for that beside the columns that stay, it begins below its row.
	prose bool
}

// table prints rows in aligned columns. Where a line has no room for all, cells are shortened and columns left out, as
// the columns say. The first column is what one types next, and is never shortened: a cell for which there is no room
// has a line of its own, with the rest of its row below. So a table fits from narrowestTable columns on, but for a
// first cell that is longer than that.
func (w *printer) table(columns []column, rows [][]string) {
	widths := w.layout(columns, rows)
	heads := make([]string, len(columns))
	for c := range columns {
		heads[c] = columns[c].head
	}
	w.row(columns, widths, heads, false)
	for _, r := range rows {
		w.row(columns, widths, r, w.colour)
	}
}

// row prints one row: a line, or several if it has prose or a first cell for which there is no room.
func (w *printer) row(columns []column, widths []int, cells []string, colour bool) {
	cells = slices.Clone(cells)
	if cellsOf(cells[0]) > widths[0] {
		fmt.Fprintln(w, cells[0])
		cells[0] = ""
	}
	var below []string
	last, indent := len(columns)-1, 0 // of the last column
	switch {
	case !columns[last].prose || w.width == 0:
	case widths[last] != leftOut:
		lines := wrap(cells[last], widths[last])
		cells[last], below = lines[0], lines[1:]
	case cells[last] != "" && cells[last] != columns[last].head:
		below = wrap(cells[last], w.width-2*gap)
	}
	var line strings.Builder
	for c, cell := range cells {
		if widths[c] == leftOut {
			continue
		}
		if !columns[c].prose { // a word of prose that is too long stays whole
			cell = columns[c].clip(cell, widths[c])
		}
		padding := strings.Repeat(" ", max(widths[c]-cellsOf(cell), 0)+gap)
		if colour && slices.Contains(coloured, columns[c].head) {
			cell = paint(cell)
		}
		line.WriteString(cell + padding)
		if c < len(cells)-1 {
			indent += widths[c] + gap
		}
	}
	fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	if widths[last] == leftOut {
		indent = 2 * gap
	}
	for _, text := range below {
		fmt.Fprintln(w, continued(indent)+text)
	}
}

// continued is what stands before a text that goes on from the line before: blanks, and a mark. Some of the texts are
// an agent's or a sender's, and what they write must not look like a line, or a command, of this program.
func continued(indent int) string {
	const mark = "| "
	return strings.Repeat(" ", max(indent-len(mark), 0)) + mark
}

// leftOut is the width of a column that is left out. Prose is never lost: it then stands below its row.
const leftOut = -1

// narrowestTable is from how many columns of a terminal on each table fits.
const narrowestTable = 40

// layout is how wide each column is.
func (w *printer) layout(columns []column, rows [][]string) []int {
	whole := widthsOf(columns, rows)
	if w.width == 0 {
		return whole
	}
	least := func(c int) int {
		switch {
		case columns[c].least == 0:
			return whole[c]
		case columns[c].prose:
			return min(whole[c], max(columns[c].least, w.width/3))
		}
		return min(whole[c], max(columns[c].least, cellsOf(columns[c].head)))
	}
	byRank := make([]int, 0, len(columns))
	for c := 1; c < len(columns); c++ {
		byRank = append(byRank, c)
	}
	slices.SortStableFunc(byRank, func(a, b int) int { return cmp.Compare(columns[a].rank, columns[b].rank) })
	widths := slices.Repeat([]int{leftOut}, len(columns))
	room := w.width
	for _, c := range byRank {
		if columns[c].rank == 0 {
			widths[c] = least(c)
			room -= gap + widths[c]
		}
	}
	if last := len(columns) - 1; columns[last].prose && room < cellsOf(columns[0].head) {
		room += gap + widths[last]
		widths[last] = leftOut
		byRank = slices.DeleteFunc(byRank, func(c int) bool { return c == last })
	}
	widths[0] = widestWithin(columns[0], rows, room)
	room -= widths[0]
	for _, c := range byRank {
		if need := gap + least(c); widths[c] == leftOut && need <= room {
			widths[c] = least(c)
			room -= need
		}
	}
	widen(columns, widths, whole, byRank, room)
	return widths
}

// widen gives room that is left over to the columns that are shortened, prose last.
func widen(columns []column, widths, whole, byRank []int, room int) {
	for _, prose := range []bool{false, true} {
		for _, c := range byRank {
			if widths[c] != leftOut && columns[c].prose == prose {
				more := max(min(room, whole[c]-widths[c]), 0)
				widths[c] += more
				room -= more
			}
		}
	}
}

// widestWithin is how wide the first column is: as its widest cell for which there is room.
func widestWithin(first column, rows [][]string, room int) int {
	widest := cellsOf(first.head)
	for _, r := range rows {
		if n := cellsOf(r[0]); n <= room {
			widest = max(widest, n)
		}
	}
	return widest
}

// widthsOf is how wide the columns are where there is room for all.
func widthsOf(columns []column, rows [][]string) []int {
	widths := make([]int, len(columns))
	for c := range columns {
		widths[c] = cellsOf(columns[c].head)
		for _, r := range rows {
			widths[c] = max(widths[c], cellsOf(r[c]))
		}
	}
	return widths
}

// facts prints a line for each row: a label, what it says, and the command that comes next, if it has one. What has no
// room in a line goes on below, indented.
func (w *printer) facts(rows [][]string) {
	label := 0
	for _, r := range rows {
		label = max(label, cellsOf(r[0]))
	}
	for _, r := range rows {
		head := r[0] + strings.Repeat(" ", label-cellsOf(r[0])+gap)
		if len(r) > 2 {
			w.thenCommand(head, r[1], r[2])
			continue
		}
		w.hanging(head, r[1])
	}
}

// hanging prints a text after a head. What has no room in a line goes on below, as far in as the head is wide. Where
// the head leaves too little room, the text begins below it.
func (w *printer) hanging(head, text string) {
	indent := cellsOf(head)
	if w.width > 0 && w.width-indent < narrowest {
		fmt.Fprintln(w, strings.TrimRight(head, " "))
		indent, head = len(continued(0)), continued(0)
	}
	for i, line := range w.wrap(text, indent) {
		if i > 0 {
			head = continued(indent)
		}
		fmt.Fprintln(w, strings.TrimRight(head+line, " "))
	}
}

// lines prints lines. What has no room in one goes on below, a little further in. A command stays whole.
func (w *printer) lines(text string) {
	for line := range strings.Lines(text) {
		bare := strings.TrimLeft(strings.TrimSuffix(line, "\n"), " ")
		in := strings.Repeat(" ", len(line)-len(strings.TrimLeft(line, " ")))
		if strings.HasPrefix(bare, "rollcall ") {
			w.command(in, bare)
			continue
		}
		for i, part := range w.wrap(bare, len(in)+gap) {
			fmt.Fprintln(w, in+strings.Repeat(" ", min(i, 1)*gap)+part)
		}
	}
}

// thenCommand prints a text and the command that comes next: in the same line if there is room, else in one of its own,
// as it may be copied.
func (w *printer) thenCommand(head, text, command string) {
	indent := cellsOf(head)
	if whole := text + "; " + command; command != "" &&
		(w.width == 0 || indent+cellsOf(whole) <= w.width) {
		fmt.Fprintln(w, head+whole)
		return
	}
	if indent == 0 {
		w.lines(text)
	} else {
		w.hanging(head, text)
	}
	if command != "" {
		w.command(strings.Repeat(" ", max(indent, 2*gap)), command)
	}
}

// command prints a command in a line of its own, whole, as it may be copied. Who runs it (see workspace.WhoRuns) goes
// below if there is no room.
func (w *printer) command(in, command string) {
	bare, who, ok := strings.Cut(command, "   (")
	if !ok || w.width == 0 || len(in)+cellsOf(command) <= w.width {
		fmt.Fprintln(w, in+command)
		return
	}
	fmt.Fprintln(w, in+bare)
	for _, line := range w.wrap("("+who, len(in)) {
		fmt.Fprintln(w, in+line)
	}
}

// narrowest is the fewest columns that a text is broken into.
const narrowest = 20

// wrap breaks a text into lines, of which other things take some columns.
func (w *printer) wrap(text string, taken int) []string {
	if w.width == 0 {
		return []string{text}
	}
	return wrap(text, w.width-taken)
}

// wrap breaks a text into lines of at most width columns (and at least narrowest), between words. A word that is longer
// is broken too, unless it may be copied: an id or a URL that is not quoted. A line that goes on with a quotation
// begins with its mark, so that what is quoted never stands as a line of the text.
func wrap(text string, width int) []string {
	width = max(width, narrowest)
	var lines []string
	for part := range strings.SplitSeq(text, "\n") {
		if cellsOf(part) <= width {
			lines = append(lines, part)
			continue
		}
		lines = append(lines, wrapped(spaced(part), width)...)
	}
	return lines
}

// spaced is a text in which blanks stand alone, or in pairs, as between a time and what happened then.
func spaced(text string) string {
	return blanks.ReplaceAllStringFunc(strings.TrimSpace(text), func(between string) string {
		if between == "  " {
			return between
		}
		return " "
	})
}

var blanks = regexp.MustCompile(`\s+`)

// mayBeCopied is what stays whole where nothing is quoted: an id, a URL.
var mayBeCopied = regexp.MustCompile(`^[\w.:/?&=#%@~+,;()-]+$`)

// wrapped breaks a text that is longer than width; see wrap.
func wrapped(text string, width int) (lines []string) {
	quoted := quotationsIn(text)
	line, at, between := "", 0, ""
	for word := range strings.SplitSeq(text, " ") {
		if word == "" { // the second of two blanks
			between, at = between+" ", at+1
			continue
		}
		if line != "" && cellsOf(line)+len(between)+cellsOf(word) > width {
			lines, line = append(lines, line), quoted.markAt(at)
		} else if line != "" {
			line += between
		}
		between = " "
		whole := mayBeCopied.MatchString(word) && quoted.markAt(at) == ""
		for !whole {
			first := fitting(word, width-cellsOf(line))
			if first == word {
				break
			}
			at += len(first)
			lines, line, word = append(lines, line+first), quoted.markAt(at), word[len(first):]
		}
		line += word
		at += len(word) + 1
	}
	return append(lines, line)
}

// quotations are where the quotations of a text stand, and the mark of each.
type quotations []struct {
	from, to int
	mark     string
}

func quotationsIn(text string) (out quotations) {
	for _, q := range visible.Quotations(text) {
		mark := "“"
		if text[q.From] == '"' {
			mark = `"`
		}
		out = append(out, struct {
			from, to int
			mark     string
		}{q.From, q.To, mark})
	}
	return out
}

// markAt is the mark of the quotation that the text stops in at a place; "" if it stops in none.
func (all quotations) markAt(at int) string {
	after := sort.Search(len(all), func(i int) bool { return all[i].from >= at }) // they stand in order, apart
	if after > 0 && at < all[after-1].to {
		return all[after-1].mark
	}
	return ""
}

// clip shortens s to at most n columns.
func clip(s string, n int) string {
	if cellsOf(s) <= n {
		return s
	}
	return fitting(s, n-1) + "…"
}

// clip shortens a cell of the column to at most n columns of the terminal.
func (c column) clip(cell string, n int) string {
	if !c.end || cellsOf(cell) <= n {
		return clip(cell, n)
	}
	last := cell
	for half := (n - 1) / 2; cellsOf(last) > half; {
		_, size := utf8.DecodeRuneInString(last)
		last = last[size:]
	}
	return clip(cell, n-cellsOf(last)) + last
}

// orDash fills an empty cell.
func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
