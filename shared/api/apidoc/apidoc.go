// Package apidoc compares calls with the API's OpenAPI document: whether a
// request is as described, and a reply has just the members that are described.
// Tests and proofs import it; no function links it.
package apidoc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/rollcall/rollcall/shared/api"
)

// Document is an OpenAPI 3.1 document.
type Document struct {
	content  object
	compiler *jsonschema.Compiler
}

type object = map[string]any

// Where the compiler finds the document: as it is, for requests, and with every
// object closed to members that aren't described, for replies.
const (
	asDescribed = "http://rollcall.invalid/openapi.json"
	closed      = "http://rollcall.invalid/closed.json"
)

// New reads a document.
func New(raw []byte) (*Document, error) {
	content, err := decode(raw)
	if err != nil {
		return nil, fmt.Errorf("apidoc: %w", err)
	}
	if !strings.HasPrefix(fmt.Sprint(content["openapi"]), "3.1.") {
		return nil, errors.New("apidoc: not an OpenAPI 3.1 document")
	}
	strict, err := decode(raw)
	if err != nil {
		return nil, fmt.Errorf("apidoc: %w", err)
	}
	closeObjects(strict)
	d := &Document{content, jsonschema.NewCompiler()}
	d.compiler.DefaultDraft(jsonschema.Draft2020) // OpenAPI 3.1's dialect
	d.compiler.AssertFormat()
	return d, errors.Join(d.compiler.AddResource(asDescribed, content), d.compiler.AddResource(closed, strict))
}

func decode(raw []byte) (object, error) {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	content, ok := v.(object)
	if !ok {
		return nil, errors.New("not an object")
	}
	return content, nil
}

// closeObjects refuses further members wherever a schema lists members and
// doesn't say that there may be others.
func closeObjects(v any) {
	switch x := v.(type) {
	case object:
		for _, inner := range x {
			closeObjects(inner)
		}
		_, lists := x["properties"].(object)
		if _, says := x["additionalProperties"]; lists && !says {
			x["additionalProperties"] = false
		}
	case []any:
		for _, inner := range x {
			closeObjects(inner)
		}
	}
}

// Route finds the route key of a call, "" when the document has none: a literal
// segment goes before a variable one, from the left.
func (d *Document) Route(method, path string) string {
	segments := strings.Split(path, "/")
	best, bestShape := "", ""
	for template, methods := range d.content["paths"].(object) {
		_, ok := methods.(object)[strings.ToLower(method)].(object)
		shape, fits := match(strings.Split(template, "/"), segments)
		if ok && fits && (best == "" || shape < bestShape) {
			best, bestShape = template, shape
		}
	}
	if best == "" {
		return ""
	}
	return method + " " + best
}

// match gives a shape that sorts the more specific template first.
func match(template, path []string) (shape string, ok bool) {
	if len(template) != len(path) {
		return "", false
	}
	for i, p := range template {
		switch {
		case p == path[i]:
			shape += "l"
		case strings.HasPrefix(p, "{") && path[i] != "":
			shape += "v"
		default:
			return "", false
		}
	}
	return shape, true
}

// operation is what the document says of a route, and where.
func (d *Document) operation(route string) (op object, at string, err error) {
	method, path, _ := strings.Cut(route, " ")
	item, _ := d.content["paths"].(object)[path].(object)
	op, ok := item[strings.ToLower(method)].(object)
	if !ok {
		return nil, "", fmt.Errorf("the description has no such operation: %s", route)
	}
	return op, "#/paths/" + escape(path) + "/" + strings.ToLower(method), nil
}

// CheckRequest compares a request with the description of its route.
func (d *Document) CheckRequest(route string, query url.Values, body []byte) error {
	op, at, err := d.operation(route)
	if err != nil {
		return err
	}
	if err := checkQuery(op, query); err != nil {
		return err
	}
	described, ok := op["requestBody"].(object)
	if !ok || len(body) == 0 {
		return nil
	}
	pointer, _, err := d.media(described, at+"/requestBody", api.JSON)
	if err == nil {
		err = d.validate(asDescribed, pointer, body)
	}
	if err != nil {
		return fmt.Errorf("the request: %w", err)
	}
	return nil
}

// TellsDropped reports whether a reply says that metrics of its request were dropped: such a request is not as
// described, and is accepted all the same.
func TellsDropped(reply []byte) bool {
	var beat struct{ Dropped []api.Dropped }
	return json.Unmarshal(reply, &beat) == nil && len(beat.Dropped) > 0
}

