// Package api is the HTTP API as data: the request and reply types of every
// operation, and the table of the operations themselves. The functions serve
// it, the stack routes it, the command line reads it, and the OpenAPI document
// is generated from it. It is pure: it imports no AWS, no net/http handler and
// no use case. Most shapes are given by the clients that exist: what these need
// is the wire contract, docs/wire-contract.md.
//
// Tags say how a field is read and described. Of a request: path, query and
// header name a parameter, json a member of the body; required marks a member
// that must be there. Of a reply, every member is always there unless its json
// tag has omitempty or omitzero. description, example, enum, minimum, maximum,
// default and nullable are as in JSON Schema; schema names a shared schema; is names the type that JSON which is read
// as it came is to have, or null; list says that a query parameter may be repeated, or hold several values with commas.
//
// shared/httpapi enforces minimum, maximum and maxLength of every parameter and of
// every member of a body, required of a member, and default, enum and list of a parameter. A text without
// maxLength has MaxText. Enum of a body describes what the operation's
// handler, or the use case that it calls, checks; so do required of the id of a workspace, and what stands in an
// operation's Body.
package api

import (
	"reflect"
	"slices"

	"github.com/rollcall/rollcall/shared/fault"
)

//go:generate go run ./openapigen ../../functions/status/openapi.json ../../functions/status/docs.html

// MaxText is how many characters a text of a request may have for which its tags
// say nothing else.
const MaxText = 256

// LongText is the maxLength from which on a text is content, which is refused as a body is that is too large. A name, a
// URL or an id is less.
const LongText = 8192

// CatchAll is the route key of everything that no other route matches. It is
// served, so that a client gets a typed 404 and never API Gateway's own.
const CatchAll = "$default"

// Operation is one call of the API.
type Operation struct {
	Function    string // the Lambda that serves it
	Route       string // API Gateway's route key: the method and the path
	ID          string
	Tag         string
	Summary     string
	Description string
	Access      Access // who may call
	// SelfChecked: where the workspace itself may call, the use case checks its
	// credential, in the write that does the work or with a body that names it.
	SelfChecked bool
	// Names says which workspace {id} in the path names; "": that is plain from who may call.
	Names string
	// InTeam: a person who is bound to a team may call, though the path names no
	// workspace: the handler keeps to the team.
	InTeam bool

	Request      any        // the request type's zero value
	Body         any        // describes the body of an operation that reads it itself
	BodyOptional bool       // the call may come without a body
	Beside       *Operation // whose members are written into the body of this one by mistake; nil: of none
	Replies      []Reply
	Errors       []int // statuses that come with a Problem, without those that AllErrors adds
}

// AllErrors are the statuses that come with a Problem, in order: the operation's own, those of the gate, that of a
// parameter or a member that is not as described, and those of a body that is too large or not JSON.
func (o *Operation) AllErrors() []int {
	all := slices.Clone(o.Errors)
	if o.Access != ByAnyone {
		all = append(all, 401, 403)
	}
	if o.Access.Allows(ByItself) {
		all = append(all, 410) // the workspace that calls was removed
	}
	if o.says() {
		all = append(all, 400)
	}
	if o.HasBody() {
		all = append(all, 413, 415)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// says reports whether a call of the operation has a parameter or a body: one may be too long.
func (o *Operation) says() bool {
	named := func(f reflect.StructField) bool {
		return f.Tag.Get("path")+f.Tag.Get("query")+f.Tag.Get("header") != ""
	}
	return o.HasBody() || slices.ContainsFunc(reflect.VisibleFields(reflect.TypeOf(o.Request)), named)
}

// HasBody reports whether a call of the operation may come with a body.
func (o *Operation) HasBody() bool {
	inBody := func(f reflect.StructField) bool {
		name, ok := f.Tag.Lookup("json")
		return ok && name != "-"
	}
	return o.Body != nil || slices.ContainsFunc(reflect.VisibleFields(reflect.TypeOf(o.Request)), inBody)
}

// Reply is a reply of an operation that is no error.
type Reply struct {
	Status      int
	Description string
	Body        any      // the reply type's zero value
	Types       []string // content types; none: JSON
	Headers     []Header // that a reply of this status may have
}

// Header is a header of a reply.
type Header struct{ Name, Type, Description string }

// Op is an operation whose types the compiler knows: only a function from Req to
// Rep can serve it.
type Op[Req, Rep any] struct{ *Operation }

// None is the request of a call that says nothing but its route.
type None struct{}

// StatusCoder is implemented by a reply that comes with one of several statuses;
// every other reply comes with its operation's first.
type StatusCoder interface{ StatusCode() int }

// AnyNumber is implemented by a request that is read whatever numbers it has: nothing of it is handed out as JSON.
type AnyNumber interface{ TakesAnyNumber() }

// Unread names what nobody reads of a call's body. Each operation that has a body has it in its reply.
type Unread = fault.Unread

// Unreader is implemented by a reply that has Unread.
type Unreader interface{ NameUnread(unread Unread) }

// Content is implemented by a reply that may be something else than JSON; it is
// JSON when contentType is "".
type Content interface {
	Content() (contentType string, body []byte)
}

// Compressible is implemented by a reply that the build knows compressed too.
type Compressible interface {
	// Compressed is the body in gzip; nil when there is none.
	Compressed() []byte
}

// Headed is implemented by a reply of which a part stands in headers: the body of some calls is given by the clients
// that exist, and has no room for more.
type Headed interface {
	Headed() (body any, headers map[string]string)
}

// The content types of replies.
const (
	JSON = "application/json"
	HTML = "text/html"
	Text = "text/plain"

	Script = "text/javascript"
	Style  = "text/css"
	Icon   = "image/svg+xml"
)

var operations []*Operation

// declare enters an operation in the table. Without replies it has one, of
// status 200. A copy of it in each of the calls of this package would make every function 30 KB larger.
//
//go:noinline
func declare[Req, Rep any](o Operation) Op[Req, Rep] {
	var req Req
	var rep Rep
	o.Request = req
	if len(o.Replies) == 0 {
		o.Replies = []Reply{{Status: 200, Description: "done"}}
	}
	for i, r := range o.Replies {
		if r.Body == nil {
			o.Replies[i].Body = rep
		}
	}
	operations = append(operations, &o)
	return Op[Req, Rep]{&o}
}

// errs are the statuses of an operation's errors. 429, 500 and 503 are among them, as every call that asks the store
// can meet them.
func errs(statuses ...int) []int { return append(statuses, 429, 500, 503) }

// Operations is the whole API, without what CatchAll serves.
func Operations() []*Operation {
	out := make([]*Operation, 0, len(operations))
	for _, o := range operations {
		if o.Route != CatchAll {
			out = append(out, o)
		}
	}
	return out
}

// Routes are the route keys that a function serves.
func Routes(function string) []string {
	var out []string
	for _, o := range operations {
		if o.Function == function {
			out = append(out, o.Route)
		}
	}
	return out
}

// Tag is a group of operations.
type Tag struct{ Name, Description string }

// Tags are the groups, in the order in which they are shown.
var Tags = []Tag{
	{"agents", "What an agent calls for itself. Any of these calls renews its lease."},
	{"chat", "Messages between users and agents, and among agents."},
	{"directory", "Who is there."},
	{"operator", "What operators do, with a credential of a person."},
	{"platform", "The service itself."},
}
