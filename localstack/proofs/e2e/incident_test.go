package e2e

import (
	"os"
	"testing"

	"github.com/rollcall/rollcall/localstack/proofs/scenario"
)

func TestAPIIncident(t *testing.T) {
	s := on(t)
	if err := scenario.Incident(t.Context(), s.Client, s.Agent, os.Stdout); err != nil {
		t.Fatal(err)
	}
}
