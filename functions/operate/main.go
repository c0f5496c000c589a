// Command operate is the Lambda that does what operators do: create, adopt, repair, pause, remove, cancel, redrive, sweep.
package main

import (
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/rollcall/rollcall/shared/boot"
	"github.com/rollcall/rollcall/shared/httpapi"
)

func main() {
	env, err := boot.Load()
	if err != nil {
		slog.Error("can't start", "error", err)
		os.Exit(1)
	}
	lambda.Start(httpapi.Serve(env.Log, time.Now, endpoints(env)))
}
