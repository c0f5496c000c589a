package main

import (
	"context"
	"time"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// What an enrolment token is when the call doesn't say: good for one agent, for
// a day.
const (
	enrolUses = 1
	enrolFor  = 24 * time.Hour
)

func enrol(reg *registry.Registry) func(context.Context, httpapi.Call, api.EnrolmentRequest) (api.Enrolment, error) {
	return func(ctx context.Context, c httpapi.Call, in api.EnrolmentRequest) (api.Enrolment, error) {
		uses, lasts := enrolUses, enrolFor
		if in.Uses != nil {
			uses = *in.Uses
		}
		if in.Seconds != nil {
			lasts = time.Duration(*in.Seconds) * time.Second
		}
		text, e, err := reg.Enrol(ctx, in.WorkspaceID, uses, lasts, actor(c), c.Now)
		next := "the agent sends it as enrolment_token when it registers, and is given its credential"
		if reg.Policy.Bootstrap == workspace.Open {
			next += "; bootstrap is open here: an id that is new is let in with or without a token, and takes no use of it"
		}
		return api.Enrolment{
			EnrolmentID: e.ID, Token: text, WorkspaceID: e.Workspace, Uses: e.Uses, ExpiresAt: e.Until, Next: next,
		}, err
	}
}

func withdraw(reg *registry.Registry) func(context.Context, httpapi.Call, api.WithdrawRequest) (api.Withdrawn, error) {
	return func(ctx context.Context, c httpapi.Call, in api.WithdrawRequest) (api.Withdrawn, error) {
		audit := entry(c, "enrolment_withdrawn", "enrolment %s withdrawn", in.EnrolmentID)
		err := reg.Enrolments.Withdraw(ctx, in.EnrolmentID, audit)
		return api.Withdrawn{EnrolmentID: in.EnrolmentID, Status: "withdrawn"}, err
	}
}
