package main

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// A call that was admitted stands as long as its credential does.
func TestACallStandsWithItsCredential(t *testing.T) {
	for name, c := range map[string]struct {
		change func(workspace.Facts) workspace.Facts
		want   int
	}{
		"as it was": {func(f workspace.Facts) workspace.Facts { return f }, http.StatusOK},
		"revoked": {func(f workspace.Facts) workspace.Facts {
			f, _ = workspace.Revoke(f, workspace.DefaultPolicy(), f.CreatedAt)
			return f
		}, http.StatusUnauthorized},
		"created again": {func(f workspace.Facts) workspace.Facts {
			f.Lives++
			return f
		}, http.StatusUnauthorized},
	} {
		env := fixture.Env(t)
		probe := httpapi.Handle(api.SendMessage, func(ctx context.Context, call httpapi.Call, _ api.SendRequest) (
			out api.Accepted, err error,
		) {
			f, err := env.Registry.Leases.Get(ctx, call.Caller.Workspace)
			if err != nil {
				return out, err
			}
			next := c.change(f)
			next.Version = f.Version + 1
			if err := call.StillAdmitted(ctx); err != nil {
				return out, err // nothing has changed yet
			}
			if name != "as it was" {
				if err := env.Registry.Leases.Save(ctx, f, next, registry.SaveExtras{}); err != nil {
					return out, err
				}
			}
			return out, call.StillAdmitted(ctx)
		})
		handle := httpapi.Serve(env.Log, func() time.Time { return env.Clock.Now() }, env.Gate, probe)
		resp, err := handle(t.Context(), events.APIGatewayV2HTTPRequest{
			RouteKey: api.SendMessage.Route, PathParameters: map[string]string{"id": fixture.PollID},
			Body: string(chat.TextBody("m", "hello")),
			Headers: map[string]string{
				"content-type": api.JSON, "authorization": "Bearer " + fixture.Credential, "x-workspace-id": fixture.PushID,
			},
		})
		if err != nil || resp.StatusCode != c.want {
			t.Errorf("%s: %d %s (%v)", name, resp.StatusCode, resp.Body, err)
		}
	}
}
