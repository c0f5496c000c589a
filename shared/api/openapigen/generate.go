package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/swaggest/jsonschema-go"
	"github.com/swaggest/openapi-go"
	"github.com/swaggest/openapi-go/openapi31"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
)

// maxDelegationID is how long an agent's own name of a task may be.
const maxDelegationID = 128

const schemasPrefix = "#/components/schemas/"

// generate makes the document.
func generate() ([]byte, error) {
	r := &openapi31.Reflector{}
	r.DefaultOptions = options
	spec := r.SpecEns()
	spec.Info.WithTitle("Rollcall").WithVersion("1").WithDescription(
		"Keeps track of AI agent workspaces and delivers their chat. Every error has error, code, hint and action. " +
			"A member of a body that the call does not have is taken and not read: the answer names it in ignored. A call " +
			"that has no body in this document reads none. A text of a request has at most as many characters as its " +
			"maxLength says. One without it, as in an A2A message, counts with the others: a message has at most 262,144 " +
			"bytes in all, and a body 270,336 bytes and 64 levels. A longer text is 400; what may have 8,192 characters and " +
			"more is content, and 413 too_large as a longer body and a longer message are.")
	spec.Servers = []openapi31.Server{*new(openapi31.Server).WithURL("/").WithDescription("the platform that serves this")}
	for _, t := range api.Tags {
		spec.Tags = append(spec.Tags, *new(openapi31.Tag).WithName(t.Name).WithDescription(t.Description))
	}
	for _, o := range api.Operations() {
		if err := addOperation(r, o); err != nil {
			return nil, fmt.Errorf("%s: %w", o.Route, err)
		}
	}
	if err := addComponents(r); err != nil {
		return nil, err
	}
	if err := describeMembers(r.Spec.ComponentsEns()); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = layout(&out, raw, 0)
	out.WriteByte('\n')
	return out.Bytes(), err
}

func addOperation(r *openapi31.Reflector, o *api.Operation) error {
	method, path, ok := strings.Cut(o.Route, " ")
	if !ok {
		return errors.New("a route is a method and a path")
	}
	oc, err := r.NewOperationContext(method, path)
	if err != nil {
		return err
	}
	oc.SetID(o.ID)
	oc.SetTags(o.Tag)
	oc.SetSummary(o.Summary)
	if o.Description != "" {
		oc.SetDescription(o.Description)
	}
	oc.AddReqStructure(o.Request)
	if o.Body != nil {
		oc.AddReqStructure(o.Body)
	}
	for _, reply := range o.Replies {
		for _, kind := range contentTypes(reply) {
			oc.AddRespStructure(bodyOf(reply, kind), openapi.WithHTTPStatus(reply.Status), openapi.WithContentType(kind),
				func(cu *openapi.ContentUnit) { cu.Description = reply.Description })
		}
	}
	exposer, ok := oc.(openapi31.OperationExposer)
	if !ok {
		return fmt.Errorf("%T has no operation", oc)
	}
	op := exposer.Operation()
	op.Security = security(o.Access)
	for _, status := range o.AllErrors() {
		code := strconv.Itoa(status)
		if _, replies := op.ResponsesEns().MapOfResponseOrReferenceValues[code]; !replies {
			ref := openapi31.ResponseOrReference{Reference: &openapi31.Reference{Ref: "#/components/responses/" + code}}
			op.Responses.WithMapOfResponseOrReferenceValuesItem(code, ref)
		}
	}
	if err := r.AddOperation(oc); err != nil {
		return err
	}
	if op.RequestBody != nil && op.RequestBody.RequestBody != nil {
		op.RequestBody.RequestBody.WithRequired(!o.BodyOptional)
	}
	if err := addExample(op, o); err != nil {
		return err
	}
	tidyParameters(op.Parameters)
	sayWhichWorkspace(op.Parameters, o)
	describeHeaders(op, o.Replies)
	if o.IsTagged() {
		describeTag(op)
	}
	return nil
}

// addExample adds the example that the page shows: the body of the call, and the answer. Both are of JSON, and keep
// their members in order.
func addExample(op *openapi31.Operation, o *api.Operation) error {
	e, ok := examples()[o.Route]
	if !ok {
		return errors.New("it has no example")
	}
	if e.body != "" {
		content := op.RequestBody.RequestBody.Content[api.JSON]
		op.RequestBody.RequestBody.Content[api.JSON] = *content.WithExample(json.RawMessage(e.body))
	}
	answer, err := e.text()
	if answer == "" {
		return err
	}
	replies := op.Responses.MapOfResponseOrReferenceValues[strconv.Itoa(e.status)].Response.Content
	content := replies[api.JSON]
	replies[api.JSON] = *content.WithExample(json.RawMessage(answer))
	return nil
}

// describeHeaders adds the headers of replies.
func describeHeaders(op *openapi31.Operation, replies []api.Reply) {
	for _, reply := range replies {
		for _, h := range reply.Headers {
			header := openapi31.Header{Schema: map[string]any{"type": h.Type}}
			header.WithDescription(h.Description)
			response := op.Responses.MapOfResponseOrReferenceValues[strconv.Itoa(reply.Status)].Response
			response.WithHeadersItem(h.Name, openapi31.HeaderOrReference{Header: &header})
		}
	}
}

