package httpapi_test

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
)

// plain is what a refusal of a member of another type is made of: names of the API and words of JSON.
var plain = regexp.MustCompile(`^(the body|[a-z_.]+) must be (a string|a number|a whole number|true or false|an ` +
	`array|an object), not (a string|a number|a number that is not whole, or too large|true or false|an array|an object)$`)

// Each member of each request that is given a value of each type of JSON is read, or is refused in words of JSON: no
// type of Go is named. A whole number may be written with a point.
func TestAMemberOfAnotherTypeIsToldInWordsOfJSON(t *testing.T) {
	values := []string{`"x"`, `1`, `1.0`, `1e2`, `1.5`, `1e300`, `true`, `[]`, `["x"]`, `[1]`, `[{}]`, `{}`, `null`}
	seen, refused := 0, 0
	for _, op := range api.Operations() {
		request := reflect.TypeOf(op.Request)
		if !op.HasBody() || request == nil {
			continue
		}
		for _, name := range membersOf(request) {
			for _, value := range values {
				seen++
				in := reflect.New(request).Interface()
				err := httpapi.DecodeJSON([]byte(fmt.Sprintf(`{%q: %s}`, name, value)), in)
				e, ok := errors.AsType[*fault.Error](err)
				if err != nil && (!ok || !plain.MatchString(e.Message)) {
					t.Errorf("%s: %s %s: %v", op.Route, name, value, err)
				}
				if ok {
					refused++
				}
				if ok && (value == `1.0` || value == `1e2`) && strings.Contains(e.Message, "a whole number") {
					t.Errorf("%s: %s %s is a whole number: %v", op.Route, name, value, err)
				}
			}
		}
	}
	if seen < 300 || refused < 100 {
		t.Fatalf("%d values, %d refused", seen, refused)
	}
}

// membersOf are the names of the members of a request's body.
func membersOf(request reflect.Type) (names []string) {
	for _, f := range reflect.VisibleFields(request) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "" && name != "-" && !f.Anonymous {
			names = append(names, name)
		}
	}
	return names
}

// A body that is no JSON is told where it ceases to be.
func TestABodyThatIsNoJSONIsToldWhere(t *testing.T) {
	for body, want := range map[string]string{
		"\ufeff{}":                     "the body is not JSON at line 1, column 1",
		`{'id': 1}`:                    "the body is not JSON at line 1, column 2",
		`{"error_rate": NaN}`:          "the body is not JSON at line 1, column 16",
		"{\n  \"id\": \"é\", // it\n}": "the body is not JSON at line 2, column 14",
		"{\"id\": \"a\",\n}":           "the body is not JSON at line 2, column 1",
		`{"id": "a"`:                   "the body is not JSON: it ends at line 1, column 10, before its value does",
		"{} {}":                        "the body has more than one JSON value",
		"":                             "the body is not JSON",
	} {
		var in api.RegisterRequest
		e, ok := errors.AsType[*fault.Error](httpapi.DecodeJSON([]byte(body), &in))
		if !ok || e.Code != fault.InvalidJSON || e.Message != want {
			t.Errorf("%q: %v, want %s", body, e, want)
		}
	}
}

// Whole numbers that are written with a point are read, as many as a request has.
func TestWholeNumbersMayHaveAPoint(t *testing.T) {
	var in struct {
		A, C int64
		B    *int
		D    float64
		E    string
	}
	body := `{"a": 1.0, "e": "2.0", "b": 2.00, "c": -3e2, "d": 1.0}`
	if err := httpapi.DecodeJSON([]byte(body), &in); err != nil || in.A != 1 || *in.B != 2 || in.C != -300 || in.D != 1 {
		t.Fatalf("%+v, %v", in, err)
	}
}
