// Command heartbeat is the Lambda that renews a workspace's lease and records what the agent reports.
package main

import (
	"github.com/rollcall/rollcall/shared/boot"
	"github.com/rollcall/rollcall/shared/httpapi"
)

func main() {
	boot.Main(func(env *boot.Env) any { return httpapi.Serve(env.Log, env.Now, endpoints(env)) })
}
