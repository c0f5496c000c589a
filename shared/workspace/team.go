package workspace

import (
	"github.com/rollcall/rollcall/shared/fault"
)

// Peers says whose peers workspaces are: whom they see, and may write to.
type Peers string

// The choices.
const (
	PeersFleet Peers = "fleet" // each of every other
	PeersTeam  Peers = "team"  // each of those of its team; those without a team are one
)

// Known reports whether p is a choice.
func (p Peers) Known() bool { return p == PeersFleet || p == PeersTeam }

// ArePeers reports whether workspaces of two teams are peers.
func (p Policy) ArePeers(team, other string) bool { return p.Peers != PeersTeam || team == other }

// CheckTeam checks the name of a team; "" is none. Error: invalid_request.
func CheckTeam(team string) error {
	if team == "" || len(team) <= maxTeam && plainName.MatchString(team) {
		return nil
	}
	return fault.New(fault.InvalidRequest, "team has 1 to 40 letters, digits, '.', '_' or '-'")
}
