// Command sweeper is the Lambda that looks at every workspace each minute: it
// rings the drains of idle ones with mail, ends mail that outlived its time,
// announces verdicts that changed and checks that nothing is missing.
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
	lambda.Start(sweeper(env.Log, env.Now, env.Delivery.Sweep))
}
