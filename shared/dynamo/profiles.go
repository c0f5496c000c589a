package dynamo

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

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
	profileName     = "name"
	profileCardName = "cardname"
	profileURL      = "url"
	profileRuntime  = "runtime"
	profileRole     = "role"
	profileTier     = "tier"
	profileCard     = "card"
	profileSecret   = "whsec"
	profileFormer   = "whsecbefore"
	profileSecretAt = "whsecat"
)

// listedProfile are the attributes that a list reads: a hundred cards would fill an
// answer.
var listedProfile = []string{
	ChatPartition, profileName, profileCardName, profileURL, profileRuntime, profileRole, profileTier,
}

// Profile implements registry.Profiles.
func (s *Store) Profile(ctx context.Context, id string) (workspace.Profile, error) {
	it, err := s.getChat(ctx, "profile", workspaceKey(id, profileSort))
	return decodeProfile(it), err
}

// Profiles implements registry.Profiles.
func (s *Store) Profiles(ctx context.Context, ids ...string) (map[string]workspace.Profile, error) {
	keys := make([]item, 0, len(ids))
	for _, id := range ids {
		keys = append(keys, workspaceKey(id, profileSort))
	}
	found := map[string]workspace.Profile{}
	return found, s.batchGet(ctx, keys, listedProfile, func(it item) error {
		found[strings.TrimPrefix(strOf(it[ChatPartition]), workspacePartition)] = decodeProfile(it)
		return nil
	})
}

// Describe implements registry.Profiles.
func (s *Store) Describe(ctx context.Context, id string, p workspace.ProfileChange) error {
	c := profileChange(p)
	if !c.updates {
		return nil
	}
	e, err := c.build()
	if err != nil {
		return err
	}
	_, err = s.DB.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Chat, Key: workspaceKey(id, profileSort), UpdateExpression: e.Update(),
		ExpressionAttributeNames: e.Names(), ExpressionAttributeValues: e.Values(),
	})
	if err != nil {
		return fault.Store("update profile", err)
	}
	return nil
}

// profileChange is the update of what p speaks of.
func profileChange(p workspace.ProfileChange) (c change) {
	text := func(attribute string, to *string) {
		switch {
		case to == nil:
		case *to == "":
			c.remove(expression.Name(attribute))
		default:
			c.set(expression.Name(attribute), str(*to))
		}
	}
	text(profileName, p.Name)
	text(profileCardName, p.CardName)
	text(profileURL, p.URL)
	text(profileRuntime, p.Runtime)
	text(profileRole, p.Role)
	if p.Card != nil {
		card := string(p.Card)
		text(profileCard, &card)
	}
	if p.Signing != nil {
		text(profileSecret, &p.Signing.Secret)
		text(profileFormer, &p.Signing.Former)
		c.set(expression.Name(profileSecretAt), millis(p.Signing.Since))
	}
	if p.Tier != nil {
		c.set(expression.Name(profileTier), num(int64(*p.Tier)))
	}
	return c
}

func decodeProfile(it item) workspace.Profile {
	p := workspace.Profile{
		Name: strOf(it[profileName]), CardName: strOf(it[profileCardName]), URL: strOf(it[profileURL]),
		Runtime: strOf(it[profileRuntime]), Role: strOf(it[profileRole]), Tier: int(intOf(it[profileTier])),
		Card: textOf(it[profileCard]),
		Signing: workspace.Signing{
			Secret: strOf(it[profileSecret]), Former: strOf(it[profileFormer]), Since: timeOf(it[profileSecretAt]),
		},
	}
	return p
}

// ownerAttribute names the workspace that a credential was issued to.
const ownerAttribute = "owner"

func ownerKey(h token.Hash) item { return chatKey(ownerPartition+h.String(), ownerSort) }

func encodeOwner(h token.Hash, id string) item {
	it := ownerKey(h)
	it[ownerAttribute] = str(id)
	return it
}

// Owner implements registry.Owners.
func (s *Store) Owner(ctx context.Context, credential token.Hash) (string, error) {
	it, err := s.getChat(ctx, "owner", ownerKey(credential))
	return strOf(it[ownerAttribute]), err
}
