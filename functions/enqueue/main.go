// Command enqueue is the Lambda that accepts chat once, durably, and says honestly what will happen to it.
package main

import (
	"log/slog"
	"os"

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
	lambda.Start(httpapi.Serve(env.Log, env.Now, endpoints(env)))
}
