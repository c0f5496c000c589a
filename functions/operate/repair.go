package main

import (
	"context"
	"net/netip"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
)

func repair(reg *registry.Registry) func(context.Context, httpapi.Call, api.RepairRequest) (api.Repaired, error) {
	return func(ctx context.Context, c httpapi.Call, in api.RepairRequest) (api.Repaired, error) {
		if in.From != "" { // else the window is for whoever registers first
			addr, err := netip.ParseAddr(in.From)
			if err != nil {
				return api.Repaired{}, fault.New(fault.InvalidRequest,
					"from must be the network address that the agent calls from")
			}
			in.From = addr.String()
		}
		f, revoked, err := reg.Repair(ctx, in.ID, in.From, actor(c), c.Now)
		return api.Repaired{
			WorkspaceID: in.ID, Revoked: revoked, BootstrapUntil: f.BootstrapUntil, From: in.From,
			Next: "restart the agent so that it registers again before bootstrap_until; it is given a new credential",
		}, err
	}
}
