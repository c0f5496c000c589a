package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/rollcall/rollcall/shared/httpapi"
)

// The description of the whole API, OpenAPI 3.1. Tests hold the routes to it, and
// every call of the end-to-end run.
//
//go:embed openapi.json
var openapi []byte

//go:embed docs.html
var docsTemplate string

func document(context.Context, httpapi.Request) (httpapi.Reply, error) {
	return httpapi.Reply{Status: http.StatusOK, JSON: json.RawMessage(openapi)}, nil
}

// docsPage is the description as a page to read; it is made from the document,
// so it says nothing else.
var docsPage = sync.OnceValues(func() ([]byte, error) { return renderDocs(openapi) })

type schema struct {
	Ref         string             `json:"$ref"`
	Type        any                `json:"type"`
	Description string             `json:"description"`
	Enum        []any              `json:"enum"`
	Properties  map[string]*schema `json:"properties"`
	Required    []string           `json:"required"`
	Items       *schema            `json:"items"`
	AllOf       []*schema          `json:"allOf"`
}

type content map[string]struct {
	Schema *schema `json:"schema"`
}

type operation struct {
	Method, Path string
	Tags         []string              `json:"tags"`
	Summary      string                `json:"summary"`
	Description  string                `json:"description"`
	Security     []map[string][]string `json:"security"`
	Parameters   []struct {
		Name, In, Description string
		Schema                *schema
	} `json:"parameters"`
	RequestBody struct {
		Content content `json:"content"`
	} `json:"requestBody"`
	Responses map[string]struct {
		Ref         string  `json:"$ref"`
		Description string  `json:"description"`
		Content     content `json:"content"`
	} `json:"responses"`
}

func renderDocs(raw []byte) ([]byte, error) {
	var doc struct {
		Info       struct{ Title, Description string }
		Tags       []struct{ Name, Description string }
		Paths      map[string]map[string]*operation
		Components struct{ Schemas map[string]*schema }
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, err
	}
	byTag := map[string][]*operation{}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			op.Method, op.Path = strings.ToUpper(method), path
			byTag[op.Tags[0]] = append(byTag[op.Tags[0]], op)
		}
	}
	for _, ops := range byTag {
		slices.SortFunc(ops, func(a, b *operation) int { return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method) })
	}
	page, err := template.New("docs").Funcs(template.FuncMap{"kind": kind, "who": who, "last": func(ref string) string { return ref[strings.LastIndex(ref, "/")+1:] }}).Parse(docsTemplate)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = page.Execute(&out, map[string]any{"Doc": doc, "ByTag": byTag})
	return out.Bytes(), err
}

// kind is a schema in a few words, a link where it has a name.
func kind(s *schema) template.HTML {
	switch {
	case s == nil:
		return "anything"
	case s.Ref != "":
		name := template.HTMLEscapeString(s.Ref[strings.LastIndex(s.Ref, "/")+1:])
		return template.HTML(`<a href="#` + name + `">` + name + `</a>`)
	case len(s.AllOf) > 0:
		var all []string
		for _, part := range s.AllOf {
			all = append(all, string(kind(part)))
		}
		return template.HTML(strings.Join(all, " and "))
	case len(s.Enum) > 0:
		raw, _ := json.Marshal(s.Enum) // what was just decoded
		return template.HTML("one of " + template.HTMLEscapeString(strings.Trim(string(raw), "[]")))
	case s.Items != nil:
		return "list of " + kind(s.Items)
	case len(s.Properties) > 0:
		var names []string
		for name := range s.Properties {
			if !slices.Contains(s.Required, name) {
				name += "?"
			}
			names = append(names, template.HTMLEscapeString(name))
		}
		slices.Sort(names)
		return template.HTML("{ " + strings.Join(names, ", ") + " }")
	}
	switch t := s.Type.(type) {
	case string:
		return template.HTML(template.HTMLEscapeString(t))
	case []any:
		var all []string
		for _, one := range t {
			all = append(all, template.HTMLEscapeString(one.(string)))
		}
		return template.HTML(strings.Join(all, " or "))
	}
	return "anything"
}

// who is the credential an operation needs, in words.
func who(op *operation) string {
	var names []string
	open := false
	for _, alternative := range op.Security {
		open = open || len(alternative) == 0
		for name := range alternative {
			names = append(names, name)
		}
	}
	switch {
	case len(names) == 0:
		return "anyone"
	case open:
		return strings.Join(names, " or ") + " credential; none where policy is open"
	}
	return strings.Join(names, " or ") + " credential"
}
