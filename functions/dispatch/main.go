// Command dispatch is the Lambda that drains workspaces: wake-ups invoke it, and it
// pushes the messages of each workspace that they name to its agent.
package main

import (
	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/eventbridge"
)

func main() {
	app.Main(func(env *app.Env) any {
		env.AnnounceTo(eventbridge.Bus{AWS: env.AWS, Clock: clock.System{}})
		to := lanes{env.Delivery.Drain, env.Delivery.DrainSlow, env.Delivery.DrainCallbacks}
		return dispatch(env.Log, env.Meter, to, env.Webhooks.Deliver, env.Wakeups.Postpone)
	})
}
