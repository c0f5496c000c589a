package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
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
		if pushedNow(ws) {
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

// pushedNow reports whether mail of a workspace is pushed to its URL now.
func pushedNow(ws api.Workspace) bool {
	called := ws.Status == workspace.StatusOnline || ws.Status == workspace.StatusDegraded
	return called && ws.URL != "" && ws.Delivery.Effective == workspace.Push
}

// tellSameURLs ends a report over a fleet with sameURLs.
func tellSameURLs(w *printer, fleet []api.Workspace) {
	for _, sentence := range sameURLs(fleet) {
		w.lines(sentence)
	}
}

// sameURLAs is the sentence of sameURLs about a workspace; "": no other one of the fleet has its URL.
func sameURLAs(id string, fleet []api.Workspace) string {
	i := slices.IndexFunc(fleet, func(ws api.Workspace) bool { return ws.ID == id })
	if i < 0 || !pushedNow(fleet[i]) {
		return ""
	}
	same := slices.DeleteFunc(slices.Clone(fleet), func(ws api.Workspace) bool { return ws.URL != fleet[i].URL })
	if sentences := sameURLs(same); len(sentences) > 0 {
		return sentences[0]
	}
	return ""
}

// firstPage is the fleet, for what is told beside something else: one call, and nothing of a fleet that has more than
// a page, or that may not be read.
func (a *app) firstPage(ctx context.Context) []api.Workspace {
	var p page
	err := a.call(ctx, http.MethodGet, fmt.Sprintf("/workspaces?limit=%d", maxPage), nil, &p)
	if err != nil || p.Next != nil {
		return nil
	}
	return p.Workspaces
}
