package main

import (
	"unicode"

	"golang.org/x/text/width"
)

// cellsOf is how many columns of a terminal a text takes at most. Terminals differ: some draw an emoji of several
// characters as one, others draw each of them. A text that is measured too wide gets a blank too many behind it. One
// that is measured too narrow is broken by the terminal, which puts a stranger's words at the beginning of a line.
func cellsOf(s string) (n int) {
	for _, r := range s {
		n += cells(r)
	}
	return n
}

// narrow are the scripts whose characters are narrow in every terminal. Of what is in none, each edition of Unicode may
// say that it is wide: it counts two columns, whatever the edition says that this program is built with.
var narrow = []*unicode.RangeTable{
	unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Armenian, unicode.Georgian, unicode.Hebrew, unicode.Arabic,
	unicode.Devanagari, unicode.Thai,
}

// marks are the characters of no script that are narrow too: of ASCII, Latin-1 and Arabic, and beyond those dashes,
// quotation marks, arrows and lines, which are drawn wide only in a terminal that is set up for it.
var marks = &unicode.RangeTable{R16: []unicode.Range16{
	{Lo: 0x20, Hi: 0x7e, Stride: 1},
	{Lo: 0xa0, Hi: 0xff, Stride: 1},
	{Lo: 0x600, Hi: 0x6ff, Stride: 1},
	{Lo: 0x2010, Hi: 0x2027, Stride: 1},
	{Lo: 0x2030, Hi: 0x203b, Stride: 1},
	{Lo: 0x20ac, Hi: 0x20ac, Stride: 1},
	{Lo: 0x2190, Hi: 0x2193, Stride: 1},
	{Lo: 0x2500, Hi: 0x259f, Stride: 1},
}, LatinOffset: 2}

// cells is how many columns a character adds at most.
func cells(r rune) int {
	kind := width.LookupRune(r).Kind()
	switch known := unicode.In(r, narrow...); {
	case kind == width.EastAsianWide, kind == width.EastAsianFullwidth:
		return 2
	case r == '\ufe0f':
		return 1 // it makes the character before it a picture, which may be wider by one
	case unicode.Is(unicode.Cf, r), unicode.In(r, unicode.Mn, unicode.Me) && (known || unicode.Is(unicode.Inherited, r)):
		return 0
	case known, unicode.Is(marks, r), kind == width.EastAsianHalfwidth:
		return 1
	}
	return 2
}

// fitting is the beginning of a text that takes at most n columns.
func fitting(s string, n int) string {
	for i, r := range s {
		if n -= cells(r); n < 0 {
			return s[:i]
		}
	}
	return s
}
