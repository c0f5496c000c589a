package main

import (
	"testing"

	"github.com/rollcall/rollcall/shared/proof/fixture"
)

func TestFixtures(t *testing.T) {
	env := fixture.Env(t)
	fixture.Replay(t, "status", endpoints(env), env)
}

func TestTooLongIsRefused(t *testing.T) {
	env := fixture.Env(t)
	fixture.Bounds(t, endpoints(env), env)
}

func FuzzCalls(f *testing.F) { fixture.Fuzz(f, "status", endpoints) }
