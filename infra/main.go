// Command infra is the CDK app: it synthesizes Rollcall's one stack. Build the
// functions first (make build); their folders are its assets.
//
// Context: pipeline (a file, see package pipeline: the app is the pipeline
// then, and not one stack), stage (part of the stack's name), operatorSha256
// (required for a stack, hex SHA-256 of the root credential),
// functions (folder of the built functions, default .build/functions), local
// (set to "true" by the local platform: open policies, host architecture),
// settings (a JSON object, see stack.Settings and docs/deploy.md:
// '{"max_drains":200,"ROLLCALL_LEASE_TTL":"60s"}').
package main

import (
	"fmt"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/rollcall/rollcall/infra/pipeline"
	"github.com/rollcall/rollcall/infra/stack"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	text := func(key, def string) string {
		if v, ok := app.Node().TryGetContext(jsii.String(key)).(string); ok {
			return v
		}
		return def
	}
	if err := build(app, text); err != nil {
		fmt.Fprintln(os.Stderr, "infra:", err)
		os.Exit(1)
	}
	app.Synth(nil)
}

// build adds what the context asks for: the pipeline, or one stack.
func build(app awscdk.App, text func(key, def string) string) error {
	functions := text("functions", ".build/functions")
	if file := text("pipeline", ""); file != "" {
		raw, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		c, err := pipeline.Parse(string(raw))
		if err != nil {
			return err
		}
		c.Functions = functions
		return pipeline.New(app, c)
	}
	settings, err := stack.ParseSettings(text("settings", ""))
	if err != nil {
		return err
	}
	local := text("local", "") == "true"
	if !local {
		stack.GuardTables(app)
	}
	return stack.New(app, stack.Name(text("stage", "")), stack.Config{
		Functions: functions, OperatorSHA256: text("operatorSha256", ""), Local: local, Settings: settings,
	})
}
