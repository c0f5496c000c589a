// Command dispatch is the Lambda that drains chat queues: wake-ups invoke it, and
// it delivers what waits to the agents that are pushed to.
package main

import (
	awseventbridge "github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/eventbridge"
)

func main() {
	app.Main(func(env *app.Env) any {
		env.AnnounceTo(eventbridge.Bus{Events: awseventbridge.NewFromConfig(env.AWS)})
		return dispatch(env.Log, env.Delivery.Drain)
	})
}
