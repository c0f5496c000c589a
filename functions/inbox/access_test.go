package main

import (
	"testing"

	"github.com/rollcall/rollcall/shared/proof/fixture"
)

func TestAccess(t *testing.T) { fixture.Access(t, endpoints) }
