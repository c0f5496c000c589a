package main

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// maxPages bounds how much of the fleet one call reads through when a filter
// lets little pass; the cursor goes on from there.
const maxPages = 20

func fleet(reg *registry.Registry) func(context.Context, httpapi.Call, api.ListWorkspacesRequest) (api.Fleet, error) {
	return func(ctx context.Context, c httpapi.Call, in api.ListWorkspacesRequest) (api.Fleet, error) {
		cursor, err := c.ReadCursor(in.Cursor)
		if err != nil {
			return api.Fleet{}, err
		}
		wanted := wantedBy(c.Caller.Team, in.Status)
		out := api.Fleet{Workspaces: []api.Workspace{}}
		if in.IDs != "" {
			page, err := readNamed(ctx, reg, c.Now, in.IDs, wanted)
			for _, f := range page.facts {
				out.Workspaces = append(out.Workspaces, page.view.As(c.Caller).Workspace(f, page.profiles[f.ID]))
			}
			return out, err
		}
		size := 0
		for range maxPages {
			page, err := readPage(ctx, reg, c.Now, cursor, in.Limit-len(out.Workspaces), wanted)
			if err != nil {
				return api.Fleet{}, err
			}
			for i, f := range page.facts {
				v := page.view.As(c.Caller).Workspace(f, page.profiles[f.ID])
				if size += chat.EncodedSize(v); size > chat.MaxReply && len(out.Workspaces) > 0 {
					out.Next = c.NextCursor(before(page.facts, i, cursor))
					return out, nil
				}
				out.Workspaces = append(out.Workspaces, v)
			}
			if cursor = page.next; cursor == "" || len(out.Workspaces) >= in.Limit {
				break
			}
		}
		out.Next = c.NextCursor(cursor)
		return out, nil
	}
}

// wantedBy picks the workspaces of a status, "" for all but those that were removed. A person who is bound to a team
// sees no other's.
func wantedBy(team string, asked workspace.Status) func(workspace.Facts, workspace.Status) bool {
	return func(f workspace.Facts, status workspace.Status) bool {
		if team != "" && f.Team != team {
			return false
		}
		return status == asked || (asked == "" && status != workspace.StatusRemoved)
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

// page is what is wanted of a part of the fleet, with the profiles.
type page struct {
	facts    []workspace.Facts
	profiles map[string]workspace.Profile
	view     httpapi.Viewer
	next     string
}

// readPage reads a part of the fleet, of at most limit workspaces, and of those that are wanted the
// profiles.
func readPage(
	ctx context.Context, reg *registry.Registry, now time.Time, cursor string, limit int,
	wanted func(workspace.Facts, workspace.Status) bool,
) (out page, err error) {
	facts, next, err := reg.Leases.Page(ctx, cursor, limit)
	if err != nil {
		return page{}, err
	}
	out, err = describe(ctx, reg, now, facts, wanted)
	out.next = next
	return out, err
}

// readNamed reads the workspaces that a list names. Errors: invalid_request, invalid_workspace_id.
func readNamed(
	ctx context.Context, reg *registry.Registry, now time.Time, list string,
	wanted func(workspace.Facts, workspace.Status) bool,
) (page, error) {
	ids := strings.Split(list, ",")
	if len(ids) > api.MaxIDs {
		return page{}, fault.New(fault.InvalidRequest, "ids names at most %d workspaces", api.MaxIDs).
			WithHint("ask for the others in another call", "stop")
	}
	facts, err := reg.ReadEach(ctx, ids)
	if err != nil {
		return page{}, err
	}
	return describe(ctx, reg, now, facts, wanted)
}

// describe makes a page of those workspaces that are wanted.
func describe(
	ctx context.Context, reg *registry.Registry, now time.Time, facts []workspace.Facts,
	wanted func(workspace.Facts, workspace.Status) bool,
) (out page, err error) {
	out.facts = facts
	out.view = httpapi.ViewerOf(ctx, reg, now, out.facts...)
	out.facts = slices.DeleteFunc(out.facts, func(f workspace.Facts) bool { return !wanted(f, out.view.Status(f)) })
	ids := make([]string, 0, len(out.facts))
	for _, f := range out.facts {
		ids = append(ids, f.ID)
	}
	out.profiles, err = reg.Profiles.Profiles(ctx, ids...)
	return out, err
}
