// Command sweeper is the Lambda that looks at every workspace each minute: it
// wakes the drains of idle ones with mail, ends mail whose lifetime is over,
// announces verdicts that changed and checks that nothing is missing. The schedule
// invokes it; of a large fleet, it then invokes itself through a queue, for a segment
// each.
package main

import (
	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/eventbridge"
)

func main() {
	app.Main(func(env *app.Env) any {
		env.AnnounceTo(eventbridge.Bus{AWS: env.AWS, Clock: clock.System{}})
		return sweeper(env.Log, env.Meter, env.Clock.Now, env.Sweeper.Sweep, env.Sweeper.SweepSegment)
	})
}
