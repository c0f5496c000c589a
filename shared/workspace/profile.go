package workspace

import "cmp"

// Profile is what a workspace says of itself and no heartbeat needs.
type Profile struct {
	Name     string // as an operator gave it
	CardName string // as the agent card has it
	URL      string // where pushes go; "" when it has none
	Runtime  string
	Tier     int
	Role     string // in a few words, for its peers
	Card     []byte // the agent card, JSON as given
}

// ShownName is what people call the workspace, "" when it has no name. A card gives
// a name to a workspace that its operator gave none, and never another one.
func (p Profile) ShownName() string { return cmp.Or(p.Name, p.CardName) }

// ProfileChange is what a call changes in a profile; nil leaves a field as it is.
type ProfileChange struct {
	Name, CardName, URL, Runtime, Role *string

	Tier *int
	Card []byte
}

// Apply returns the profile with the change made.
func (c ProfileChange) Apply(p Profile) Profile {
	set(&p.Name, c.Name)
	set(&p.CardName, c.CardName)
	set(&p.URL, c.URL)
	set(&p.Runtime, c.Runtime)
	set(&p.Role, c.Role)
	set(&p.Tier, c.Tier)
	if c.Card != nil {
		p.Card = c.Card
	}
	return p
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}
