// Command operate is the Lambda that does what operators do: create, repair, hold and remove workspaces, change
// messages, probe and sweep.
package main

import (
	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/eventbridge"
	"github.com/rollcall/rollcall/shared/httpapi"
)

func main() {
	app.Main(func(env *app.Env) any {
		env.AnnounceTo(eventbridge.Bus{AWS: env.AWS, Clock: clock.System{}}) // a sweep by hand announces too
		return httpapi.Serve(env.Log, env.Clock.Now, env.Gate, endpoints(env)...)
	})
}
