package main

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/workspace"
)

// sameURLs has a sentence for each URL that several workspaces of a fleet have their mail pushed to. One server may
// serve several agents, and so that is no problem. But a push does not name the workspace that it is for. A platform
// would have to read its whole fleet to tell it, and so it is told where all of it was read.
func sameURLs(fleet []api.Workspace) (out []string) {
	at := map[string][]string{}
	for _, ws := range fleet {
		called := ws.Status == workspace.StatusOnline || ws.Status == workspace.StatusDegraded
		if called && ws.URL != "" && ws.Delivery.Effective == workspace.Push {
			at[ws.URL] = append(at[ws.URL], ws.ID)
		}
	}
	type group struct {
		url string
		ids []string
	}
	var groups []group
	for url, ids := range at {
		if slices.Sort(ids); len(ids) > 1 {
			groups = append(groups, group{url, ids})
		}
	}
	slices.SortFunc(groups, func(a, b group) int { return cmp.Compare(a.ids[0], b.ids[0]) })
	for _, g := range groups {
		out = append(out, fmt.Sprintf("also: %d workspaces registered one URL, %s (%s): mail of each is pushed there, and "+
			"only its signature says whose it is. If that is not meant, register each agent with a URL of its own", len(g.ids),
			g.url, some(g.ids)))
	}
	return out
}

// tellSameURLs ends a report over a fleet with sameURLs.
func tellSameURLs(w *printer, fleet []api.Workspace) {
	for _, sentence := range sameURLs(fleet) {
		w.lines(sentence)
	}
}
