// Command dispatch is the Lambda that drains workspaces: wake-ups invoke it, and it
// pushes the messages of each workspace that they name to its agent.
package main

import (
	awseventbridge "github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/eventbridge"
)

func main() {
	app.Main(func(env *app.Env) any {
		env.AnnounceTo(eventbridge.Bus{Events: awseventbridge.NewFromConfig(env.AWS)})
		return dispatch(
			env.Log, env.Meter, env.Delivery.Drain, env.Delivery.DrainSlow, env.Webhooks.Deliver, env.Wakeups.Postpone)
	})
}
