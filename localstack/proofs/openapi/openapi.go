// Package openapi checks real calls against the API's description: its transport compares
// each request and answer with /openapi.json.
package openapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Checker is an http.RoundTripper that makes calls with Base and records where they depart
// from the document.
type Checker struct {
	Base http.RoundTripper
	Path string // the path of the API on its server; "" is the root

	mu         sync.Mutex
	doc        map[string]any
	compiler   *jsonschema.Compiler
	departures []string
	seen       map[string]bool
}

const location = "http://rollcall.invalid/openapi.json"

// New reads a document.
func New(raw []byte) (*Checker, error) {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	doc, ok := v.(map[string]any)
	if !ok || !strings.HasPrefix(fmt.Sprint(doc["openapi"]), "3.1.") {
		return nil, fmt.Errorf("openapi: not an OpenAPI 3.1 document")
	}
	c := &Checker{Base: http.DefaultTransport, doc: doc, compiler: jsonschema.NewCompiler(), seen: map[string]bool{}}
	c.compiler.DefaultDraft(jsonschema.Draft2020) // OpenAPI 3.1's dialect
	c.compiler.AssertFormat()
	return c, c.compiler.AddResource(location, doc)
}

// Departures lists where the calls so far departed from the document.
func (c *Checker) Departures() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.departures...)
}

// Seen are the operations and statuses that were called, as "GET /x 200".
func (c *Checker) Seen() map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string]bool{}
	for k := range c.seen {
		out[k] = true
	}
	return out
}

// RoundTrip implements http.RoundTripper.
func (c *Checker) RoundTrip(r *http.Request) (*http.Response, error) {
	var sent []byte
	if r.Body != nil {
		var err error
		if sent, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body.Close()
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(sent))
	}
	resp, err := c.Base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	got, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(got))
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.check(r.Method, r.URL, sent, resp.StatusCode, resp.Header.Get("Content-Type"), got); err != nil {
		c.departures = append(c.departures,
			fmt.Sprintf("%s %s -> %d: %v", r.Method, r.URL.RequestURI(), resp.StatusCode, err))
	}
	return resp, nil
}

func (c *Checker) check(method string, u *url.URL, sent []byte, status int, contentType string, got []byte) error {
	template, op := c.operation(method, strings.TrimPrefix(u.EscapedPath(), c.Path))
	if op == nil {
		if status != http.StatusNotFound {
			return fmt.Errorf("the description has no such operation")
		}
		return c.validate("#/components/schemas/Problem", got)
	}
	at := "#/paths/" + escape(template) + "/" + strings.ToLower(method)
	if status < 400 { // a refused request may be invalid
		if err := c.checkQuery(op, u.Query()); err != nil {
			return err
		}
		if body, ok := op["requestBody"].(map[string]any); ok && len(sent) > 0 {
			pointer, _, err := c.media(body, at+"/requestBody", "application/json")
			if err == nil {
				err = c.validate(pointer, sent)
			}
			if err != nil {
				return fmt.Errorf("the request: %w", err)
			}
		}
	}
	code := fmt.Sprint(status)
	described, ok := op["responses"].(map[string]any)[code].(map[string]any)
	if !ok {
		return fmt.Errorf("the description has no answer %s", code)
	}
	c.seen[method+" "+template+" "+code] = true
	pointer, isJSON, err := c.media(described, at+"/responses/"+code, contentType)
	if err != nil || !isJSON {
		return err
	}
	return c.validate(pointer, got)
}

// operation finds the path template of a call, and the operation. From the left, a literal
// segment goes before a variable one.
func (c *Checker) operation(method, path string) (string, map[string]any) {
	segments := strings.Split(path, "/")
	best, bestShape := "", ""
	var found map[string]any
	for template, methods := range c.doc["paths"].(map[string]any) {
		op, ok := methods.(map[string]any)[strings.ToLower(method)].(map[string]any)
		shape, fits := match(strings.Split(template, "/"), segments)
		if ok && fits && (found == nil || shape < bestShape) {
			best, bestShape, found = template, shape, op
		}
	}
	return best, found
}

// match reports whether a template fits a path. Its shape sorts the more specific template
// first.
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

// media is the pointer to the schema of a body of this type.
func (c *Checker) media(holder map[string]any, at, contentType string) (pointer string, isJSON bool, err error) {
	if ref, ok := holder["$ref"].(string); ok {
		at = ref
		holder = c.resolve(ref)
	}
	content, _ := holder["content"].(map[string]any)
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return "", false, fmt.Errorf("content type %q: %w", contentType, err)
	}
	if _, ok := content[kind]; !ok {
		return "", false, fmt.Errorf("the description has no body of type %s", kind)
	}
	return at + "/content/" + escape(kind) + "/schema", kind == "application/json", nil
}

func (c *Checker) resolve(ref string) map[string]any {
	var v any = c.doc
	for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		m, _ := v.(map[string]any)
		v = m[strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")]
	}
	m, _ := v.(map[string]any)
	return m
}

func (c *Checker) validate(pointer string, body []byte) error {
	s, err := c.compiler.Compile(location + strings.ReplaceAll(strings.ReplaceAll(pointer, "{", "%7B"), "}", "%7D"))
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	return s.Validate(v)
}

func (c *Checker) checkQuery(op map[string]any, q url.Values) error {
	described := map[string]map[string]any{}
	params, _ := op["parameters"].([]any)
	for _, p := range params {
		m, _ := p.(map[string]any)
		if ref, ok := m["$ref"].(string); ok {
			m = c.resolve(ref)
		}
		if m["in"] == "query" {
			described[fmt.Sprint(m["name"])] = m["schema"].(map[string]any)
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
