package main

import (
	"testing"

	"github.com/rollcall/rollcall/shared/proof/fixture"
)

func TestAccess(t *testing.T) { fixture.Access(t, endpoints) }

// A call of one team is not done in another.
func TestTeams(t *testing.T) { fixture.Teams(t, endpoints) }
