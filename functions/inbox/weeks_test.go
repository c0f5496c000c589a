package main

import (
	"testing"

	"github.com/rollcall/rollcall/shared/proof/weeks"
)

func TestWeeks(t *testing.T) { weeks.Histories(t, endpoints) }
