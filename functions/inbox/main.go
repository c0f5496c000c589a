// Command inbox is the Lambda of a workspace's activity: an agent polls it for mail, acknowledges mail with the
// cursor, and logs what it did.
package main

import (
	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/httpapi"
)

func main() {
	app.Main(func(env *app.Env) any {
		return httpapi.Serve(env.Log, env.Clock.Now, env.Gate, endpoints(env)...)
	})
}
