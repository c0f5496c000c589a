package main

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/api/apidoc"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
)

func TestTheCommittedFilesAreCurrent(t *testing.T) {
	document, html := written(t)
	for file, want := range map[string]string{"openapi.json": string(document), "docs.html": html} {
		got, err := os.ReadFile(filepath.Join("../../../functions/status", file))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is stale: run go generate ./shared/api", file)
		}
	}
	if _, err := apidoc.New(document); err != nil {
		t.Error(err)
	}
}

// The document has the examples that the page shows, as the same texts. Each is one that its schemas allow: see
// TestThePageShowsExamplesThatTheDocumentAllows.
func TestTheDocumentHasTheExamplesOfThePage(t *testing.T) {
	type contents map[string]struct {
		Example json.RawMessage `json:"example"`
	}
	var doc struct {
		Servers []struct{ URL string }
		Paths   map[string]map[string]struct {
			RequestBody struct{ Content contents }
			Responses   map[string]struct{ Content contents }
		}
	}
	document, _ := written(t)
	if err := json.Unmarshal(document, &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Servers) != 1 || doc.Servers[0].URL != "/" {
		t.Errorf("servers: %v", doc.Servers)
	}
	same := func(got json.RawMessage, want string) bool {
		var a, b bytes.Buffer
		if len(got) == 0 || want == "" {
			return len(got) == 0 && want == ""
		}
		return json.Compact(&a, got) == nil && json.Compact(&b, []byte(want)) == nil && a.String() == b.String()
	}
	for _, o := range api.Operations() {
		method, path, _ := strings.Cut(o.Route, " ")
		in, e := doc.Paths[path][strings.ToLower(method)], examples()[o.Route]
		answer, err := e.text()
		if err != nil {
			t.Fatal(err)
		}
		if got := in.RequestBody.Content[api.JSON].Example; !same(got, e.body) {
			t.Errorf("%s: the call has the example %s, and the page %s", o.Route, got, e.body)
		}
		if got := in.Responses[strconv.Itoa(e.status)].Content[api.JSON].Example; !same(got, answer) {
			t.Errorf("%s: the answer has the example %s, and the page %s", o.Route, got, answer)
		}
	}
}

// An error has no member that the document lacks: the comparison of calls with the document refuses one.
func TestAnErrorHasNoOtherMember(t *testing.T) {
	document, _ := written(t)
	doc, err := apidoc.New(document)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	all := api.Problem{RetryAfter: 1, RequestID: "r", Message: "m", Action: fault.ActionStop, Details: fault.Details{
		FilledBy: "a", WorkspaceStatus: "offline", WorkspaceReason: "lease_expired", LastAcceptedAt: at, ID: "w",
		RemovedAt: at, Allow: []string{"GET"},
	}}
	if err := doc.CheckNotFound(404, []byte(jsonText(t, all))); err != nil {
		t.Error(err)
	}
	other := strings.Replace(jsonText(t, all), `"filled_by"`, `"secret"`, 1)
	if doc.CheckNotFound(404, []byte(other)) == nil {
		t.Error("a member that is not described passes")
	}
}

// A reference that leads nowhere, or a field of a request that isn't described,
// helps nobody who reads the document.
func TestReferencesLeadSomewhereAndRequestsAreDescribed(t *testing.T) {
	raw, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths      map[string]map[string]any
		Components struct {
			Schemas map[string]struct {
				Properties map[string]map[string]any
			}
			Responses map[string]any
		}
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	for _, match := range strings.Split(string(raw), `"$ref":"#/components/`)[1:] {
		ref, _, _ := strings.Cut(match, `"`)
		kind, name, _ := strings.Cut(ref, "/")
		_, isSchema := doc.Components.Schemas[name]
		_, isResponse := doc.Components.Responses[name]
		if (kind == "schemas" && !isSchema) || (kind == "responses" && !isResponse) {
			t.Errorf("there is no %s", ref)
		}
	}
	for name, s := range doc.Components.Schemas {
		if !strings.HasSuffix(name, "Request") && !strings.HasPrefix(name, "A2A") {
			continue
		}
		for member, m := range s.Properties {
			if m["description"] == nil || (m["type"] == nil && m["$ref"] == nil && m["anyOf"] == nil && !anyJSON[member]) {
				t.Errorf("%s.%s has no type or no description: %v", name, member, m)
			}
		}
	}
}

