package apidoc

import (
	"encoding/json"
	"slices"

	"github.com/rollcall/rollcall/shared/api"
)

// Number is a number of a request that the document bounds: where it stands, as for Member, and its bounds; nil: it has
// none on that side.
type Number struct {
	In        string
	Path      []string
	Low, High *json.Number
	Whole     bool
}

// deepest is in how many objects a number stands at most: schemas may hold themselves.
const deepest = 8

// Numbers are the numbers of a route's request that have a bound.
func (d *Document) Numbers(route string) (out []Number) {
	op, _, err := d.operation(route)
	if err != nil {
		return nil
	}
	params, _ := op["parameters"].([]any)
	for _, p := range params {
		m, _ := p.(object)
		in, _ := m["in"].(string)
		name, _ := m["name"].(string)
		s, _ := m["schema"].(object)
		out = append(out, d.numbersIn(in, []string{name}, s)...)
	}
	body, _ := op["requestBody"].(object)
	content, _ := body["content"].(object)
	media, _ := content[api.JSON].(object)
	s, _ := media["schema"].(object)
	return append(out, d.numbersIn("json", nil, s)...)
}

func (d *Document) numbersIn(in string, path []string, s object) (out []Number) {
	if len(path) > deepest {
		return nil
	}
	s = d.followed(s)
	if items, ok := s["items"].(object); ok {
		return d.numbersIn(in, path, items)
	}
	low, hasLow := s["minimum"].(json.Number)
	high, hasHigh := s["maximum"].(json.Number)
	if hasLow || hasHigh {
		n := Number{In: in, Path: path, Whole: !hasType(s, "number")}
		if hasLow {
			n.Low = &low
		}
		if hasHigh {
			n.High = &high
		}
		out = append(out, n)
	}
	members, _ := s["properties"].(object)
	for name, member := range members {
		m, _ := member.(object)
		out = append(out, d.numbersIn(in, append(slices.Clone(path), name), m)...)
	}
	return out
}

// hasType reports whether a schema allows a type.
func hasType(s object, name string) bool {
	types, isList := s["type"].([]any)
	if !isList {
		return s["type"] == name
	}
	return slices.Contains(types, any(name))
}
