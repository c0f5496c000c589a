package main

import (
	"cmp"
	"context"
	"encoding/json"
	"unicode/utf8"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// maxCard bounds an agent card in bytes; it is stored and shown, never parsed
// further.
const maxCard = 64 << 10

// maxName bounds the name in a card, in characters, as that which an operator gives is bounded.
const maxName = 200

func updateCard(
	reg *registry.Registry,
) func(context.Context, httpapi.Call, api.UpdateCardRequest) (api.CardUpdated, error) {
	return func(ctx context.Context, c httpapi.Call, in api.UpdateCardRequest) (api.CardUpdated, error) {
		name, err := cardName(in.AgentCard)
		if err != nil {
			return api.CardUpdated{}, err
		}
		if noCard(in.AgentCard) {
			return api.CardUpdated{}, fault.New(fault.InvalidRequest, "agent_card must be an object")
		}
		id := cmp.Or(in.WorkspaceID, in.ID)
		if err := workspace.CheckNamed("workspace_id", id); err != nil {
			return api.CardUpdated{}, err
		}
		_, err = reg.SetCard(ctx, id, c.Bearer(), c.From(), name, in.AgentCard, c.Now)
		return api.CardUpdated{Status: "updated"}, err
	}
}

func noCard(card json.RawMessage) bool { return len(card) == 0 || string(card) == "null" }

// cardName is the name in an agent card, "" when there is none. Errors:
// too_large, invalid_request.
func cardName(card json.RawMessage) (string, error) {
	if len(card) > maxCard {
		return "", fault.New(fault.TooLarge, "agent_card has %d bytes, and the limit is %d", len(card), maxCard).
			WithHint("send large content as a link", "stop")
	}
	if noCard(card) {
		return "", nil
	}
	var c struct {
		Name string `json:"name"`
	}
	if err := httpapi.DecodeJSON(card, &c); err != nil {
		return "", fault.New(fault.InvalidRequest, "agent_card must be an object whose name, if any, is a string")
	}
	if utf8.RuneCountInString(c.Name) > maxName {
		return "", fault.New(fault.InvalidRequest, "agent_card.name has at most %d characters", maxName)
	}
	return c.Name, nil
}