// CheckReply compares a reply with the description of its route. It must have
// every member that isn't optional, and none that isn't described.
func (d *Document) CheckReply(route string, status int, contentType string, body []byte) error {
	op, at, err := d.operation(route)
	if err != nil {
		return err
	}
	code := strconv.Itoa(status)
	described, ok := op["responses"].(object)[code].(object)
	if !ok {
		return fmt.Errorf("the description has no answer %s", code)
	}
	if status == http.StatusNotModified {
		if described["content"] != nil || len(body) > 0 || contentType != "" {
			return errors.New("a 304 has no body")
		}
		return nil
	}
	pointer, isJSON, err := d.media(described, at+"/responses/"+code, contentType)
	if err != nil || !isJSON {
		return err
	}
	return d.validate(closed, pointer, body)
}

// CheckNotFound compares the reply to a call that has no route with the
// description of errors.
func (d *Document) CheckNotFound(status int, body []byte) error {
	if status != http.StatusNotFound && status != http.StatusMethodNotAllowed {
		return errors.New("the description has no such operation")
	}
	return d.validate(closed, "#/components/schemas/Problem", body)
}

// Member is what the document says of a member of a request: a parameter of the path, the query or a header, or a
// member of the body after those of the objects around it (in "json"). References are followed; nil: it says nothing.
func (d *Document) Member(route, in string, path ...string) map[string]any {
	op, _, err := d.operation(route)
	if err != nil {
		return nil
	}
	if in != "json" {
		params, _ := op["parameters"].([]any)
		for _, p := range params {
			if m, _ := p.(object); m["in"] == in && m["name"] == path[0] {
				s, _ := m["schema"].(object)
				return d.followed(s)
			}
		}
		return nil
	}
	body, _ := op["requestBody"].(object)
	content, _ := body["content"].(object)
	media, _ := content[api.JSON].(object)
	s, _ := media["schema"].(object)
	for _, name := range path {
		s = d.followed(s)
		if items, ok := s["items"].(object); ok {
			s = d.followed(items)
		}
		members, _ := s["properties"].(object)
		s, _ = members[name].(object)
	}
	return d.followed(s)
}

// MayBeNull reports whether a schema, as Member gives it, allows null.
func MayBeNull(schema map[string]any) bool {
	types, _ := schema["type"].([]any)
	for _, t := range types {
		if t == "null" {
			return true
		}
	}
	return schema["nullable"] == true
}

// followed is a schema with what it refers to in it. Of alternatives one of which is null, it is the other one, and
// nullable.
func (d *Document) followed(s object) object {
	out := object{}
	if ref, ok := s["$ref"].(string); ok {
		maps.Copy(out, d.followed(d.resolve(ref)))
	}
	alternatives, _ := s["anyOf"].([]any)
	for _, a := range alternatives {
		if one, _ := a.(object); one["type"] == "null" {
			out["nullable"] = true
		} else {
			maps.Copy(out, d.followed(one))
		}
	}
	for name, v := range s {
		if name != "$ref" && name != "anyOf" {
			out[name] = v
		}
	}
	return out
}

// media is where the schema of a body of this type stands.
func (d *Document) media(holder object, at, contentType string) (pointer string, isJSON bool, err error) {
	if ref, ok := holder["$ref"].(string); ok {
		at = ref
		holder = d.resolve(ref)
	}
	content, _ := holder["content"].(object)
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return "", false, fmt.Errorf("content type %q: %w", contentType, err)
	}
	if _, ok := content[kind]; !ok {
		return "", false, fmt.Errorf("the description has no body of type %s", kind)
	}
	return at + "/content/" + escape(kind) + "/schema", kind == api.JSON, nil
}

func (d *Document) resolve(ref string) object {
	var v any = d.content
	for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		m, _ := v.(object)
		v = m[strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")]
	}
	m, _ := v.(object)
	return m
}

func (d *Document) validate(location, pointer string, body []byte) error {
	s, err := d.compiler.Compile(location + strings.ReplaceAll(strings.ReplaceAll(pointer, "{", "%7B"), "}", "%7D"))
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	return s.Validate(v)
}

func checkQuery(op object, q url.Values) error {
	described := map[string]object{}
	params, _ := op["parameters"].([]any)
	for _, p := range params {
		if m, _ := p.(object); m["in"] == "query" {
			described[fmt.Sprint(m["name"])], _ = m["schema"].(object)
		}
	}
	for name, values := range q {
		s, ok := described[name]
		if !ok {
			return fmt.Errorf("the description has no query parameter %s", name)
		}
		if s["type"] == "integer" && json.Unmarshal([]byte(values[0]), new(int)) != nil {
			return fmt.Errorf("query parameter %s is no integer", name)
		}
	}
	return nil
}

func escape(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, "~", "~0"), "/", "~1") }
