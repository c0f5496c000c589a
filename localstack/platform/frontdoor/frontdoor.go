// Package frontdoor serves the stack's HTTP API where the emulator has none: it
// takes the routes from the synthesized template, turns each request into a
// payload 2.0 event, and invokes the deployed function by the Lambda API. It
// emulates nothing else.
package frontdoor

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/uuid"

	"github.com/rollcall/rollcall/localstack/platform/deploy"
	"github.com/rollcall/rollcall/shared/httpapi"
)

// Limits of an HTTP API. Source: API Gateway Developer Guide, "Quotas for
// configuring and running an HTTP API": payload 10 MB, integration timeout 30 s.
const (
	maxPayload = 10 << 20
	timeout    = 30 * time.Second
)

// Invoker is the Lambda API's Invoke.
type Invoker interface {
	Invoke(context.Context, *lambda.InvokeInput, ...func(*lambda.Options)) (*lambda.InvokeOutput, error)
}

// Routes reads the route keys and their functions' names off a template.
func Routes(t deploy.Template) (map[string]string, error) {
	routes := map[string]string{}
	for _, r := range t.Resources {
		if r.Type != "AWS::ApiGatewayV2::Route" {
			continue
		}
		key, _ := r.Properties["RouteKey"].(string)
		integration, ok := t.Resources[ref(r.Properties["Target"])]
		fn, ok2 := t.Resources[ref(integration.Properties["IntegrationUri"])]
		name, ok3 := fn.Properties["FunctionName"].(string)
		if !ok || !ok2 || !ok3 {
			return nil, fmt.Errorf("the template's route %q leads to no function", key)
		}
		routes[key] = name
	}
	if len(routes) == 0 {
		return nil, errors.New("the template has no routes")
	}
	return routes, nil
}

// ref finds the one resource an intrinsic function names.
func ref(v any) string {
	switch x := v.(type) {
	case map[string]any:
		if r, ok := x["Ref"].(string); ok {
			return r
		}
		for _, inner := range x {
			if r := ref(inner); r != "" {
				return r
			}
		}
	case []any:
		for i, inner := range x {
			if s, ok := inner.(string); ok && i == 0 && len(x) == 2 && x[1] == "Arn" {
				return s
			}
			if r := ref(inner); r != "" {
				return r
			}
		}
	}
	return ""
}

const defaultKey = "$default" // what no other route matches

// route is one of the stack's routes.
type route struct {
	key, method, fn string
	segments        []string
}

// New is the door: a handler over the routes.
func New(routes map[string]string, fns Invoker) http.Handler {
	var table []route
	for key, fn := range routes {
		method, path, ok := strings.Cut(key, " ")
		if ok {
			table = append(table, route{key, method, fn, strings.Split(path, "/")})
		}
	}
	// A literal segment goes before a variable one, from the left, as an HTTP
	// API chooses the most specific route.
	slices.SortFunc(table, func(a, b route) int { return slices.CompareFunc(a.segments, b.segments, moreSpecific) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.Split(r.URL.EscapedPath(), "/")
		for _, rt := range table {
			if params, ok := rt.match(r.Method, path); ok {
				serve(w, r, rt.key, params, rt.fn, fns)
				return
			}
		}
		if fn, ok := routes[defaultKey]; ok {
			serve(w, r, defaultKey, nil, fn, fns)
			return
		}
		say(w, http.StatusNotFound, "Not Found")
	})
}

func moreSpecific(a, b string) int {
	va, vb := strings.HasPrefix(a, "{"), strings.HasPrefix(b, "{")
	switch {
	case va && !vb:
		return 1
	case vb && !va:
		return -1
	}
	return strings.Compare(a, b)
}

// match gives the path parameters, decoded.
func (rt route) match(method string, path []string) (map[string]string, bool) {
	if method != rt.method || len(path) != len(rt.segments) {
		return nil, false
	}
	var params map[string]string
	for i, want := range rt.segments {
		name, variable := strings.CutPrefix(want, "{")
		if !variable {
			if path[i] != want {
				return nil, false
			}
			continue
		}
		value, err := url.PathUnescape(path[i])
		if err != nil || value == "" {
			return nil, false
		}
		if params == nil {
			params = map[string]string{}
		}
		params[strings.TrimSuffix(name, "}")] = value
	}
	return params, true
}

// Closed is the door while there is no platform behind it.
func Closed(w http.ResponseWriter, _ *http.Request) {
	say(w, http.StatusServiceUnavailable, "Service Unavailable")
}

