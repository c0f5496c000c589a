package api

import (
	"net/url"
	"slices"
	"strings"
)

// Match is an operation that a path leads to, and the path's parameters.
type Match struct {
	Operation  *Operation
	Parameters map[string]string
}

// Find finds the operations that a path leads to, of whatever method, by method.
func Find(path string) map[string]Match {
	found := map[string]Match{}
	for _, o := range operations {
		method, route, _ := strings.Cut(o.Route, " ")
		if parameters, ok := match(route, path); ok && !found[method].moreLiteralThan(parameters) {
			found[method] = Match{o, parameters}
		}
	}
	return found
}

// moreLiteralThan reports whether m goes before a route with these parameters.
func (m Match) moreLiteralThan(parameters map[string]string) bool {
	return m.Operation != nil && len(m.Parameters) < len(parameters)
}

// match reads the parameters of a path, and reports whether the route leads there.
func match(route, path string) (map[string]string, bool) {
	want, got := strings.Split(route, "/"), strings.Split(path, "/")
	if len(want) != len(got) || !strings.HasPrefix(path, "/") {
		return nil, false
	}
	parameters := map[string]string{}
	for i, segment := range want {
		name, variable := strings.CutPrefix(segment, "{")
		value, err := url.PathUnescape(got[i])
		switch {
		case !variable && got[i] == segment:
		case variable && err == nil && value != "":
			parameters[strings.TrimSuffix(name, "}")] = value
		default:
			return nil, false
		}
	}
	return parameters, true
}

// Methods lists the methods that a path takes, none if it leads nowhere. The function
// that serves everything else answers OPTIONS, and HEAD for its own pages.
func Methods(path string) []string {
	var methods []string
	for method, m := range Find(path) {
		methods = append(methods, method)
		if method == "GET" && m.Operation.Function == NotFound.Function {
			methods = append(methods, "HEAD")
		}
	}
	if len(methods) > 0 {
		methods = append(methods, "OPTIONS")
	}
	slices.Sort(methods)
	return methods
}
