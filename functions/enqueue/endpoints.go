package main

import (
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/httpapi"
)

func endpoints(env *app.Env) []httpapi.Endpoint {
	return []httpapi.Endpoint{
		httpapi.Handle(api.SendMessage, send(env.Delivery, env.Delegations, env.Waits)),
		httpapi.Handle(api.Delegate, delegate(env.Delegations)),
	}
}
