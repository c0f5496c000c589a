// Command dispatch is the Lambda that drains chat queues: wake-ups ring it, and
// it delivers what waits to the agents that are pushed to.
package main

import (
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/rollcall/rollcall/shared/announce"
	"github.com/rollcall/rollcall/shared/boot"
)

func main() {
	boot.Main(func(env *boot.Env) any {
		env.Delivery.Announcer = announce.Bus{Events: eventbridge.NewFromConfig(env.AWS)}
		return dispatch(env.Log, env.Delivery.Drain)
	})
}
