package main

import (
	"context"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// maxPeers bounds the peers one workspace is shown, and peersPage is how many
// are read at a time.
const (
	maxPeers  = 200
	peersPage = 100
)

// peers lists the other workspaces of the fleet, or of the team: there is no
// hierarchy, and each workspace may talk to each of its peers. Peers behind the
// workspaces that one call reads are not shown, and are found by their id.
func peers(reg *registry.Registry) func(context.Context, httpapi.Call, api.WorkspacePath) ([]api.Peer, error) {
	return func(ctx context.Context, c httpapi.Call, in api.WorkspacePath) ([]api.Peer, error) {
		isPeer := func(f workspace.Facts, status workspace.Status) bool {
			return f.ID != in.ID && status != workspace.StatusRemoved && reg.Policy.ArePeers(c.Caller.Team, f.Team)
		}
		out := []api.Peer{}
		size := 0
		cursor := ""
		for range maxPages { // a team's members may be few, and behind many others
			page, err := readPage(ctx, reg, c.Now, cursor, peersPage, isPeer)
			if err != nil {
				return nil, err
			}
			for _, f := range page.facts[:min(len(page.facts), maxPeers-len(out))] {
				peer := page.view.Peer(f, page.profiles[f.ID])
				if size += chat.EncodedSize(peer); size > chat.MaxReply && len(out) > 0 {
					return out, nil
				}
				out = append(out, peer)
			}
			if cursor = page.next; cursor == "" || len(out) >= maxPeers {
				break
			}
		}
		return out, nil
	}
}

// discover is one peer. A removed workspace is none, nor is one of another team.
func discover(reg *registry.Registry) func(context.Context, httpapi.Call, api.DiscoverRequest) (api.Peer, error) {
	return func(ctx context.Context, c httpapi.Call, in api.DiscoverRequest) (api.Peer, error) {
		f, err := reg.Read(ctx, in.ID)
		stranger := c.Caller.Workspace != "" && !reg.Policy.ArePeers(c.Caller.Team, f.Team)
		if fault.CodeOf(err) == fault.WorkspaceRemoved || (err == nil && stranger) {
			err = workspace.UnknownError()
		}
		if err != nil {
			return api.Peer{}, err
		}
		p, err := reg.ShownProfile(ctx, in.ID)
		if err != nil {
			return api.Peer{}, err
		}
		return httpapi.ViewerOf(ctx, reg, c.Now, f).Peer(f, p), nil
	}
}
