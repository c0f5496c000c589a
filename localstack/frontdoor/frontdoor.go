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
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/uuid"

	"github.com/rollcall/rollcall/localstack/platform"
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
func Routes(t platform.Template) (map[string]string, error) {
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

// New is the door: a handler over the routes.
func New(routes map[string]string, fns Invoker) http.Handler {
	mux := http.NewServeMux()
	for key, fn := range routes {
		method, path, _ := strings.Cut(key, " ")
		pattern := key
		if path == "/" {
			pattern = key + "{$}"
		}
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if r.Method != method { // a mux serves HEAD with GET; an HTTP API doesn't
				say(w, http.StatusNotFound, "Not Found")
				return
			}
			serve(w, r, key, path, fn, fns)
		})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, pattern := mux.Handler(r); pattern == "" {
			say(w, http.StatusNotFound, "Not Found")
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// say answers as API Gateway does where no function does.
func say(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": message})
}

func serve(w http.ResponseWriter, r *http.Request, key, path, fn string, fns Invoker) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	if err != nil {
		say(w, http.StatusRequestEntityTooLarge, "Request Too Long")
		return
	}
	payload, err := json.Marshal(event(r, key, path, body))
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
		w.Header().Set("Retry-After", "1")
		say(w, http.StatusTooManyRequests, "Too Many Requests")
		return
	case err != nil:
		w.Header().Set("Retry-After", "1")
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
func event(r *http.Request, key, path string, body []byte) events.APIGatewayV2HTTPRequest {
	now := time.Now()
	from, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		from = r.RemoteAddr
	}
	ev := events.APIGatewayV2HTTPRequest{
		Version: "2.0", RouteKey: key, RawPath: r.URL.EscapedPath(), RawQueryString: r.URL.RawQuery, Headers: map[string]string{"host": r.Host},
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
	for segment := range strings.SplitSeq(path, "/") {
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			if ev.PathParameters == nil {
				ev.PathParameters = map[string]string{}
			}
			name = strings.TrimSuffix(name, "}")
			ev.PathParameters[name] = r.PathValue(name)
		}
	}
	if ev.Body = string(body); !utf8.Valid(body) {
		ev.Body, ev.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	return ev
}
