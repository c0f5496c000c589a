// Package httpapi is the seam between API Gateway's HTTP API (payload 2.0) and
// the use cases: it serves the operations of shared/api with typed functions. It
// decodes and bounds requests, encodes replies, and holds the one table that
// turns error codes into HTTP.
package httpapi

import (
	"context"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/token"
)

// Endpoint is an operation and what serves it.
type Endpoint struct {
	Operation *api.Operation
	serve     func(ctx context.Context, c Call) (reply any, err error)
}

// Handle serves an operation with f: the request is decoded into f's request
// type, and what f returns is encoded as the operation's reply.
func Handle[Req, Rep any](
	op api.Op[Req, Rep], f func(ctx context.Context, c Call, in Req) (Rep, error),
) Endpoint {
	read := readerOf[Req](op.Operation)
	return Endpoint{op.Operation, func(ctx context.Context, c Call) (any, error) {
		in, left, err := read(c)
		return serve(ctx, c, in, left, err, f, nil)
	}}
}

// HandleUnread is Handle, with what a request becomes that can't be read: refuse is
// given what could be read of it, and why the rest could not.
func HandleUnread[Req, Rep any](
	op api.Op[Req, Rep], f func(ctx context.Context, c Call, in Req) (Rep, error),
	refuse func(ctx context.Context, c Call, in Req, why error) error,
) Endpoint {
	read := readerOf[Req](op.Operation)
	return Endpoint{op.Operation, func(ctx context.Context, c Call) (any, error) {
		in, left, err := read(c)
		return serve(ctx, c, in, left, err, f, refuse)
	}}
}

// serve answers a call that was read, or could not be for the reason why; left is what nobody reads of its body.
func serve[Req, Rep any](
	ctx context.Context, c Call, in Req, left api.Unread, why error,
	f func(ctx context.Context, c Call, in Req) (Rep, error),
	refuse func(ctx context.Context, c Call, in Req, why error) error,
) (any, error) {
	var out Rep
	err := why
	switch {
	case why == nil:
		out, err = f(ctx, c, in)
	case refuse != nil:
		err = refuse(ctx, c, in, why)
	}
	if len(left.Ignored) > 0 {
		out, err = Told(out, left, err)
	}
	return out, err
}

// Handler is a Lambda handler for payload 2.0.
type Handler func(ctx context.Context, ev events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error)

// Serve makes a Lambda handler of a function's endpoints. A call that the gate
// refuses reaches no endpoint. Every error becomes a typed reply; only those of ours
// show their text.
func Serve(log *slog.Logger, now func() time.Time, gate Gate, endpoints ...Endpoint) Handler {
	routes := map[string]Endpoint{}
	for _, e := range endpoints {
		routes[e.Operation.Route] = e
	}
	return func(ctx context.Context, ev events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		c := Call{APIGatewayV2HTTPRequest: ev, Now: now(), root: gate.Root, clock: now}
		ctx, cancel := early(ctx)
		defer cancel()
		var resp events.APIGatewayV2HTTPResponse
		err := fault.Contain(func() (err error) {
			resp, err = answer(ctx, routes, gate, c)
			return err
		})
		if fault.IsPanic(err) {
			resp = failure(err, c)
		}
		logCall(ctx, log, c, resp.StatusCode, now().Sub(c.Now), err)
		return resp, nil
	}
}

// inHand is how long before Lambda ends a function its calls end, so that there is
// time to say so.
const inHand = time.Second

// early is ctx with an earlier deadline, if it has one.
func early(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ends := ctx.Deadline()
	if !ends {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, deadline.Add(-inHand))
}

// answer is the response to a call, and the error that it tells of.
func answer(
	ctx context.Context, routes map[string]Endpoint, gate Gate, c Call,
) (events.APIGatewayV2HTTPResponse, error) {
	if resp, ok, err := unrouted(ctx, routes, gate, c); ok {
		return resp, err
	}
	e, ok := routes[c.RouteKey]
	if !ok {
		err := fault.New(fault.UnknownRoute, "no such route: %s", c.RouteKey)
		return failure(err, c), err
	}
	var err error
	if c.Caller, err = gate.admit(ctx, e.Operation, c); err != nil {
		return failure(err, c), err
	}
	admitted := c
	c.still = func(ctx context.Context) error { return gate.stillAdmits(ctx, admitted) }
	ctx = gate.kept(ctx, e.Operation, c)
	reply, err := e.serve(ctx, c)
	if err != nil {
		err = gate.noteFailed(ctx, e.Operation, c, err)
	}
	err = gate.stillOfTeam(ctx, e.Operation, c, err)
	if err == nil {
		err = gate.stillMay(ctx, e.Operation, admitted)
	}
	if err != nil && ctx.Err() != nil && fault.CodeOf(err) == fault.Internal {
		err = fault.Store("answering in time", err)
	}
	if err != nil {
		return failure(err, c), err
	}
	resp, err := success(e.Operation, reply)
	if err == nil && e.Operation.IsTagged() {
		resp, err = tagged(resp, reply, c)
	}
	if err != nil {
		return failure(err, c), err
	}
	return packed(resp, reply, c), nil
}

// logCall writes the one line of a call.
func logCall(ctx context.Context, log *slog.Logger, c Call, status int, took time.Duration, err error) {
	level := slog.LevelInfo
	if status >= 500 {
		level = slog.LevelError
	}
	attrs := []any{
		"route", c.RouteKey, "workspace", c.PathParameters["id"], "status", status, "ms", took.Milliseconds(),
		"request_id", c.RequestContext.RequestID, "from", c.From(),
	}
	if bearer := c.Bearer(); bearer != "" {
		attrs = append(attrs, "credential", token.Name(bearer))
	}
	if err != nil {
		attrs = append(attrs, "code", fault.CodeOf(err), "error", err.Error())
	}
	log.Log(ctx, level, "request", attrs...)
}
