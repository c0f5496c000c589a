package main

import (
	"context"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
)

func endpoints(env *app.Env) []httpapi.Endpoint {
	polls := poll(env.Delivery, env.Registry)
	reads := log{env.Activity, env.Delivery.Ledger, env.Registry}
	recorded := delegationLog{env.Activity}
	activity := func(ctx context.Context, c httpapi.Call, in api.ActivityRequest) (api.Activity, error) {
		q, err := parse(in, c.Now)
		if err != nil {
			return api.Activity{}, err
		}
		person := c.Caller.Person != ""
		switch {
		case q.isPoll() && !person:
			return polls(ctx, c, q)
		case person && q.cursor != "":
			return api.Activity{}, fault.New(fault.InvalidRequest, "since_id is for the workspace's own polls").
				WithHint("to page the log, send cursor", "stop")
		}
		return reads.read(ctx, c, q)
	}
	return []httpapi.Endpoint{
		httpapi.Handle(api.GetActivity, activity),
		httpapi.Handle(api.Ack, ack(env.Delivery)),
		httpapi.Handle(api.RecordDelegation, recorded.record),
		httpapi.Handle(api.UpdateDelegation, recorded.update),
		httpapi.Handle(api.Report, report(env.Activity)),
		httpapi.Handle(api.Notify, notify(env.Activity)),
	}
}
