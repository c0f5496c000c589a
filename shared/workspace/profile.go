package workspace

// Profile is what a workspace says of itself and no heartbeat needs.
type Profile struct {
	Name    string
	URL     string // where pushes go; "" when it has none
	Runtime string
	Tier    int
	Role    string // in a few words, for its peers
	Card    []byte // the agent card, JSON as given
}

// ProfileChange is what a call changes of a profile; nil leaves a field as it is.
type ProfileChange struct {
	Name, URL, Runtime, Role *string
	Tier                     *int
	Card                     []byte
}

// Apply makes the change.
func (c ProfileChange) Apply(p Profile) Profile {
	for from, to := range map[*string]*string{c.Name: &p.Name, c.URL: &p.URL, c.Runtime: &p.Runtime, c.Role: &p.Role} {
		if from != nil {
			*to = *from
		}
	}
	if c.Tier != nil {
		p.Tier = *c.Tier
	}
	if c.Card != nil {
		p.Card = c.Card
	}
	return p
}
