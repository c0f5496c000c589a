// Command inbox is the Lambda that is the agent's poll: it hands out mail and takes the returning cursor for the acknowledgement.
package main

import (
	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/httpapi"
)

func main() {
	app.Main(func(env *app.Env) any { return httpapi.Serve(env.Log, env.Clock.Now, endpoints(env)) })
}
