package main

import (
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/httpapi"
)

func endpoints(env *app.Env) []httpapi.Endpoint {
	callers := httpapi.Callers{Registry: env.Registry, Operator: env.Operator}
	return []httpapi.Endpoint{
		httpapi.Handle(api.SendMessage, send(env.Delivery, callers, env.Config.Chat)),
		httpapi.Handle(api.Delegate, delegate(env.Delegations, callers)),
	}
}
