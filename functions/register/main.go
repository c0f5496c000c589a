// Command register is the Lambda that authenticates or bootstraps an agent, records what it declares and opens its lease.
package main

import (
	"github.com/rollcall/rollcall/shared/boot"
	"github.com/rollcall/rollcall/shared/httpapi"
)

func main() {
	boot.Main(func(env *boot.Env) any { return httpapi.Serve(env.Log, env.Now, endpoints(env)) })
}
