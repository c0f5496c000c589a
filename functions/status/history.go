package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/workspace"
)

// trail reads audit trails.
type trail struct {
	activity activity.Log
}

// read gives a page of a trail, newest first; only who may operate sees who did
// what.
func (t trail) read(ctx context.Context, c httpapi.Call, life workspace.Life, in api.Page) (api.History, error) {
	out := api.History{History: []api.HistoryEntry{}}
	below, err := c.ReadCursor(in.Cursor)
	if err != nil {
		return out, err
	}
	rows, err := t.activity.AuditTrail(ctx, life, below, in.Limit)
	if err != nil {
		return out, err
	}
	for _, r := range rows {
		if r.Type != activity.TypeStatus && !c.Caller.Operates() {
			continue
		}
		entry, err := entryOf(r)
		if err != nil {
			return out, err
		}
		out.History = append(out.History, entry)
	}
	if len(rows) == in.Limit {
		out.Next = c.NextCursor(rows[len(rows)-1].OrderKey())
	}
	return out, nil
}

// entryOf makes the view of a trail's row.
func entryOf(r activity.Row) (api.HistoryEntry, error) {
	out := api.HistoryEntry{
		At: r.At, Type: r.Type, Action: r.Method, Who: r.SourceID, From: r.From, Life: r.Life + 1, Summary: r.Summary,
	}
	if r.Type != activity.TypeStatus {
		return out, nil
	}
	var c statuslog.Change
	if err := json.Unmarshal(r.Request, &c); err != nil {
		return out, fmt.Errorf("history: row %s: %w", r.ID, err)
	}
	change := changeOf(c)
	out.Change = &change
	return out, nil
}

// history is a workspace's; that of a removed one can still be read.
func history(
	reg *registry.Registry, t trail,
) func(context.Context, httpapi.Call, api.HistoryRequest) (api.History, error) {
	return func(ctx context.Context, c httpapi.Call, in api.HistoryRequest) (api.History, error) {
		f, err := reg.Read(ctx, in.ID)
		if err != nil && fault.CodeOf(err) != fault.WorkspaceRemoved {
			return api.History{}, err
		}
		return t.read(ctx, c, f.Life(), in.Page)
	}
}
