// Command sweeper is the Lambda that looks at every workspace each minute: it
// rings the drains of idle ones with mail, ends mail that outlived its time,
// announces verdicts that changed and checks that nothing is missing.
package main

import (
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/rollcall/rollcall/shared/announce"
	"github.com/rollcall/rollcall/shared/boot"
)

func main() {
	boot.Main(func(env *boot.Env) any {
		env.Delivery.Announcer = announce.Bus{Events: eventbridge.NewFromConfig(env.AWS)}
		return sweeper(env.Log, env.Now, env.Delivery.Sweep)
	})
}
