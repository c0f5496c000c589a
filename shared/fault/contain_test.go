package fault_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/fault"
)

// A panic becomes an error that names the place, and everything else passes as it is.
func TestAPanicIsContained(t *testing.T) {
	own := errors.New("its own")
	for name, c := range map[string]struct {
		do    func() error
		panic bool
		want  error
	}{
		"nothing":      {do: func() error { return nil }},
		"an error":     {do: func() error { return own }, want: own},
		"a panic":      {do: func() error { return cut("text", 9) }, panic: true},
		"of a text":    {do: func() error { panic("no way on") }, panic: true},
		"of an error":  {do: func() error { panic(own) }, panic: true},
		"in a closure": {do: fault.Contained(func() error { panic(own) }), panic: true},
	} {
		err := fault.Contain(c.do)
		if fault.IsPanic(err) != c.panic || !c.panic && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if c.panic && (fault.CodeOf(err) != fault.Internal || !strings.Contains(err.Error(), "contain_test.go:")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func cut(s string, i int) error { return errors.New(s[i:]) }
