// Package httpapi is the seam between API Gateway's HTTP API (payload 2.0) and
// the use cases: it decodes and bounds requests, encodes replies, and holds the
// one table that turns error codes into HTTP.
package httpapi

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/token"
)

// statuses is THE table of codes; a code it lacks is a 500.
var statuses = map[fault.Code]int{
	fault.InvalidRequest:          http.StatusBadRequest,
	fault.InvalidJSON:             http.StatusBadRequest,
	fault.InvalidWorkspaceID:      http.StatusBadRequest,
	fault.URLForbidden:            http.StatusBadRequest,
	fault.CredentialMissing:       http.StatusUnauthorized,
	fault.CredentialUnknown:       http.StatusUnauthorized,
	fault.CallerCredentialUnknown: http.StatusUnauthorized,
	fault.EnrolmentRequired:       http.StatusUnauthorized,
	fault.EnrolmentUnknown:        http.StatusUnauthorized,
	fault.OperatorOnly:            http.StatusForbidden,
	fault.CallerMismatch:          http.StatusForbidden,
	fault.WorkspaceUnknown:        http.StatusNotFound,
	fault.MessageUnknown:          http.StatusNotFound,
	fault.UnknownRoute:            http.StatusNotFound,
	fault.NotServed:               http.StatusNotFound,
	fault.WorkspaceExists:         http.StatusConflict,
	fault.EpochSuperseded:         http.StatusConflict,
	fault.MessageIDTaken:          http.StatusConflict,
	fault.MessageAlreadyTerminal:  http.StatusConflict,
	fault.MessageNotDead:          http.StatusConflict,
	fault.WorkspaceRemoved:        http.StatusGone,
	fault.CursorGone:              http.StatusGone,
	fault.TooLarge:                http.StatusRequestEntityTooLarge,
	fault.InboxFull:               http.StatusTooManyRequests,
	fault.PlatformUnavailable:     http.StatusServiceUnavailable,
	fault.Conflict:                http.StatusServiceUnavailable,
	fault.Internal:                http.StatusInternalServerError,
}

// MaxBody is the largest request body in bytes (256 KiB of message and its
// envelope).
const MaxBody = 264 << 10

// Request is one call.
type Request struct {
	events.APIGatewayV2HTTPRequest
	Now time.Time // when the server got it; no client's clock decides anything
}

// Reply is what a handler answers: a status and either JSON, a page or plain
// text.
type Reply struct {
	Status  int
	JSON    any
	HTML    []byte
	Text    string
	Headers map[string]string
}

// OK answers 200 with v.
func OK(v any) (Reply, error) { return Reply{Status: http.StatusOK, JSON: v}, nil }

// Endpoint serves one route.
type Endpoint func(ctx context.Context, r Request) (Reply, error)

// Handler is a Lambda handler for payload 2.0.
type Handler func(ctx context.Context, ev events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error)

// Serve makes a Lambda handler of a function's endpoints by route key. Every
// error becomes a typed reply; only those of ours show their text.
func Serve(log *slog.Logger, now func() time.Time, endpoints map[string]Endpoint) Handler {
	return func(ctx context.Context, ev events.APIGatewayV2HTTPRequest) (resp events.APIGatewayV2HTTPResponse, _ error) {
		start := now()
		r := Request{ev, start}
		var err error
		defer func() {
			level, code := slog.LevelInfo, fault.CodeOf(err)
			if resp.StatusCode >= 500 {
				level = slog.LevelError
			}
			attrs := []any{"route", ev.RouteKey, "workspace", r.ID(), "status", resp.StatusCode, "ms", now().Sub(start).Milliseconds(), "request_id", ev.RequestContext.RequestID}
			if err != nil {
				attrs = append(attrs, "code", code, "error", err.Error())
			}
			log.Log(ctx, level, "request", attrs...)
		}()
		endpoint, ok := endpoints[ev.RouteKey]
		if !ok {
			err = fault.New(fault.UnknownRoute, "no such route: %s", ev.RouteKey)
			return failure(err, ev), nil
		}
		var reply Reply
		if reply, err = endpoint(ctx, r); err != nil {
			return failure(err, ev), nil
		}
		resp = encode(reply)
		return resp, nil
	}
}

func encode(reply Reply) events.APIGatewayV2HTTPResponse {
	headers := map[string]string{"content-type": "application/json", "cache-control": "no-store"}
	body := reply.HTML
	switch {
	case body != nil:
		headers["content-type"] = "text/html; charset=utf-8"
	case reply.Text != "":
		headers["content-type"], body = "text/plain; charset=utf-8", []byte(reply.Text)
	default:
		var err error
		if body, err = json.Marshal(reply.JSON); err != nil {
			return failure(err, events.APIGatewayV2HTTPRequest{})
		}
	}
	for k, v := range reply.Headers {
		headers[k] = v
	}
	return events.APIGatewayV2HTTPResponse{StatusCode: reply.Status, Headers: headers, Body: string(body)}
}

// Problem is the body of every error.
type Problem struct {
	Error      string `json:"error"`
	Code       string `json:"code"`
	Hint       string `json:"hint"`
	Action     string `json:"action"`
	RetryAfter int    `json:"retry_after,omitempty"`
	RequestID  string `json:"request_id,omitempty"`
}

// detailed is a Problem with further members.
type detailed struct {
	Problem
	details map[string]any
}

