// Command register is the Lambda with which an agent comes online: it checks or issues the agent's credential,
// records what the agent declares and opens its lease.
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
