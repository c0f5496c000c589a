package main

import (
	"cmp"
	"context"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

func create(reg *registry.Registry) func(context.Context, httpapi.Call, api.CreateRequest) (api.Created, error) {
	return func(ctx context.Context, c httpapi.Call, in api.CreateRequest) (api.Created, error) {
		input, err := createInput(in)
		if err != nil {
			return api.Created{}, err
		}
		input.By = actor(c)
		if team := c.Caller.Team; team != "" { // the person is bound to it
			if cmp.Or(in.Team, team) != team {
				return api.Created{}, fault.New(fault.OtherTeam, "this credential is for the team %s", team).
					WithHint("leave team out", "stop")
			}
			input.OnlyTeam = team
		}
		out, err := reg.Create(ctx, input, c.Now)
		if err != nil {
			return api.Created{}, err
		}
		return api.Created{Workspace: view(ctx, reg, c, out.Facts), Adopted: out.Adopted, AuthToken: out.AuthToken}, nil
	}
}

// createInput reads what an operator asks for. Error: invalid_request.
func createInput(in api.CreateRequest) (registry.CreateInput, error) {
	mode, err := workspace.ParseMode(in.DeliveryMode)
	if err != nil {
		return registry.CreateInput{}, err
	}
	if err := workspace.CheckTeam(in.Team); err != nil {
		return registry.CreateInput{}, err
	}
	return registry.CreateInput{
		ID: in.ID, Name: in.Name, Runtime: in.Runtime, Role: in.Role, Tier: in.Tier, Mode: mode, MaxTasks: in.MaxTasks,
		Adopt: in.Adopt, Team: in.Team, ResetCredentials: in.ResetCredentials, Force: in.Force,
	}, nil
}
