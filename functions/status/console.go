package main

import (
	"context"
	_ "embed"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
)

//go:embed console.html
var consolePage string

func console(context.Context, httpapi.Call, api.None) (api.HTMLPage, error) {
	return api.HTMLPage(consolePage), nil
}
