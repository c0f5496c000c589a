package dynamo

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

func profileKey(id string) item {
	return item{ChatPartition: partition(id), ChatSort: str(profileSort)}
}

// Profile implements registry.Profiles.
func (s *Store) Profile(ctx context.Context, id string) (workspace.Profile, error) {
	out, err := s.DB.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.Chat, Key: profileKey(id), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return workspace.Profile{}, fault.Store("get profile", err)
	}
	return decodeProfile(out.Item), nil
}

// Profiles implements registry.Profiles.
func (s *Store) Profiles(ctx context.Context, ids ...string) (map[string]workspace.Profile, error) {
	keys := make([]item, 0, len(ids))
	for _, id := range ids {
		keys = append(keys, profileKey(id))
	}
	found := map[string]workspace.Profile{}
	return found, s.batchGet(ctx, keys, func(it item) error {
		found[strings.TrimPrefix(strOf(it[ChatPartition]), "W#")] = decodeProfile(it)
		return nil
	})
}

// Describe implements registry.Profiles.
func (s *Store) Describe(ctx context.Context, id string, c workspace.ProfileChange) error {
	key, expression, names, values := profileUpdate(id, c)
	if expression == nil {
		return nil
	}
	_, err := s.DB.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.Chat, Key: key, UpdateExpression: expression, ExpressionAttributeNames: names, ExpressionAttributeValues: values,
	})
	if err != nil {
		return fault.Store("update profile", err)
	}
	return nil
}

// profileUpdate is the update of what c speaks of; no expression when it speaks
// of nothing.
func profileUpdate(id string, c workspace.ProfileChange) (key item, expression *string, names map[string]string, values item) {
	names, values = map[string]string{}, item{}
	var sets, clears []string
	change := func(attr string, text string) {
		names["#"+attr] = attr
		if text == "" {
			clears = append(clears, "#"+attr)
			return
		}
		values[":"+attr] = str(text)
		sets = append(sets, "#"+attr+" = :"+attr)
	}
	for _, f := range []struct {
		attr string
		to   *string
	}{{"name", c.Name}, {"url", c.URL}, {"runtime", c.Runtime}, {"role", c.Role}} {
		if f.to != nil {
			change(f.attr, *f.to)
		}
	}
	if c.Card != nil {
		change("card", string(c.Card))
	}
	if c.Tier != nil {
		names["#tier"], values[":tier"] = "tier", num(int64(*c.Tier))
		sets = append(sets, "#tier = :tier")
	}
	var clauses []string
	if len(sets) > 0 {
		clauses = append(clauses, "SET "+strings.Join(sets, ", "))
	}
	if len(clears) > 0 {
		clauses = append(clauses, "REMOVE "+strings.Join(clears, ", "))
	}
	if len(clauses) == 0 {
		return nil, nil, nil, nil
	}
	if len(values) == 0 {
		values = nil // DynamoDB refuses an empty map
	}
	return profileKey(id), aws.String(strings.Join(clauses, " ")), names, values
}

func decodeProfile(it item) workspace.Profile {
	p := workspace.Profile{Name: strOf(it["name"]), URL: strOf(it["url"]), Runtime: strOf(it["runtime"]), Role: strOf(it["role"]), Tier: int(intOf(it["tier"]))}
	if card := strOf(it["card"]); card != "" {
		p.Card = []byte(card)
	}
	return p
}

func ownerKey(h token.Hash) item {
	return item{ChatPartition: str("C#" + h.String()), ChatSort: str(ownerSort)}
}

func encodeOwner(h token.Hash, id string) item {
	it := ownerKey(h)
	it["owner"] = str(id)
	return it
}

// Owner implements registry.Owners.
func (s *Store) Owner(ctx context.Context, credential token.Hash) (string, error) {
	out, err := s.DB.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.Chat, Key: ownerKey(credential), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return "", fault.Store("get owner", err)
	}
	return strOf(out.Item["owner"]), nil
}