// problems are the typed members of what the door itself answers.
var problems = map[int]httpapi.Problem{
	http.StatusNotFound:              {Code: "unknown_route", Hint: "GET /openapi.json lists the routes", Action: "stop"},
	http.StatusRequestEntityTooLarge: {Code: "too_large", Hint: "send large content as a link", Action: "stop"},
	http.StatusTooManyRequests:       {Code: "throttled", Hint: "try again after the time in Retry-After", Action: "retry", RetryAfter: 1},
	http.StatusServiceUnavailable:    {Code: "platform_unavailable", Hint: "try again after the time in Retry-After", Action: "retry", RetryAfter: 1},
	http.StatusGatewayTimeout:        {Code: "platform_unavailable", Hint: "try again after the time in Retry-After", Action: "retry", RetryAfter: 1},
	http.StatusInternalServerError:   {Code: "internal", Hint: "the function gave no answer; try again", Action: "retry", RetryAfter: 1},
}

// say answers where no function does: as API Gateway ({"message"}), with the
// typed members beside it, because clients take a bare {"message"} for malformed.
func say(w http.ResponseWriter, status int, message string) {
	p := problems[status]
	p.Error = message
	w.Header().Set("Content-Type", "application/json")
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct {
		Message string `json:"message"`
		httpapi.Problem
	}{message, p})
}

func serve(w http.ResponseWriter, r *http.Request, key string, params map[string]string, fn string, fns Invoker) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	if err != nil {
		say(w, http.StatusRequestEntityTooLarge, "Request Too Long")
		return
	}
	payload, err := json.Marshal(event(r, key, params, body))
	if err != nil {
		say(w, http.StatusInternalServerError, "Internal Server Error")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	out, err := fns.Invoke(ctx, &lambda.InvokeInput{FunctionName: &fn, Payload: payload})
	var resp events.APIGatewayV2HTTPResponse
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		say(w, http.StatusGatewayTimeout, "Gateway Timeout")
		return
	case isThrottle(err):
		say(w, http.StatusTooManyRequests, "Too Many Requests")
		return
	case err != nil:
		say(w, http.StatusServiceUnavailable, "Service Unavailable")
		return
	case out.FunctionError != nil || json.Unmarshal(out.Payload, &resp) != nil || resp.StatusCode == 0:
		say(w, http.StatusInternalServerError, "Internal Server Error")
		return
	}
	for k, v := range resp.Headers {
		w.Header().Set(k, v)
	}
	for _, c := range resp.Cookies {
		w.Header().Add("Set-Cookie", c)
	}
	reply := []byte(resp.Body)
	if resp.IsBase64Encoded {
		if reply, err = base64.StdEncoding.DecodeString(resp.Body); err != nil {
			say(w, http.StatusInternalServerError, "Internal Server Error")
			return
		}
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(reply) // a client that hung up needs no answer
}

func isThrottle(err error) bool {
	_, ok := errors.AsType[*types.TooManyRequestsException](err)
	return ok
}

// event is the payload 2.0 event of a request. Source: API Gateway Developer
// Guide, "AWS Lambda integrations for HTTP APIs", payload format version 2.0.
func event(r *http.Request, key string, params map[string]string, body []byte) events.APIGatewayV2HTTPRequest {
	now := time.Now()
	from, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		from = r.RemoteAddr
	}
	ev := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: key, PathParameters: params, RawPath: r.URL.EscapedPath(), RawQueryString: r.URL.RawQuery, Headers: map[string]string{"host": r.Host},
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey: key, AccountID: "000000000000", Stage: "$default", APIID: "frontdoor", DomainName: r.Host, RequestID: uuid.NewString(),
			Time: now.UTC().Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: now.UnixMilli(),
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{Method: r.Method, Path: r.URL.Path, Protocol: r.Proto, SourceIP: from, UserAgent: r.UserAgent()},
		},
	}
	for name, values := range r.Header {
		if name == "Cookie" {
			for _, v := range values {
				for c := range strings.SplitSeq(v, ";") {
					ev.Cookies = append(ev.Cookies, strings.TrimSpace(c))
				}
			}
			continue
		}
		ev.Headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	if q := r.URL.Query(); len(q) > 0 {
		ev.QueryStringParameters = map[string]string{}
		for name, values := range q {
			ev.QueryStringParameters[name] = strings.Join(values, ",")
		}
	}
	if ev.Body = string(body); !utf8.Valid(body) {
		ev.Body, ev.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	return ev
}
