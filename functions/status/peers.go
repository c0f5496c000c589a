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

// peers lists the other workspaces of the fleet: there is no hierarchy, and each
// workspace may talk to each other one.
func peers(reg *registry.Registry) func(context.Context, httpapi.Call, api.WorkspacePath) ([]api.Peer, error) {
	return func(ctx context.Context, c httpapi.Call, in api.WorkspacePath) ([]api.Peer, error) {
		if _, err := reg.AuthenticateCall(ctx, in.ID, c.Bearer(), c.From(), c.Now); err != nil {
			return nil, err
		}
		isPeer := func(f workspace.Facts, status workspace.Status) bool {
			return f.ID != in.ID && status != workspace.StatusRemoved
		}
		out := []api.Peer{}
		size := 0
		for cursor := ""; len(out) < maxPeers; {
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
			if cursor = page.next; cursor == "" {
				break
			}
		}
		return out, nil
	}
}

// discover is one peer. A removed workspace is none.
func discover(callers httpapi.Callers) func(context.Context, httpapi.Call, api.DiscoverRequest) (api.Peer, error) {
	reg := callers.Registry
	return func(ctx context.Context, c httpapi.Call, in api.DiscoverRequest) (api.Peer, error) {
		if _, err := callers.Require(ctx, c, in.Claims); err != nil {
			return api.Peer{}, err
		}
		f, err := reg.Read(ctx, in.ID)
		if fault.CodeOf(err) == fault.WorkspaceRemoved {
			err = workspace.UnknownError()
		}
		if err != nil {
			return api.Peer{}, err
		}
		p, err := reg.Profiles.Profile(ctx, in.ID)
		if err != nil {
			return api.Peer{}, err
		}
		return httpapi.ViewerOf(ctx, reg, c.Now, f).Peer(f, p), nil
	}
}
