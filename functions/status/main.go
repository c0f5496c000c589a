// Command status is the Lambda that reads: a workspace, the fleet, a receipt, the platform's health, and the console page.
package main

import (
	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/httpapi"
)

func main() {
	app.Main(func(env *app.Env) any { return httpapi.Serve(env.Log, env.Clock.Now, endpoints(env)) })
}
