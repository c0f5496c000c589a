// Command enqueue is the Lambda that accepts chat once, durably, and says honestly what will happen to it.
package main

import (
	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/httpapi"
)

func main() {
	app.Main(func(env *app.Env) any {
		return httpapi.Serve(env.Log, env.Clock.Now, env.Gate, endpoints(env)...)
	})
}