// describeTag adds the header with which a caller says what it has, and the answers to it.
func describeTag(op *openapi31.Operation) {
	text := map[string]any{"type": "string"}
	has := openapi31.Parameter{Name: "If-None-Match", In: openapi31.ParameterInHeader, Schema: text}
	has.WithDescription("the ETag of an earlier answer to the same call")
	op.Parameters = append(op.Parameters, openapi31.ParameterOrReference{Parameter: &has})
	tag := openapi31.Header{Schema: text}
	tag.WithDescription("weak: the times of an agent's last calls (last_heard_at, last_heartbeat_at, lease_until, " +
		"last_poll_at, recheck_at, at of evidence) and ages may differ between answers with the same tag")
	header := openapi31.HeaderOrReference{Header: &tag}
	op.Responses.MapOfResponseOrReferenceValues["200"].Response.WithHeadersItem("ETag", header)
	same := openapi31.Response{Description: "as the answer with the tag in If-None-Match, but for times of calls and ages"}
	same.WithHeadersItem("ETag", header)
	op.Responses.WithMapOfResponseOrReferenceValuesItem("304", openapi31.ResponseOrReference{Response: &same})
}

// tidyParameters puts those of the path first. A parameter is described once and
// is never null. {id} in a path is a workspace's, and so is
// what a header names.
func tidyParameters(parameters []openapi31.ParameterOrReference) {
	places := []openapi31.ParameterIn{openapi31.ParameterInPath, openapi31.ParameterInQuery, openapi31.ParameterInHeader}
	slices.SortStableFunc(parameters, func(a, b openapi31.ParameterOrReference) int {
		return slices.Index(places, a.Parameter.In) - slices.Index(places, b.Parameter.In)
	})
	for _, p := range parameters {
		delete(p.Parameter.Schema, "description")
		switch {
		case p.Parameter.In == openapi31.ParameterInHeader, p.Parameter.Name == "id":
			p.Parameter.Schema = map[string]any{"$ref": schemasPrefix + "WorkspaceID"}
		case p.Parameter.In == openapi31.ParameterInPath && p.Parameter.Name == "delegation_id":
			p.Parameter.Schema["maxLength"] = maxDelegationID
		}
		if types, ok := p.Parameter.Schema["type"].([]any); ok {
			types = slices.DeleteFunc(types, func(t any) bool { return t == "null" })
			p.Parameter.Schema["type"] = types[0]
		}
	}
}

// sayWhichWorkspace describes {id} in the path of an operation about a workspace.
func sayWhichWorkspace(parameters []openapi31.ParameterOrReference, o *api.Operation) {
	words := cmp.Or(pathNames[o.ID], o.Names)
	if words == "" && o.Access == api.ByItself {
		words = "the workspace that calls: the agent's own id"
	}
	for _, p := range parameters {
		if words != "" && p.Parameter.In == openapi31.ParameterInPath && p.Parameter.Name == "id" {
			p.Parameter.WithDescription(words)
		}
	}
}

func contentTypes(reply api.Reply) []string {
	if len(reply.Types) == 0 {
		return []string{api.JSON}
	}
	return reply.Types
}

// bodyOf is what a reply of a content type is described by.
func bodyOf(reply api.Reply, kind string) any {
	if kind != api.JSON {
		return ""
	}
	return reply.Body
}

// security is who may call, as OpenAPI has it.
func security(access api.Access) []map[string][]string {
	var out []map[string][]string
	for _, s := range []struct {
		who         api.Access
		requirement map[string][]string
	}{
		{api.ByAnyone | api.ByNewcomer | api.WhereViewIsOpen | api.WhereChatIsOpen, map[string][]string{}},
		{api.ByItself, map[string][]string{"workspace": {"itself"}}},
		{api.ByAnyWorkspace, map[string][]string{"workspace": {"any"}}},
	} {
		if access.Allows(s.who) {
			out = append(out, s.requirement)
		}
	}
	if least, ok := access.ForPeople(); ok {
		out = append(out, map[string][]string{"person": {string(httpapi.ScopeOf(least))}})
	}
	return out
}

// addComponents adds what operations refer to.
func addComponents(r *openapi31.Reflector) error {
	components := r.Spec.ComponentsEns()
	_, err := r.Reflect(api.Problem{}, jsonschema.RootRef, jsonschema.DefinitionsPrefix(schemasPrefix),
		jsonschema.CollectDefinitions(func(name string, s jsonschema.Schema) { addSchema(components, name, s) }))
	if err != nil {
		return err
	}
	for name, s := range namedSchemas {
		addSchema(components, name, s)
	}
	for status, description := range api.ErrorDescriptions {
		var codes []string
		for _, code := range httpapi.CodesOf(status) {
			codes = append(codes, string(code))
		}
		slices.Sort(codes)
		response := openapi31.Response{Description: description + ". Codes: " + strings.Join(codes, ", ") + "."}
		response.WithContentItem(api.JSON, openapi31.MediaType{Schema: map[string]any{"$ref": schemasPrefix + "Problem"}})
		components.WithResponsesItem(strconv.Itoa(status), openapi31.ResponseOrReference{Response: &response})
	}
	for name, description := range map[string]string{
		"workspace": "a workspace's credential: that of the workspace which the call is about (itself), or of any (any)",
		"person":    "a person's credential, with at least the scope that is named: view, operate or admin",
	} {
		scheme := openapi31.SecurityScheme{Description: &description}
		scheme.WithHTTPBearer(openapi31.SecuritySchemeHTTPBearer{Scheme: "bearer"})
		components.WithSecuritySchemesItem(name, openapi31.SecuritySchemeOrReference{SecurityScheme: &scheme})
	}
	return nil
}

func addSchema(components *openapi31.Components, name string, s jsonschema.Schema) {
	m, err := s.ToSchemaOrBool().ToSimpleMap()
	if err != nil {
		panic(err) // a schema of this program's own
	}
	components.WithSchemasItem(name, m)
}
