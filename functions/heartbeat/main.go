// Command heartbeat is the Lambda that renews a workspace's lease and records what the agent reports.
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
