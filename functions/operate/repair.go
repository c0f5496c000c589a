package main

import (
	"context"
	"net/netip"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

func repair(reg *registry.Registry) func(context.Context, httpapi.Call, api.RepairRequest) (api.Repaired, error) {
	return func(ctx context.Context, c httpapi.Call, in api.RepairRequest) (api.Repaired, error) {
		asked, err := repairInput(in)
		if err != nil {
			return api.Repaired{}, err
		}
		asked.By = actor(c)
		out, err := reg.Repair(ctx, asked, c.Now)
		if err != nil {
			return api.Repaired{}, err
		}
		reply := api.Repaired{
			WorkspaceID: in.ID, Revoked: out.Revoked, BootstrapUntil: out.Facts.BootstrapUntil,
			From: out.Facts.BootstrapFrom, AuthToken: out.AuthToken,
			Next: workspace.AfterRepair(out.Before, out.Facts, reg.Policy, c.Now),
		}
		if asked.Show {
			reply.Next = workspace.AfterShowing(out.Before, c.Now)
		}
		return reply, nil
	}
}

// repairInput reads whom a repair is for. Error: invalid_request.
func repairInput(in api.RepairRequest) (registry.RepairInput, error) {
	out := registry.RepairInput{ID: in.ID, Told: in.Told, Anyone: in.Anyone, Show: in.Show, Force: in.Force}
	ways := 0
	for _, asked := range []bool{in.From != "", in.Anyone, in.Show} {
		if asked {
			ways++
		}
	}
	if ways > 1 {
		return out, fault.New(fault.InvalidRequest, "from, anyone and show exclude each other: say one of them, or none")
	}
	if in.From != "" {
		addr, err := netip.ParseAddr(in.From)
		if err != nil || addr.Unmap().IsUnspecified() || addr.Unmap().IsMulticast() || addr.Zone() != "" {
			return out, fault.New(fault.InvalidRequest, "from must be one network address").
				WithHint("write the address that the agent calls from, such as 192.0.2.7 or 2001:db8::7", "stop")
		}
		out.From = addr.Unmap().String()
	}
	return out, nil
}
