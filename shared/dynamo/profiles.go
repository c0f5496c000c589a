package dynamo

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

var (
	_ registry.Profiles = (*Store)(nil)
	_ registry.Owners   = (*Store)(nil)
)

// The attributes of a profile.
const (
	profileName        = "name"
	profileCardName    = "cardname"
	profileURL         = "url"
	profileRuntime     = "runtime"
	profileRole        = "role"
	profileTier        = "tier"
	profileCard        = "card"
	profileCardApart   = "cardapart" // the digest of the card in the item cardKey
	profileSecret      = "whsec"
	profileFormer      = "whsecbefore"
	profileSecretAt    = "whsecat"
	profileEndedAt     = "whsecended"
	profilePushError   = "pusherror"
	profileAnswerError = "answererror"
	profileLostWhy     = "lostwhy"
	profileSample      = "sample"
	profileFailedWhy   = "regfailedwhy"
)

// listedProfile are the attributes that a list reads: a hundred cards would fill an
// answer.
var listedProfile = []string{
	ChatPartition, profileName, profileCardName, profileURL, profileRuntime, profileRole, profileTier,
	profilePushError, profileAnswerError, profileLostWhy, profileSample, profileFailedWhy,
}

func profileKey(id string) item { return chatKey(profilePartition+id, profileSort) }

func cardKey(id string) item { return chatKey(profilePartition+id, cardSort) }

// Profile implements registry.Profiles.
func (s *Store) Profile(ctx context.Context, id string) (workspace.Profile, error) {
	it, err := s.getChat(ctx, "profile", profileKey(id))
	return decodeProfile(it), err
}

// Card implements registry.Profiles.
func (s *Store) Card(ctx context.Context, id string) ([]byte, error) {
	it, err := s.getChat(ctx, "card", cardKey(id))
	return textOf(it[profileCard]), err
}

// Profiles implements registry.Profiles.
func (s *Store) Profiles(ctx context.Context, ids ...string) (map[string]workspace.Profile, error) {
	keys := make([]item, 0, len(ids))
	for _, id := range ids {
		keys = append(keys, profileKey(id))
	}
	found := map[string]workspace.Profile{}
	return found, s.batchGet(ctx, s.Chat, keys, listedProfile, func(it item) error {
		found[strings.TrimPrefix(strOf(it[ChatPartition]), profilePartition)] = decodeProfile(it)
		return nil
	})
}

// Quote implements registry.Profiles.
func (s *Store) Quote(ctx context.Context, id, url string, said workspace.Words) error {
	c := profileChange(workspace.ProfileChange{Words: &said})
	c.require(named(ChatPartition).Exists())
	if url == "" {
		c.require(named(profileURL).NotExists())
	} else {
		c.require(named(profileURL).Equal(str(url)))
	}
	e := c.build()
	_, err := s.DB.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Chat, Key: profileKey(id), UpdateExpression: e.Update, ConditionExpression: e.Condition,
		ExpressionAttributeNames: e.Names, ExpressionAttributeValues: e.Values,
	})
	if _, other := errors.AsType[*types.ConditionalCheckFailedException](err); other || err == nil {
		return nil
	}
	return fault.Store("quote an agent", err)
}

// profileChange is the update of what p speaks of.
func profileChange(p workspace.ProfileChange) (c change) {
	text := func(attribute string, to *string) {
		switch {
		case to == nil:
		case *to == "":
			c.remove(named(attribute))
		default:
			c.set(named(attribute), str(*to))
		}
	}
	text(profileName, p.Name)
	text(profileCardName, p.CardName)
	text(profileURL, p.URL)
	text(profileRuntime, p.Runtime)
	text(profileRole, p.Role)
	if p.Card != nil {
		card, apart := string(p.Card), ""
		if len(p.Card) > workspace.InlineCard {
			card, apart = "", workspace.CardDigest(p.Card)
		}
		text(profileCard, &card)
		text(profileCardApart, &apart)
	}
	if p.Signing != nil {
		text(profileSecret, &p.Signing.Secret)
		text(profileFormer, &p.Signing.Former)
		c.setTime(named(profileSecretAt), p.Signing.Since)
		c.setTime(named(profileEndedAt), p.Signing.EndedAt)
	}
	if p.Words != nil {
		text(profilePushError, &p.Words.PushError)
		text(profileAnswerError, &p.Words.AnswerError)
		text(profileLostWhy, &p.Words.LostWhy)
		text(profileSample, &p.Words.SampleError)
		text(profileFailedWhy, &p.Words.RegisterFailedWhy)
	}
	if p.Tier != nil {
		c.set(named(profileTier), num(int64(*p.Tier)))
	}
	return c
}

// cardWrite is the write of the card that is kept apart, which goes with the update of the profile; nil: none. One that
// is dropped leaves an item without a card.
func (s *Store) cardWrite(id string, p workspace.ProfileChange) *types.TransactWriteItem {
	it := cardKey(id)
	if len(p.Card) > workspace.InlineCard {
		it[profileCard] = str(string(p.Card))
	} else if !p.DropCard {
		return nil
	}
	return new(s.chatPut(it))
}

func decodeProfile(it item) workspace.Profile {
	p := workspace.Profile{
		Name: strOf(it[profileName]), CardName: strOf(it[profileCardName]), URL: strOf(it[profileURL]),
		Runtime: strOf(it[profileRuntime]), Role: strOf(it[profileRole]), Tier: int(intOf(it[profileTier])),
		Card: textOf(it[profileCard]),
		Signing: workspace.Signing{
			Secret: strOf(it[profileSecret]), Former: strOf(it[profileFormer]), Since: timeOf(it[profileSecretAt]),
			EndedAt: timeOf(it[profileEndedAt]),
		},
		Words: workspace.Words{
			PushError: strOf(it[profilePushError]), AnswerError: strOf(it[profileAnswerError]),
			LostWhy: strOf(it[profileLostWhy]), SampleError: strOf(it[profileSample]),
			RegisterFailedWhy: strOf(it[profileFailedWhy]),
		},
	}
	if len(p.Card) == 0 { // a former release writes a card into the profile, and leaves what is apart
		p.CardApart = strOf(it[profileCardApart])
	}
	return p
}

// ownerAttribute names the workspace that a credential was issued to, and
// ownerLifeAttribute the number of its life.
const (
	ownerAttribute     = "owner"
	ownerLifeAttribute = "life"
)

func ownerKey(h token.Hash) item { return chatKey(ownerPartition+h.String(), ownerSort) }

func encodeOwner(h token.Hash, life workspace.Life) item {
	it := ownerKey(h)
	it[ownerAttribute], it[ownerLifeAttribute] = str(life.Workspace), num(life.Number)
	return it
}

// ownerPut is the write of a credential's owner in a transaction, on condition that it is no other workspace's.
func (s *Store) ownerPut(h token.Hash, life workspace.Life) types.TransactWriteItem {
	owner := named(ownerAttribute)
	e := of(owner.NotExists().Or(owner.Equal(str(life.Workspace))))
	return types.TransactWriteItem{Put: &types.Put{
		TableName: &s.Chat, Item: encodeOwner(h, life), ConditionExpression: e.Condition,
		ExpressionAttributeNames: e.Names, ExpressionAttributeValues: e.Values,
	}}
}

// Owner implements registry.Owners.
func (s *Store) Owner(ctx context.Context, credential token.Hash) (workspace.Life, error) {
	it, err := s.getChat(ctx, "owner", ownerKey(credential))
	return workspace.Life{Workspace: strOf(it[ownerAttribute]), Number: intOf(it[ownerLifeAttribute])}, err
}
