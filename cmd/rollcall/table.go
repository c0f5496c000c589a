package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
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

// printer is one for this program's output. Only a terminal has a width and colours.
func (a *app) printer() *printer {
	w := &printer{Writer: a.out, clock: a.clock, zone: time.Local, now: time.Now()}
	if file, ok := a.out.to.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		w.width, _, _ = term.GetSize(int(file.Fd())) // 0 when it doesn't say
		w.colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	if columns, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && columns > 0 {
		w.width = columns
	}
	return w
}

const (
	gap       = 2  // between two columns
	narrowest = 10 // to which a column is shortened
)

// table prints rows in aligned columns, the first row as their heading. Where a line has no room
// for all, the widest cells are shortened, but never the first column: it is what one types next.
func (w *printer) table(rows [][]string) {
	widths := widthsOf(rows)
	w.fit(widths)
	for i, r := range rows {
		var line strings.Builder
		for c, cell := range r {
			cell = clip(cell, widths[c])
			padding := strings.Repeat(" ", widths[c]-utf8.RuneCountInString(cell)+gap)
			if w.colour && i > 0 && slices.Contains(coloured, rows[0][c]) {
				cell = paint(cell)
			}
			line.WriteString(cell)
			if c < len(r)-1 {
				line.WriteString(padding)
			}
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

// facts prints a line for each row: a label and what it says. What has no room in a line goes on
// below, indented.
func (w *printer) facts(rows [][]string) {
	label := widthsOf(rows)[0]
	for _, r := range rows {
		lines := wrap(r[1], w.width-label-gap)
		for i, line := range lines {
			name := r[0]
			if i > 0 {
				name = ""
			}
			fmt.Fprintf(w, "%-*s%s\n", label+gap, name, line)
		}
	}
}

// widthsOf is how wide each column is.
func widthsOf(rows [][]string) []int {
	widths := []int{0}
	for _, r := range rows {
		for c, cell := range r {
			if c == len(widths) {
				widths = append(widths, 0)
			}
			widths[c] = max(widths[c], utf8.RuneCountInString(cell))
		}
	}
	return widths
}

// fit narrows the widest columns until a line has room for all, or none can be narrowed.
func (w *printer) fit(widths []int) {
	if w.width == 0 {
		return
	}
	total := gap * (len(widths) - 1)
	for _, n := range widths {
		total += n
	}
	for ; total > w.width; total-- {
		widest := 0
		for c := 1; c < len(widths); c++ {
			if widths[c] > narrowest && (widest == 0 || widths[c] >= widths[widest]) {
				widest = c
			}
		}
		if widest == 0 {
			return
		}
		widths[widest]--
	}
}

// wrap breaks a text into lines of at most width characters, between words. A word that is longer
// stays whole, as it may be copied.
func wrap(text string, width int) []string {
	if width < 2*narrowest || utf8.RuneCountInString(text) <= width {
		return []string{text}
	}
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimLeft(line+" "+word, " ")
	}
	return append(lines, line)
}

// coloured are the columns whose words have colours.
var coloured = []string{"STATUS", "STATE"}

// paints are the colours of words, as terminals know them.
var paints = map[string]string{
	"online": "32", "delivered": "32", "ok": "32",
	"degraded": "31", "offline": "31", "dead": "31", "expired": "31", "broken": "31",
	"unknown": "33", "in_flight": "33", "warning": "33",
	"paused": "2", "provisioning": "2", "removed": "2", "cancelled": "2", "skipped": "2",
}

// paint colours a word that has a colour.
func paint(word string) string {
	if code := paints[word]; code != "" {
		return "\x1b[" + code + "m" + word + "\x1b[0m"
	}
	return word
}

// clip shortens s to at most n characters.
func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// orDash fills an empty cell.
func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
