package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rollcall/rollcall/shared/fault"
)

// wholeNumbers is how many whole numbers of one body may be written with a point or an exponent.
const wholeNumbers = 16

// DecodeJSON is Decode on bytes. A whole number may be written as 1.0 or 1e3, wherever one is read. Errors:
// invalid_json, invalid_request.
func DecodeJSON(body []byte, v any) error {
	for range wholeNumbers {
		err := decodeOne(body, v)
		te, ok := errors.AsType[*json.UnmarshalTypeError](err)
		if !ok {
			return err
		}
		mended, ok := wholeNumber(body, te)
		if !ok {
			return ofAnotherType(te)
		}
		body = mended
	}
	return fault.New(fault.InvalidRequest, "more than %d whole numbers have a point or an exponent", wholeNumbers)
}

// decodeOne reads the one JSON value of a body. Errors: invalid_json, *json.UnmarshalTypeError.
func decodeOne(body []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(body))
	err := dec.Decode(v)
	if err == nil {
		if _, err := dec.Token(); err != io.EOF {
			return fault.New(fault.InvalidJSON, "the body has more than one JSON value")
		}
		return nil
	}
	if te, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return te
	}
	where := ""
	if se, ok := errors.AsType[*json.SyntaxError](err); ok && len(body) > 0 {
		where = " at " + position(body, se.Offset)
	} else if errors.Is(err, io.ErrUnexpectedEOF) {
		where = ": it ends at " + position(body, int64(len(body))) + ", before its value does"
	}
	return fault.New(fault.InvalidJSON, "the body is not JSON%s", where).WithHint("send a JSON object", "stop")
}

// position is the line and the column, both from 1, of the last of so many bytes of a body.
func position(body []byte, bytesRead int64) string {
	at := int(min(max(bytesRead, 1), int64(len(body)))) - 1
	before := body[:at]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := 1 + utf8.RuneCount(before[1+bytes.LastIndexByte(before, '\n'):])
	return "line " + strconv.Itoa(line) + ", column " + strconv.Itoa(column)
}

// wholeNumber is the body with the whole number that could not be read written without a point; ok is false when what
// could not be read is none.
func wholeNumber(body []byte, te *json.UnmarshalTypeError) (mended []byte, ok bool) {
	text, isNumber := strings.CutPrefix(te.Value, "number ")
	n, err := strconv.ParseFloat(text, 64)
	end := int(te.Offset)
	begin := end - len(text)
	exact := err == nil && n == math.Trunc(n) && math.Abs(n) < 1<<53
	if !isNumber || !exact || !whole(te.Type) || begin < 0 || end > len(body) || string(body[begin:end]) != text ||
		strings.Trim(text, "-0123456789") == "" {
		return nil, false
	}
	out := append([]byte{}, body[:begin]...)
	return append(strconv.AppendInt(out, int64(n), 10), body[end:]...), true
}

// whole reports whether values of a type are whole numbers.
func whole(t reflect.Type) bool {
	return t.Kind() >= reflect.Int && t.Kind() <= reflect.Uint64
}

// ofAnotherType refuses a value of another type than the one that is read, in words of JSON.
func ofAnotherType(te *json.UnmarshalTypeError) error {
	is, _, _ := strings.Cut(te.Value, " ") // of a number, the text of it follows
	is = map[string]string{
		"string": "a string", "number": "a number", "bool": "true or false", "array": "an array", "object": "an object",
	}[is]
	if whole(te.Type) && is == "a number" {
		is = "a number that is not whole, or too large"
	}
	name := te.Field
	if name == "" {
		name = "the body"
	}
	return fault.New(fault.InvalidRequest, "%s must be %s, not %s", name, jsonWord(te.Type), is)
}

// jsonWord is what JSON calls the values of a type.
func jsonWord(t reflect.Type) string {
	switch kind := t.Kind(); {
	case whole(t):
		return "a whole number"
	case kind == reflect.Pointer:
		return jsonWord(t.Elem())
	case kind == reflect.Float32, kind == reflect.Float64:
		return "a number"
	case kind == reflect.Bool:
		return "true or false"
	case kind == reflect.Slice, kind == reflect.Array:
		return "an array"
	case kind == reflect.String:
		return "a string"
	}
	return "an object"
}
