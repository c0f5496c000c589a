package protocoltest

import (
	"maps"
	"slices"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/workspace"
)

// interferences are what somebody else can do in the middle of something.
var interferences = map[string]func(*machine){
	"poll": func(m *machine) {
		if !m.removed {
			m.poll(m.reliable, &m.newest, 5, false)
		}
	},
	"the replaced host polls":           func(m *machine) { m.replacedHostPolls() },
	"change the mode":                   (*machine).changeMode,
	"register":                          func(m *machine) { m.register() },
	"a new host registers":              (*machine).takeOver,
	"a new host registers, and a drain": func(m *machine) { m.takeOver(); m.drainReliably() },
	"send a message": func(m *machine) {
		if !m.removed {
			m.sendReliably(m.nextID())
		}
	},
	"redrive and drain":                 func(m *machine) { m.redrive(); m.drainReliably() },
	"drain":                             (*machine).drainReliably,
	"sweep":                             func(m *machine) { _, _ = m.reliableSweeper.Sweep(m.ctx) },
	"time passes":                       (*machine).passTime,
	"every timer runs out, and a drain": func(m *machine) { m.runOutTimers(); m.drainReliably() },
	"pause":                             func(m *machine) { m.hold(workspace.Paused) },
	"remove": func(m *machine) {
		if len(m.sent) > 4 { // not before there is something to see
			m.hold(workspace.Removed)
		}
	},
}

var interferenceNames = slices.Sorted(maps.Keys(interferences))

// interfere has somebody else act; "" for nobody.
func (m *machine) interfere(name string) {
	m.interfered++
	if act := interferences[name]; act != nil {
		act(m)
	}
}

func (m *machine) drainReliably() { _ = m.drainLanes(m.reliable) }

// drainLanes drains the workspace, in whichever lane it is drained, and then its callbacks.
func (m *machine) drainLanes(d *delivery.Delivery) error {
	drain, other := d.Drain, d.DrainSlow
	for {
		out, err := drain(m.ctx, m.id, "test")
		if err != nil {
			return err
		}
		if !out.Moved {
			_, err = d.DrainCallbacks(m.ctx, m.id, "test")
			return err
		}
		drain, other = other, drain
	}
}

// withFault does something during which whoever acts may be killed at any write, or
// lose its reply, or have somebody else act before it.
func (m *machine) withFault(t *rapid.T, do func()) {
	if rapid.IntRange(0, 2).Draw(t, "nobody interferes") > 0 {
		m.maybeCrash(t)
	} else {
		name := rapid.SampledFrom(interferenceNames).Draw(t, "comes before a write")
		m.crash.interfereAfter(rapid.IntRange(0, 3).Draw(t, "writes before that"), func() { m.interfere(name) })
	}
	do()
	m.crash.disarm()
}

// maybeCrash arms the crash, once in three times.
func (m *machine) maybeCrash(t *rapid.T) {
	if rapid.IntRange(0, 2).Draw(t, "a crash") > 0 {
		return
	}
	m.crash.arm(
		rapid.IntRange(0, 5).Draw(t, "writes before the crash"),
		rapid.Bool().Draw(t, "the last write is done"),
		rapid.Bool().Draw(t, "whoever acts continues"),
	)
}
