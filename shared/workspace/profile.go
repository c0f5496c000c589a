package workspace

import (
	"bytes"
	"cmp"
	"time"

	"github.com/rollcall/rollcall/shared/token"
)

// Profile is what a workspace says of itself and no heartbeat needs.
type Profile struct {
	Name     string // as an operator gave it
	CardName string // as the agent card has it
	URL      string // where pushes go; "" when it has none
	Runtime  string
	Tier     int
	Role     string // in a few words, for its peers
	Card     []byte // the agent card, JSON as given; nil while it is read apart
	// CardApart is the digest of a card that is kept apart, as it is longer than InlineCard; "": it is in Card.
	CardApart string
	Signing   Signing
	Words     Words
}

// InlineCard is how long a card may be, in bytes, that stands in the profile. Whoever lists workspaces, registers an
// agent or pushes to it reads the profile: a longer card is kept apart, and read where it is shown.
const InlineCard = 2 << 10

// CardDigest names a card that is kept apart.
func CardDigest(card []byte) string { return token.Digest(string(card)).String() }

// MaxWords is how many bytes the facts, which every heartbeat writes, keep of an error, or of other words of the agent.
const MaxWords = 46

// Words are the errors in full of which the facts have the beginning: those that are longer than MaxWords.
type Words struct {
	PushError, AnswerError, LostWhy, SampleError, RegisterFailedWhy string
}

// Signing is the secrets that calls to the workspace's agent are signed with. They are given to its agent alone, in the
// answer to its register.
type Signing struct {
	Secret string    // "": calls are not signed
	Former string    // the one before it
	Since  time.Time // when Secret was issued
	// EndedAt is when an operator last ended a credential: who sent a message before that is told of nothing.
	EndedAt time.Time
}

// signingOverlap is how long calls are signed with a former secret too: whoever holds it has that long to learn of the
// new one.
const signingOverlap = 24 * time.Hour

// Replace is the secrets after a new one was issued.
func (s Signing) Replace(secret string, now time.Time) Signing {
	return Signing{Secret: secret, Former: s.Secret, Since: now, EndedAt: s.EndedAt}
}

// After is the secrets after the change from old to next, which is no register and ended the credential that they were
// given with (EndsURL). Where another credential is used in its place, secret takes over, as at a register. Where an
// operator ended it, it may be a thief's: both secrets end with it, and the next register is given another.
func (s Signing) After(old, next Facts, secret string, now time.Time) Signing {
	if old.NextCredential.Zero() || !old.NextCredential.Matches(next.Credential) {
		return Signing{EndedAt: now}
	}
	return s.Replace(secret, now)
}

// Calls reports whether the URL may be called that came with a message which was sent at a time: the credential that it
// was sent with was not ended by an operator since.
func (s Signing) Calls(sentAt time.Time) bool { return s.EndedAt.IsZero() || sentAt.After(s.EndedAt) }

// Secrets are those that a call at this time is signed with, the newest first.
func (s Signing) Secrets(now time.Time) (secrets []string) {
	if s.Secret != "" {
		secrets = append(secrets, s.Secret)
	}
	if s.Former != "" && now.Sub(s.Since) < signingOverlap {
		secrets = append(secrets, s.Former)
	}
	return secrets
}

// ShownName is what people call the workspace, "" when it has no name. A card gives
// a name to a workspace that its operator gave none, and never another one.
func (p Profile) ShownName() string { return cmp.Or(p.Name, p.CardName) }

// ProfileChange is what a call changes in a profile; nil leaves a field as it is.
type ProfileChange struct {
	Name, CardName, URL, Runtime, Role *string

	Tier *int
	Card []byte
	// DropCard says that the card that was kept apart is dropped: Card is in its place.
	DropCard bool

	Signing *Signing
	Words   *Words
}

// Apply returns the profile with the change made.
func (c ProfileChange) Apply(p Profile) Profile {
	set(&p.Name, c.Name)
	set(&p.CardName, c.CardName)
	set(&p.URL, c.URL)
	set(&p.Runtime, c.Runtime)
	set(&p.Role, c.Role)
	set(&p.Tier, c.Tier)
	set(&p.Signing, c.Signing)
	set(&p.Words, c.Words)
	if c.Card != nil {
		p.Card, p.CardApart = c.Card, ""
	}
	return p
}

// WithCard is the change with a card (nil: none is said) in place of that of a profile. One that is the same is not
// written again.
func (c ProfileChange) WithCard(was Profile, card []byte) ProfileChange {
	switch {
	case card == nil:
	case len(card) > InlineCard:
		if was.CardApart != CardDigest(card) {
			c.Card = card
		}
	case was.CardApart != "" || !bytes.Equal(was.Card, card):
		c.Card, c.DropCard = card, was.CardApart != ""
	}
	return c
}

// Replace is the change after which a profile is p, whatever it was before.
func Replace(p Profile) ProfileChange {
	return ProfileChange{
		Name: &p.Name, CardName: &p.CardName, URL: &p.URL, Runtime: &p.Runtime, Role: &p.Role, Tier: &p.Tier,
		Signing: &p.Signing, Words: &p.Words, Card: append([]byte{}, p.Card...), DropCard: true,
	}
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}
