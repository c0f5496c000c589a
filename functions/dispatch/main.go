// Command dispatch is the Lambda that drains chat queues: wake-ups ring it, and
// it delivers what waits to the agents that are pushed to.
package main

import (
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/rollcall/rollcall/shared/announce"
	"github.com/rollcall/rollcall/shared/boot"
)

func main() {
	env, err := boot.Load()
	if err != nil {
		slog.Error("can't start", "error", err)
		os.Exit(1)
	}
	env.Delivery.Announcer = announce.Bus{Events: eventbridge.NewFromConfig(env.AWS)}
	lambda.Start(dispatch(env.Log, env.Delivery.Drain))
}
