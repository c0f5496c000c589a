package httpapi

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/api"
)

// unrouted answers HEAD and OPTIONS of paths that are served: API Gateway routes
// neither. HEAD is GET without a body, of what this function serves itself. ok is
// false for every other call.
func unrouted(
	ctx context.Context, routes map[string]Endpoint, gate Gate, c Call,
) (resp events.APIGatewayV2HTTPResponse, ok bool, err error) {
	if c.RouteKey != api.CatchAll {
		return resp, false, nil
	}
	methods := api.Methods(c.RawPath)
	switch method := c.RequestContext.HTTP.Method; {
	case !slices.Contains(methods, method):
		return resp, false, nil
	case method == http.MethodHead:
		found := api.Find(c.RawPath)[http.MethodGet]
		c.RouteKey, c.PathParameters = found.Operation.Route, found.Parameters
		resp, err = answer(ctx, routes, gate, c)
		resp.Body = ""
		return resp, true, err
	case method == http.MethodOptions:
		resp = response(http.StatusNoContent)
		delete(resp.Headers, "content-type")
		resp.Headers["allow"] = strings.Join(methods, ", ")
		return resp, true, nil
	}
	return resp, false, nil
}
