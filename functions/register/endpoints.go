package main

import (
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/httpapi"
)

func endpoints(env *app.Env) []httpapi.Endpoint {
	return []httpapi.Endpoint{
		httpapi.HandleUnread(api.Register, register(env.Registry), unreadRegister(env.Registry)),
		httpapi.Handle(api.UpdateCard, updateCard(env.Registry)),
	}
}
