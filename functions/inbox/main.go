// Command inbox is the Lambda that is the agent's poll: it hands out mail and takes the returning cursor for the acknowledgement.
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
