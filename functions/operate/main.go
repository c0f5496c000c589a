// Command operate is the Lambda that does what operators do: create, adopt, repair, pause, remove, cancel, redrive, sweep.
package main

import (
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/rollcall/rollcall/shared/announce"
	"github.com/rollcall/rollcall/shared/boot"
	"github.com/rollcall/rollcall/shared/httpapi"
)

func main() {
	boot.Main(func(env *boot.Env) any {
		env.Delivery.Announcer = announce.Bus{Events: eventbridge.NewFromConfig(env.AWS)} // a sweep by hand announces too
		return httpapi.Serve(env.Log, env.Now, endpoints(env))
	})
}
