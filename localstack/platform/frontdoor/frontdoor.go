// Package frontdoor serves the stack's HTTP API in place of API Gateway: it reads the
// routes from the synthesized template, makes an event of payload version 2.0 of each
// request, and invokes the deployed function by the Lambda API. It answers this machine only (browsers.go).
// It emulates nothing else.
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
	"github.com/rollcall/rollcall/shared/api"
)

// Limits of an HTTP API. Source: API Gateway Developer Guide, "Quotas for
// configuring and running an HTTP API": payload 10 MB, integration timeout 30 s;
// AWS Lambda Developer Guide, "Lambda quotas": 6 MB each for an event and an answer
// (as its errors say: 6,291,456 and 6,291,556 bytes).
const (
	maxPayload = 10 << 20
	maxEvent   = 6291456
	maxAnswer  = 6291556
	timeout    = 30 * time.Second
)

// Invoker is the part of the Lambda API that invokes a function.
type Invoker interface {
	Invoke(context.Context, *lambda.InvokeInput, ...func(*lambda.Options)) (*lambda.InvokeOutput, error)
}

// Routes reads the route keys of a deployment, and the names that their functions have at
// the emulator.
func Routes(d *deploy.Deployment) (map[string]string, error) {
	routes, t := map[string]string{}, d.Template
	for _, r := range t.Resources {
		if r.Type != "AWS::ApiGatewayV2::Route" {
			continue
		}
		key, _ := r.Properties["RouteKey"].(string)
		integration, ok := t.Resources[ref(r.Properties["Target"])]
		fn := t.Resources[ref(integration.Properties["IntegrationUri"])].Function()
		if !ok || fn == "" || d.Functions[fn] == "" {
			return nil, fmt.Errorf("the template's route %q leads to no function", key)
		}
		routes[key] = d.Functions[fn]
	}
	if len(routes) == 0 {
		return nil, errors.New("the template has no routes")
	}
	return routes, nil
}

// ref finds the resource that an intrinsic function names.
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

const defaultKey = api.CatchAll // the route of what no other route matches

// route is one of the stack's routes.
type route struct {
	key, method, function string
	segments              []string
}

// New is the handler of these routes: the names of the functions by route key.
func New(routes map[string]string, functions Invoker) http.Handler {
	var table []route
	for key, function := range routes {
		method, path, ok := strings.Cut(key, " ")
		if ok {
			table = append(table, route{key, method, function, strings.Split(path, "/")})
		}
	}
	// Like an HTTP API it chooses the most specific route: from the left, a literal segment
	// goes before a variable one.
	slices.SortFunc(table, func(a, b route) int {
		return slices.CompareFunc(a.segments, b.segments, compareSpecificity)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.Split(r.URL.EscapedPath(), "/")
		for _, rt := range table {
			if params, ok := rt.match(r.Method, path); ok {
				invoke(w, r, functions, invocation{rt.key, rt.function, params})
				return
			}
		}
		if function, ok := routes[defaultKey]; ok {
			invoke(w, r, functions, invocation{defaultKey, function, nil})
			return
		}
		refuse(w, http.StatusNotFound, "Not Found")
	})
}

// compareSpecificity sorts a literal segment before a variable one.
func compareSpecificity(a, b string) int {
	aVariable, bVariable := strings.HasPrefix(a, "{"), strings.HasPrefix(b, "{")
	switch {
	case aVariable && !bVariable:
		return 1
	case bVariable && !aVariable:
		return -1
	}
	return strings.Compare(a, b)
}

// match returns the decoded path parameters, and reports whether the route matches.
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

// Closed answers while no stack is deployed.
func Closed(w http.ResponseWriter, _ *http.Request) {
	refuse(w, http.StatusServiceUnavailable, "Service Unavailable")
}

