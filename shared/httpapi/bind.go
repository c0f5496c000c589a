package httpapi

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
)

// parameter is a field of a request type that is read from the path, the query
// or a header.
type parameter struct {
	index   []int
	in      string
	name    string
	initial string // of one that is absent; "" leaves the field as it is
	low     int64
	high    int64
	list    bool     // several values may be joined by commas
	problem string   // the text of the error, where it isn't made of the bounds
	choices []string // the only values of a text; none: any
	near    string   // a value with a meaning of its own: one that is spelled almost like it is refused
}

// readerOf makes the function that reads an operation's request type: first the
// path, which the type's Check method may refuse, then the rest. Then it checks
// that nothing is too long, and no number out of its range: no handler meets a text
// that a store refuses. What the body has and the type has not is unread. Errors: those of Check, of Call.Decode, of
// checkQuery, of unread and of bounded.check.
func readerOf[Req any](op *api.Operation) func(Call) (Req, api.Unread, error) {
	parameters := parametersOf(reflect.TypeFor[Req]())
	bounds := boundsOf(reflect.TypeFor[Req]())
	members := membersOf(reflect.TypeFor[Req]())
	known := knownOf(op, members)
	query := namesIn("query", parameters)
	hasBody := op.HasBody() && op.Body == nil // described by Body: the endpoint reads it
	return func(c Call) (in Req, left api.Unread, err error) {
		to := reflect.ValueOf(&in).Elem()
		read := func(p parameter) {
			if err == nil {
				err = p.read(c, to.FieldByIndex(p.index))
			}
		}
		for _, p := range parameters {
			if p.in == "path" {
				read(p)
			}
		}
		if checked, ok := any(in).(interface{ Check() error }); ok && err == nil {
			err = checked.Check()
		}
		for _, p := range parameters {
			if p.in != "path" {
				read(p)
			}
		}
		if err == nil {
			err = checkQuery(c.QueryStringParameters, query)
		}
		if err == nil && hasBody && (c.Body != "" || !op.BodyOptional) {
			left, err = c.readMembers(&in, members, known)
		}
		for _, b := range bounds {
			if err == nil {
				err = b.check(to.FieldByIndex(b.index))
			}
		}
		return in, left, err
	}
}

// readMembers reads the members of the body into in, and returns those that it has no room for, if the body is JSON.
// Errors: those of Read and of unread.
func (c Call) readMembers(in any, members []member, known Known) (api.Unread, error) {
	body, err := c.Read(in)
	left, differs := unread(body, members, known)
	if err == nil {
		err = differs
	}
	return left, err
}

// namesIn are the names of the parameters of one place.
func namesIn(place string, parameters []parameter) (names []string) {
	for _, p := range parameters {
		if p.in == place {
			names = append(names, p.name)
		}
	}
	return names
}

// parametersOf are the parameters of a request type.
func parametersOf(t reflect.Type) (parameters []parameter) {
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous {
			continue
		}
		for _, in := range []string{"path", "query", "header"} {
			if name, ok := f.Tag.Lookup(in); ok {
				parameters = append(parameters, parameter{
					index: f.Index, in: in, name: name, initial: f.Tag.Get("default"), problem: f.Tag.Get("problem"),
					low: bound(f.Tag.Get("minimum"), 0), high: bound(f.Tag.Get("maximum"), 1<<62), choices: choicesOf(f),
					list: f.Tag.Get("list") == "true", near: f.Tag.Get("near"),
				})
			}
		}
	}
	return parameters
}

// choicesOf are the values that a parameter may have: its type's, or those that its
// tag lists.
func choicesOf(f reflect.StructField) []string {
	if chosen, ok := reflect.TypeAssert[interface{ Choices() []string }](reflect.Zero(f.Type)); ok {
		return chosen.Choices()
	}
	if list := f.Tag.Get("enum"); list != "" {
		return strings.Split(list, ",")
	}
	return nil
}

func bound(text string, otherwise int64) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return otherwise
	}
	return n
}

// read puts the call's value into the field. Error: invalid_request.
func (p parameter) read(c Call, to reflect.Value) error {
	var text string
	given := true
	switch p.in {
	case "path":
		text = c.PathParameters[p.name]
	case "query":
		text, given = c.QueryStringParameters[p.name]
		if !p.list && strings.Contains(text, ",") { // API Gateway joins those of a repeated parameter
			return fault.New(fault.InvalidRequest, "%s must be given once, with one value", p.name)
		}
	default:
		text = c.Header(p.name)
	}
	if !given {
		if p.initial == "" {
			return nil
		}
		text = p.initial
	}
	if to.Kind() == reflect.Pointer { // a number that may be absent
		to.Set(reflect.New(to.Type().Elem()))
		to = to.Elem()
	}
	if to.Kind() == reflect.String {
		to.SetString(text)
		if text != "" && len(p.choices) > 0 && !slices.Contains(p.choices, text) {
			return fault.New(fault.InvalidRequest, "%s", p.complaint())
		}
		return p.checkNear(text)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < p.low || n > p.high {
		return fault.New(fault.InvalidRequest, "%s", p.complaint())
	}
	to.SetInt(n)
	return nil
}

// checkNear refuses a value that is spelled almost like the one with a meaning of its own. Error: invalid_request.
func (p parameter) checkNear(text string) error {
	if p.near == "" || text == "" || text == p.near {
		return nil
	}
	for value := range strings.SplitSeq(text, ",") {
		if value = strings.TrimSpace(value); value != p.near && nearest(value, []string{p.near}) != "" {
			return misspelt(p.name+" "+chat.Clip(value, maxUnreadName)+" is unknown", p.near)
		}
	}
	return nil
}

func (p parameter) complaint() string {
	if p.problem != "" {
		return p.problem
	}
	if len(p.choices) > 0 {
		return p.name + " must be " + inWords(p.choices, "or")
	}
	return rangeOf(p.name, p.low, p.high)
}
