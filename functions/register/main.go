// Command register is the Lambda that authenticates or bootstraps an agent, records what it declares and opens its lease.
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
