package main

import (
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/httpapi"
)

func endpoints(env *app.Env) []httpapi.Endpoint {
	receipts := receipts{env.Delivery}
	trail := trail{env.Activity}
	return []httpapi.Endpoint{
		httpapi.Handle(api.GetHealth, health(env.Registry)),
		httpapi.Handle(api.GetOldHealth, health(env.Registry)),
		httpapi.Handle(api.GetConsole, console),
		httpapi.Handle(api.GetConsoleFile, consoleFile),
		httpapi.Handle(api.GetDocs, docs),
		httpapi.Handle(api.GetDocument, document),
		httpapi.Handle(api.ListWorkspaces, fleet(env.Registry)),
		httpapi.Handle(api.GetWorkspace, oneWorkspace(env.Registry)),
		httpapi.Handle(api.GetState, state(env.Registry)),
		httpapi.Handle(api.Explain, explain(env.Registry)),
		httpapi.Handle(api.ListMessages, receipts.list),
		httpapi.Handle(api.GetMessage, receipts.one),
		httpapi.Handle(api.GetQueueStatus, receipts.queueStatus),
		httpapi.Handle(api.ListDelegations, delegations(env.Delegations)),
		httpapi.Handle(api.GetHistory, history(env.Registry, trail)),
		httpapi.Handle(api.GetAudit, audit(trail)),
		httpapi.Handle(api.GetEvents, events(env.StatusLog, env.Waits)),
		httpapi.Handle(api.Discover, discover(env.Registry)),
		httpapi.Handle(api.ListPeers, peers(env.Registry)),
		httpapi.Handle(api.WhoAmI, whoami),
		httpapi.Handle(api.InspectCredential, inspectCredential(env.Registry)),
		httpapi.Handle(api.NotFound, notFound),
	}
}