// A shape says something: of itself, or of its members. A member that a request must have is never null.
func TestShapesAreDescribed(t *testing.T) {
	document, _ := written(t)
	var doc struct {
		Components struct {
			Schemas map[string]*schema
		}
	}
	if err := json.Unmarshal(document, &doc); err != nil {
		t.Fatal(err)
	}
	for name, s := range doc.Components.Schemas {
		described := s.Description != "" || len(s.Properties) == 0
		for member, m := range s.Properties {
			described = described || m.Description != ""
			if strings.HasSuffix(name, "Request") && s.Requires(member) && slices.Contains(m.types(), "null") {
				t.Errorf("%s.%s must be there, and may be null", name, member)
			}
		}
		if !described {
			t.Errorf("%s: neither it nor one of its members is described", name)
		}
	}
}

// anyJSON are the members of requests that may be of any type: those that are kept as they are.
var anyJSON = map[string]bool{"request_body": true, "response_body": true}

// Each value that the domain has of an enumerated type is in the document.
func TestEnumsAreComplete(t *testing.T) {
	for domainType, e := range enums {
		listed := map[string]bool{}
		for _, v := range e.schema.Enum {
			listed[jsonText(t, v)] = true
		}
		for name, value := range constants(t, domainType) {
			if !listed[value] {
				t.Errorf("%s %s (%s) is not in the document", domainType, name, value)
			}
		}
	}
}

// Each outcome of an attempt has its words.
func TestOutcomesHaveWords(t *testing.T) {
	for name, value := range constants(t, reflect.TypeFor[chat.Outcome]()) {
		outcome, err := strconv.Unquote(value)
		if err != nil || chat.Outcome(outcome).Words() == "" {
			t.Errorf("%s has no words: %v", name, err)
		}
	}
}

func jsonText(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// constants are a domain type's, by name, as they stand in its package's source.
func constants(t *testing.T, of reflect.Type) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", filepath.Base(of.PkgPath()), "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no source of %s: %v", of.PkgPath(), err)
	}
	found := map[string]string{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if typed, ok := spec.Type.(*ast.Ident); ok && typed.Name == of.Name() && len(spec.Values) == 1 {
				if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
					found[spec.Names[0].Name] = literal.Value
				}
			}
			return true
		})
	}
	if len(found) == 0 {
		t.Fatalf("%s has no constants", of)
	}
	return found
}

// The statuses of errors are all described, and each has a code.
func TestErrorsAreDescribed(t *testing.T) {
	for _, o := range api.Operations() {
		for _, status := range o.AllErrors() {
			if api.ErrorDescriptions[status] == "" {
				t.Errorf("%s: what is a %s?", o.Route, strconv.Itoa(status))
			}
		}
	}
}

// Each array says what its items are: who makes a client of the document reads it.
func TestEachArrayHasItems(t *testing.T) {
	document, _ := written(t)
	var doc any
	if err := json.Unmarshal(document, &doc); err != nil {
		t.Fatal(err)
	}
	arrays := 0
	var look func(at string, v any)
	look = func(at string, v any) {
		switch v := v.(type) {
		case []any:
			for i, item := range v {
				look(at+"/"+strconv.Itoa(i), item)
			}
		case map[string]any:
			list, _ := v["type"].([]any)
			if v["type"] == "array" || slices.Contains(list, any("array")) {
				if arrays++; v["items"] == nil {
					t.Errorf("%s has no items", at)
				}
			}
			for name, member := range v {
				look(at+"/"+name, member)
			}
		}
	}
	if look("", doc); arrays < 10 {
		t.Errorf("%d arrays", arrays)
	}
}
