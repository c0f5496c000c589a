package httpapi

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
)

// bounded is a field of a request type that has a bound: each text has one, and a number may have
// one. What is JSON of any kind is bounded by the body, and by who reads it.
type bounded struct {
	index     []int
	name      string
	maxLength int // of a text, in characters
	low, high int64
}

// boundsOf are the bounds of a request type.
func boundsOf(t reflect.Type) (out []bounded) {
	for _, f := range reflect.VisibleFields(t) {
		if name := nameOf(f); !f.Anonymous && name != "" {
			out = append(out, bounded{
				index: f.Index, name: name, maxLength: maxLengthOf(f),
				low: bound(f.Tag.Get("minimum"), -1<<62), high: bound(f.Tag.Get("maximum"), 1<<62),
			})
		}
	}
	return out
}

// nameOf is what the API calls a field, "" when it is none of the request.
func nameOf(f reflect.StructField) string {
	for _, in := range []string{"path", "query", "header"} {
		if name, ok := f.Tag.Lookup(in); ok {
			return name
		}
	}
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "-" {
		return ""
	}
	return name
}

// maxLengthOf is the bound of a field's length: that of its tag, and of a text without one
// api.MaxText.
func maxLengthOf(f reflect.StructField) int {
	n, err := strconv.Atoi(f.Tag.Get("maxLength"))
	if err != nil && f.Type.Kind() == reflect.String {
		return api.MaxText
	}
	return n
}

// check reports a text that is too long, or a number out of its range. Errors: invalid_request, too_large for content.
func (b bounded) check(v reflect.Value) error {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		v = v.Elem()
	}
	switch {
	case v.Kind() == reflect.String:
		if utf8.RuneCountInString(v.String()) <= b.maxLength {
			return nil
		}
		tooLong := fault.New(fault.InvalidRequest, "%s has at most %d characters", b.name, b.maxLength)
		if b.maxLength >= api.LongText {
			tooLong.Code = fault.TooLarge
			tooLong = tooLong.WithHint(sendALink, "stop")
		}
		return tooLong
	case v.CanInt():
		if n := v.Int(); n < b.low || n > b.high {
			return fault.New(fault.InvalidRequest, "%s", rangeOf(b.name, b.low, b.high))
		}
	}
	return nil
}

// rangeOf says which numbers are taken.
func rangeOf(name string, low, high int64) string {
	return fmt.Sprintf("%s must be a whole number from %d to %d", name, low, high)
}
