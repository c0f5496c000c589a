// Command register is the Lambda that authenticates or bootstraps an agent, records what it declares and opens its lease.
package main

import (
	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/httpapi"
)

func main() {
	app.Main(func(env *app.Env) any { return httpapi.Serve(env.Log, env.Clock.Now, endpoints(env)) })
}
