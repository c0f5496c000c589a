// Command status is the Lambda that reads: a workspace, the fleet, a receipt, the platform's health, and the console page.
package main

import (
	"github.com/rollcall/rollcall/shared/boot"
	"github.com/rollcall/rollcall/shared/httpapi"
)

func main() {
	boot.Main(func(env *boot.Env) any { return httpapi.Serve(env.Log, env.Now, endpoints(env)) })
}
