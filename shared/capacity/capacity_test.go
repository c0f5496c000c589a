package capacity

import (
	"testing"

	"pgregory.net/rapid"
)

func TestWrite(t *testing.T) {
	for _, c := range []struct {
		before, after int
		want          float64
	}{
		{0, 0, 1}, // a condition that fails on an item that is not there
		{0, 1, 1},
		{0, 1024, 1},
		{0, 1025, 2},
		{0, 200 << 10, 200},
		{3000, 100, 3}, // an item that shrinks costs what it was
		{100, 3000, 3},
		{5000, 0, 5}, // a delete
	} {
		if got := Write(c.before, c.after); got != c.want {
			t.Errorf("from %d to %d bytes: %g units, want %g", c.before, c.after, got, c.want)
		}
	}
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		bytes      int
		consistent bool
		want       float64
	}{
		{0, true, 1}, {0, false, 0.5}, {4096, true, 1}, {4097, true, 2}, {4097, false, 1}, {200 << 10, true, 50},
	} {
		if got := Read(c.bytes, c.consistent); got != c.want {
			t.Errorf("%d bytes, consistent=%t: %g units, want %g", c.bytes, c.consistent, got, c.want)
		}
	}
	if got := ReadMany([]int{400, 400, 3297}, true); got != 2 {
		t.Errorf("a page of 4,097 bytes: %g units, want 2", got)
	}
	if got := ReadMany(nil, false); got != 0.5 {
		t.Errorf("an empty page: %g units, want 0.5", got)
	}
}

func TestWriteEntry(t *testing.T) {
	none, at1, at2 := Entry{}, Entry{Key: "1", Bytes: 100}, Entry{Key: "2", Bytes: 100}
	more := Entry{Key: "1", Projected: "p", Bytes: 1500}
	for _, c := range []struct {
		name          string
		before, after Entry
		want          float64
	}{
		{"no entry", none, none, 0},
		{"a new entry", none, at1, 1},
		{"an entry that goes", at1, none, 1},
		{"an entry that stays", at1, at1, 0},
		{"another key", at1, at2, 2},
		{"another projected attribute", at1, more, 2},
	} {
		if got := WriteEntry(c.before, c.after); got != c.want {
			t.Errorf("%s: %g units, want %g", c.name, got, c.want)
		}
	}
}

// More bytes never cost less, each unit is paid for bytes, and one page costs no more than its items one by one.
func TestRoundingIsFair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(0, 400<<10)
		a, b := size.Draw(t, "a"), size.Draw(t, "b")
		if Write(a, b) != Write(b, a) || Write(a, b) != max(Write(0, a), Write(0, b)) {
			t.Fatal("a write does not cost what its larger image does")
		}
		if n := Write(0, a); float64(a) > n*writeBytes || (n > 1 && float64(a) <= (n-1)*writeBytes) {
			t.Fatalf("%d bytes are %g units", a, n)
		}
		if Read(a, true) != 2*Read(a, false) {
			t.Fatal("an eventually consistent read is not half a consistent one")
		}
		if ReadMany([]int{a, b}, true) > Read(a, true)+Read(b, true) {
			t.Fatal("a page costs more than its items")
		}
	})
}
