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

// pictures are the blocks of emoji, with those that Unicode has not filled yet.
var pictures = &unicode.RangeTable{R32: []unicode.Range32{{Lo: 0x1f000, Hi: 0x1faff, Stride: 1}}}

// cells is how many columns a character adds at most.
func cells(r rune) int {
	switch kind := width.LookupRune(r).Kind(); {
	case r == '\ufe0f':
		return 1 // it makes the character before it a picture, which may be wider by one
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case kind == width.EastAsianWide, kind == width.EastAsianFullwidth, unicode.Is(pictures, r):
		return 2
	}
	return 1
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