// problems are the typed members of the answers that no function gives.
var problems = map[int]api.Problem{
	http.StatusForbidden: {
		Code: "origin_forbidden", Action: "stop",
		Hint: "call from a page of the platform itself, or let the page's origin in: make run CORS_ORIGINS=",
	},
	http.StatusMisdirectedRequest: {
		Code: "host_forbidden", Action: "stop", Hint: "call it as localhost, 127.0.0.1 or [::1]",
	},
	http.StatusNotFound:              {Code: "unknown_route", Hint: "GET /openapi.json lists the routes", Action: "stop"},
	http.StatusRequestEntityTooLarge: {Code: "too_large", Hint: "send large content as a link", Action: "stop"},
	http.StatusTooManyRequests:       {Code: "throttled", Hint: retryHint, Action: "retry", RetryAfter: 1},
	http.StatusServiceUnavailable:    {Code: "platform_unavailable", Hint: retryHint, Action: "retry", RetryAfter: 1},
	http.StatusGatewayTimeout:        {Code: "platform_unavailable", Hint: retryHint, Action: "retry", RetryAfter: 1},
	http.StatusInternalServerError: {
		Code: "internal", Hint: "the function gave no answer; try again", Action: "retry", RetryAfter: 1,
	},
}

const retryHint = "try again after the time in Retry-After"

// refuse answers in place of a function: with {"message"} as API Gateway does, and with
// the typed members beside it, because clients take a bare {"message"} for malformed.
func refuse(w http.ResponseWriter, status int, message string) {
	p := problems[status]
	p.Error, p.Message = message, message
	w.Header().Set("Content-Type", "application/json")
	if p.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(p)
}

// invocation is which function a request invokes, and by which route.
type invocation struct {
	routeKey, function string
	params             map[string]string
}

func invoke(w http.ResponseWriter, r *http.Request, functions Invoker, i invocation) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "Request Too Long")
		return
	}
	payload, err := json.Marshal(event(r, i, body))
	if err != nil {
		refuse(w, http.StatusInternalServerError, "Internal Server Error")
		return
	}
	if len(payload) > maxEvent {
		refuse(w, http.StatusRequestEntityTooLarge, "Request Too Long")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	out, err := functions.Invoke(ctx, &lambda.InvokeInput{FunctionName: &i.function, Payload: payload})
	var resp events.APIGatewayV2HTTPResponse
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		refuse(w, http.StatusGatewayTimeout, "Gateway Timeout")
		return
	case isThrottle(err):
		refuse(w, http.StatusTooManyRequests, "Too Many Requests")
		return
	case err != nil:
		refuse(w, http.StatusServiceUnavailable, "Service Unavailable")
		return
	case out.FunctionError != nil, len(out.Payload) > maxAnswer,
		json.Unmarshal(out.Payload, &resp) != nil, resp.StatusCode == 0:
		refuse(w, http.StatusInternalServerError, "Internal Server Error")
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
			refuse(w, http.StatusInternalServerError, "Internal Server Error")
			return
		}
	}
	w.WriteHeader(resp.StatusCode)
	_, _ = w.Write(reply) // a client that is gone needs no answer
}

// forwarded sets the headers with which API Gateway says how it was called.
func forwarded(r *http.Request, from string, headers map[string]string) {
	if before := headers["x-forwarded-for"]; before != "" {
		from = before + ", " + from
	}
	_, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		port = "80"
	}
	headers["x-forwarded-for"], headers["x-forwarded-port"], headers["x-forwarded-proto"] = from, port, "http"
}

func isThrottle(err error) bool {
	_, ok := errors.AsType[*types.TooManyRequestsException](err)
	return ok
}

// event is the payload 2.0 event of a request. Source: API Gateway Developer
// Guide, "AWS Lambda integrations for HTTP APIs", payload format version 2.0.
func event(r *http.Request, i invocation, body []byte) events.APIGatewayV2HTTPRequest {
	now := time.Now()
	from, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		from = r.RemoteAddr
	}
	ev := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: i.routeKey, PathParameters: i.params,
		RawPath: r.URL.EscapedPath(), RawQueryString: r.URL.RawQuery, Headers: map[string]string{"host": r.Host},
		RequestContext: events.APIGatewayV2HTTPRequestContext{
			RouteKey: i.routeKey, AccountID: "000000000000", Stage: "$default", APIID: "frontdoor",
			DomainName: r.Host, RequestID: uuid.NewString(),
			Time: now.UTC().Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: now.UnixMilli(),
			HTTP: events.APIGatewayV2HTTPRequestContextHTTPDescription{
				Method: r.Method, Path: r.URL.Path, Protocol: r.Proto, SourceIP: from, UserAgent: r.UserAgent(),
			},
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
	forwarded(r, from, ev.Headers)
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
