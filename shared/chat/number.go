package chat

import (
	"bytes"
	"iter"
	"math"
	"strconv"
)

// MaxNumber is how many characters a number in JSON may have. JSON has no bound, and some readers do: Python gives up
// on the whole text at a number of 4,301 digits, and Go at one that no double holds.
const MaxNumber = 64

// OddNumber reports whether a JSON text has a number that some readers can't read: one of more than MaxNumber
// characters, or that is too large for a double.
func OddNumber(raw []byte) bool {
	for range oddNumbers(raw) {
		return true
	}
	return false
}

// TameNumbers is a JSON text with a text in place of each number that some readers can't read.
func TameNumbers(raw []byte) []byte {
	var out []byte
	kept := 0
	for from, to := range oddNumbers(raw) {
		out = append(out, raw[kept:from]...)
		out = append(append(out, '"'), Clip(string(raw[from:to]), MaxNumber)...) // it has nothing to escape
		out = append(out, '"')
		kept = to
	}
	if kept == 0 {
		return raw
	}
	return append(out, raw[kept:]...)
}

// oddNumbers are where the numbers of a JSON text begin and end that some readers can't read. Of a text that is no JSON
// they are of no use.
func oddNumbers(raw []byte) iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		for i := 0; i < len(raw); i++ {
			switch c := raw[i]; {
			case c == '"':
				i = stringEnd(raw, i)
			case c == '-' || '0' <= c && c <= '9':
				from := i
				for i+1 < len(raw) && inNumber(raw[i+1]) {
					i++
				}
				if odd(raw[from:i+1]) && !yield(from, i+1) {
					return
				}
			}
		}
	}
}

// stringEnd is where the string ends whose first quote is at i.
func stringEnd(raw []byte, i int) int {
	for i++; i < len(raw) && raw[i] != '"'; i++ {
		if raw[i] == '\\' {
			i++
		}
	}
	return i
}

func inNumber(c byte) bool {
	return '0' <= c && c <= '9' || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'E'
}

func odd(number []byte) bool {
	if len(number) > MaxNumber {
		return true
	}
	if !bytes.ContainsAny(number, "eE") {
		return false
	}
	value, _ := strconv.ParseFloat(string(number), 64) // what is no number is no JSON, and refused as such
	return math.IsInf(value, 0)
}
