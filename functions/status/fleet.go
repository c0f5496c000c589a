package main

import (
	"context"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// maxPages bounds how much of the fleet one call reads through when a filter
// lets little pass; the cursor goes on from there.
const maxPages = 20

func fleet(reg *registry.Registry) func(context.Context, httpapi.Call, api.ListWorkspacesRequest) (api.Fleet, error) {
	return func(ctx context.Context, c httpapi.Call, in api.ListWorkspacesRequest) (api.Fleet, error) {
		cursor, err := readCursor(in.Cursor)
		if err != nil {
			return api.Fleet{}, err
		}
		if cursor != "" && workspace.CheckID(cursor) != nil {
			return api.Fleet{}, badCursor()
		}
		out := api.Fleet{Workspaces: []api.Workspace{}}
		size := 0
		for range maxPages {
			page, err := readPage(ctx, reg, cursor, in.Limit-len(out.Workspaces))
			if err != nil {
				return api.Fleet{}, err
			}
			view := httpapi.ViewerOf(ctx, reg, c.Now, page.facts...)
			for i, f := range page.facts {
				v := view.Workspace(f, page.profiles[f.ID])
				if (in.Status != "" || v.Status == workspace.StatusRemoved) && v.Status != in.Status {
					continue
				}
				if size += chat.EncodedSize(v); size > chat.MaxReply && len(out.Workspaces) > 0 {
					out.Next = nextCursor(before(page.facts, i, cursor))
					return out, nil
				}
				out.Workspaces = append(out.Workspaces, v)
			}
			if cursor = page.next; cursor == "" || len(out.Workspaces) >= in.Limit {
				break
			}
		}
		out.Next = nextCursor(cursor)
		return out, nil
	}
}

// before is the cursor at which the page goes on with its ith workspace; cursor is
// the one that it began at.
func before(facts []workspace.Facts, i int, cursor string) string {
	if i == 0 {
		return cursor
	}
	return facts[i-1].ID
}

// page is a part of the fleet, with the profiles.
type page struct {
	facts    []workspace.Facts
	profiles map[string]workspace.Profile
	next     string
}

func readPage(ctx context.Context, reg *registry.Registry, cursor string, limit int) (out page, err error) {
	if out.facts, out.next, err = reg.Leases.Page(ctx, cursor, limit); err != nil {
		return page{}, err
	}
	ids := make([]string, 0, len(out.facts))
	for _, f := range out.facts {
		ids = append(ids, f.ID)
	}
	out.profiles, err = reg.Profiles.Profiles(ctx, ids...)
	return out, err
}