// MarshalJSON implements json.Marshaler.
func (d detailed) MarshalJSON() ([]byte, error) {
	head, err := json.Marshal(d.Problem)
	if err != nil {
		return nil, err
	}
	rest, err := json.Marshal(d.details)
	if err != nil {
		return nil, err
	}
	return append(append(head[:len(head)-1], ','), rest[1:]...), nil
}

func failure(err error, ev events.APIGatewayV2HTTPRequest) events.APIGatewayV2HTTPResponse {
	e, ok := errors.AsType[*fault.Error](err)
	status := statuses[fault.CodeOf(err)]
	if !ok || status == 0 || status == http.StatusInternalServerError {
		e, status = &fault.Error{Code: fault.Internal, Message: "internal error", Hint: "give the request_id to the operator", Action: "retry"}, http.StatusInternalServerError
	}
	if e.Code == fault.Conflict {
		e = fault.Store("conflict", err)
	}
	p := Problem{Error: e.Message, Code: string(e.Code), Hint: e.Hint, Action: e.Action, RequestID: ev.RequestContext.RequestID}
	reply := Reply{Status: status, Headers: map[string]string{}}
	if e.RetryAfter > 0 || status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		p.RetryAfter = max(1, int((e.RetryAfter+time.Second-1)/time.Second))
		reply.Headers["retry-after"] = strconv.Itoa(p.RetryAfter) // integer seconds: a date crashes a client's loop
	}
	if status == http.StatusUnauthorized {
		reply.Headers["www-authenticate"] = "Bearer"
	}
	reply.JSON = p
	if len(e.Details) > 0 {
		reply.JSON = detailed{p, e.Details}
	}
	return encode(reply)
}

// ID is the workspace named in the path.
func (r Request) ID() string { return r.PathParameters["id"] }

// From is the caller's network address.
func (r Request) From() string { return r.RequestContext.HTTP.SourceIP }

// Header is a header by its name in any case; "" when absent.
func (r Request) Header(name string) string {
	if v, ok := r.Headers[strings.ToLower(name)]; ok {
		return v
	}
	for k, v := range r.Headers {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}

// Bearer is the presented credential, "" when there is none or it can't be one.
func (r Request) Bearer() string {
	scheme, text, ok := strings.Cut(r.Header("authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "bearer") {
		return ""
	}
	text = strings.TrimSpace(text)
	if len(text) > token.MaxLen {
		return text[:token.MaxLen] // refused by not being anyone's
	}
	return text
}

// Raw is the body's bytes. Errors: too_large, invalid_request.
func (r Request) Raw() ([]byte, error) {
	body := []byte(r.Body)
	if r.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(r.Body); err != nil {
			return nil, fault.New(fault.InvalidRequest, "the body is not the base64 its event says it is")
		}
	}
	if len(body) > MaxBody {
		return nil, fault.New(fault.TooLarge, "the body has %d bytes; at most %d are taken", len(body), MaxBody).
			WithHint("send large content as a link", "stop")
	}
	return body, nil
}

// Decode reads the JSON body into v; unknown members are ignored, as clients
// send more than we read. Errors: too_large, invalid_json, invalid_request.
func (r Request) Decode(v any) error {
	body, err := r.Raw()
	if err != nil {
		return err
	}
	return DecodeJSON(body, r.Header("content-type"), v)
}

// DecodeAny is Decode for calls that need no body: without one, v stays as it is.
func (r Request) DecodeAny(v any) error {
	if r.Body == "" {
		return nil
	}
	return r.Decode(v)
}

// DecodeJSON is Decode on bytes.
func DecodeJSON(body []byte, contentType string, v any) error {
	if contentType != "" {
		if mt, _, err := mime.ParseMediaType(contentType); err == nil && strings.HasPrefix(mt, "multipart/") {
			return fault.New(fault.InvalidJSON, "the body must be JSON")
		}
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	err := dec.Decode(v)
	if err == nil {
		if _, err := dec.Token(); err != io.EOF {
			return fault.New(fault.InvalidJSON, "the body has more than one JSON value")
		}
		return nil
	}
	if te, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		field := te.Field
		if field == "" {
			field = "the body"
		}
		return fault.New(fault.InvalidRequest, "%s must be %s, not %s", field, te.Type, te.Value)
	}
	return fault.New(fault.InvalidJSON, "the body is not JSON").WithHint("send a JSON object with content-type application/json", "stop")
}

// IntQuery is an integer query parameter within bounds. Error: invalid_request.
func (r Request) IntQuery(name string, def, lo, hi int) (int, error) {
	s, ok := r.QueryStringParameters[name]
	if !ok {
		return def, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < lo || n > hi {
		return 0, fault.New(fault.InvalidRequest, "%s must be a whole number from %d to %d", name, lo, hi)
	}
	return n, nil
}

// RequireOperator checks the operator's credential. Errors: credential_missing,
// operator_only.
func (r Request) RequireOperator(operator token.Hash) error {
	b := r.Bearer()
	if b == "" {
		return fault.New(fault.CredentialMissing, "missing operator credential").WithHint("send the operator credential as a bearer", "stop")
	}
	if !token.Digest(b).Matches(operator) {
		return fault.New(fault.OperatorOnly, "this call needs the operator credential").WithHint("send the operator credential as a bearer", "stop")
	}
	return nil
}
