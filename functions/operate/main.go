// Command operate is the Lambda that does what operators do: create, adopt, repair, pause, remove, cancel, redrive, sweep.
package main

import (
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"github.com/rollcall/rollcall/shared/announce"
	"github.com/rollcall/rollcall/shared/boot"
	"github.com/rollcall/rollcall/shared/httpapi"
)

func main() {
	env, err := boot.Load()
	if err != nil {
		slog.Error("can't start", "error", err)
		os.Exit(1)
	}
	env.Delivery.Announcer = announce.Bus{Events: eventbridge.NewFromConfig(env.AWS)} // a sweep by hand announces too
	lambda.Start(httpapi.Serve(env.Log, env.Now, endpoints(env)))
}
