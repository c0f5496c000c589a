package main

import (
	"context"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
)

// whoami says whose the credential is: who signs in sees that it is good.
func whoami(_ context.Context, c httpapi.Call, _ api.None) (api.Me, error) {
	who := c.Caller
	return api.Me{Name: who.Name, Scope: string(who.Scope), Team: who.Team, ExpiresAt: who.ExpiresAt}, nil
}
