package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
)

//go:embed page.html
var pageTemplate string

type schema struct {
	Ref         string             `json:"$ref"`
	Type        any                `json:"type"`
	Description string             `json:"description"`
	Enum        []any              `json:"enum"`
	Properties  map[string]*schema `json:"properties"`
	Required    []string           `json:"required"`
	Items       *schema            `json:"items"`
	AnyOf       []*schema          `json:"anyOf"`
	Pattern     string             `json:"pattern"`
	MinLength   json.Number        `json:"minLength"`
	MaxLength   json.Number        `json:"maxLength"`
	MaxItems    json.Number        `json:"maxItems"`
	Minimum     json.Number        `json:"minimum"`
	Maximum     json.Number        `json:"maximum"`
}

type content map[string]struct {
	Schema *schema `json:"schema"`
}

type operation struct {
	Method, Path string
	Who          string   // may call
	Curl, Answer string   // an example
	ID           string   `json:"operationId"`
	Tags         []string `json:"tags"`
	Summary      string   `json:"summary"`
	Description  string   `json:"description"`
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
		Headers     map[string]struct {
			Description string  `json:"description"`
			Schema      *schema `json:"schema"`
		} `json:"headers"`
	} `json:"responses"`
}

// page makes the page to read of the document, and says nothing else.
func page(document []byte) ([]byte, error) {
	var doc struct {
		Info       struct{ Title, Description string }
		Tags       []struct{ Name, Description string }
		Paths      map[string]map[string]*operation
		Components struct{ Schemas map[string]*schema }
	}
	if err := json.Unmarshal(document, &doc); err != nil {
		return nil, err
	}
	byTag := map[string][]*operation{}
	called, access := examples(), map[string]api.Access{}
	for _, o := range api.Operations() {
		access[o.Route] = o.Access
	}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			op.Method, op.Path = strings.ToUpper(method), path
			e, ok := called[op.Method+" "+path]
			if !ok {
				return nil, fmt.Errorf("%s %s has no example", op.Method, path)
			}
			var err error
			if op.Answer, err = e.shown(); err != nil {
				return nil, fmt.Errorf("%s %s: %w", op.Method, path, err)
			}
			op.Who, op.Curl = who(access[op.Method+" "+path]), e.curl()
			byTag[op.Tags[0]] = append(byTag[op.Tags[0]], op)
		}
	}
	for _, ops := range byTag {
		slices.SortFunc(ops, func(a, b *operation) int { return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method) })
	}
	tmpl, err := template.New("page").Funcs(template.FuncMap{"kind": kind, "kinds": kinds}).Parse(pageTemplate)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = tmpl.Execute(&out, map[string]any{"Doc": doc, "ByTag": byTag, "Codes": httpapi.Meanings()})
	return out.Bytes(), err
}

// kinds are what a body may be, in a few words: one for each content type, which is named where it is not JSON.
func kinds(c content) template.HTML {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(c)) {
		if name == api.JSON {
			all = append(all, string(kind(c[name].Schema)))
		} else {
			all = append(all, template.HTMLEscapeString(name))
		}
	}
	return template.HTML(strings.Join(all, " or "))
}

// kind is a schema in a few words, with its bounds, and a link where it has a name.
func kind(s *schema) template.HTML {
	words := form(s)
	if bounds := template.HTMLEscapeString(s.bounds()); bounds != "" {
		words += template.HTML(", " + bounds)
	}
	return words
}

// bounds say how long a text or a list may be, how large a number, and what a text may be made of.
func (s *schema) bounds() string {
	if s == nil {
		return ""
	}
	var all []string
	say := func(format string, bounds ...json.Number) {
		given := make([]any, len(bounds))
		for i, b := range bounds {
			if b == "" {
				return
			}
			given[i] = b
		}
		all = append(all, fmt.Sprintf(format, given...))
	}
	if s.MinLength != "" && s.MinLength != "0" {
		all = append(all, "not empty")
	}
	say("at most %s characters", s.MaxLength)
	say("at most %s of them", s.MaxItems)
	switch {
	case s.Minimum != "" && s.Maximum != "":
		say("from %s to %s", s.Minimum, s.Maximum)
	default:
		say("at least %s", s.Minimum)
		say("at most %s", s.Maximum)
	}
	if s.Pattern != "" {
		all = append(all, "as "+s.Pattern)
	}
	return strings.Join(all, ", ")
}

// form is a schema's type in a few words.
func form(s *schema) template.HTML {
	switch {
	case s == nil:
		return "anything"
	case s.Ref != "":
		name := template.HTMLEscapeString(s.Ref[strings.LastIndex(s.Ref, "/")+1:])
		return template.HTML(`<a href="#` + name + `">` + name + `</a>`)
	case len(s.AnyOf) > 0:
		var all []string
		for _, part := range s.AnyOf {
			all = append(all, string(kind(part)))
		}
		return template.HTML(strings.Join(all, " or "))
	case len(s.Enum) > 0:
		raw, _ := json.Marshal(s.Enum) // what was just decoded
		return template.HTML("one of " + template.HTMLEscapeString(strings.Trim(string(raw), "[]")))
	case s.Items != nil:
		return "list of " + kind(s.Items)
	}
	return template.HTML(template.HTMLEscapeString(strings.Join(s.types(), " or ")))
}

// Requires reports whether an object must have the member.
func (s *schema) Requires(member string) bool { return slices.Contains(s.Required, member) }

// types are the types that a schema allows, those it names or any.
func (s *schema) types() []string {
	switch t := s.Type.(type) {
	case string:
		return []string{t}
	case []any:
		var all []string
		for _, one := range t {
			all = append(all, one.(string))
		}
		return all
	}
	return []string{"anything"}
}

// who says in words who may call.
func who(access api.Access) string {
	if access.Allows(api.ByAnyone) {
		return "no credential"
	}
	var credentials []string
	if access.Allows(api.ByItself) {
		credentials = append(credentials, "the workspace's own credential")
	}
	if access.Allows(api.ByAnyWorkspace) {
		credentials = append(credentials, "any workspace's credential")
	}
	if least, ok := access.ForPeople(); ok {
		credentials = append(credentials, "a person's credential with the scope "+string(httpapi.ScopeOf(least)))
	}
	words := strings.Join(credentials, ", or ")
	switch {
	case access.Allows(api.ByNewcomer):
		words += "; a new agent has none yet"
	case access.Allows(api.WhereViewIsOpen):
		words += "; none where view is open"
	case access.Allows(api.WhereChatIsOpen):
		words += "; none where chat is open"
	}
	return words
}
