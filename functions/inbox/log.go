package main

import (
	"context"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Reading the log: rows a page, and pages that one call reads through when a
// filter lets little pass.
const (
	pageSize = 50
	maxPages = 20
)

// log reads workspaces' activity.
type log struct {
	activity activity.Log
	ledger   delivery.Ledger
	registry *registry.Registry
}

// read gives the rows that a call asks for, newest first; the workspace itself
// and people may.
func (l log) read(ctx context.Context, c httpapi.Call, q query) (rows []api.ActivityRow, err error) {
	var f workspace.Facts
	if c.Caller.Person != "" {
		f, err = l.registry.Read(ctx, q.workspace)
	} else {
		f, err = l.registry.AuthenticateCall(ctx, q.workspace, c.Bearer(), c.From(), c.Now)
	}
	if err != nil {
		return nil, err
	}
	items, err := l.items(ctx, f.Life(), q)
	if err != nil {
		return nil, err
	}
	var ms []chat.Message
	for _, i := range items {
		if i.Message != nil {
			ms = append(ms, *i.Message)
		}
	}
	if ms, err = l.ledger.Texts(ctx, chat.Bodies|chat.Answers, ms); err != nil {
		return nil, err
	}
	senders, err := sendersOf(ctx, l.registry, ms)
	if err != nil {
		return nil, err
	}
	rows = make([]api.ActivityRow, 0, len(items))
	for _, i := range items {
		if i.Message != nil {
			rows, ms = append(rows, q.messageRow(c, ms[0], senders)), ms[1:]
		} else {
			rows = append(rows, loggedRow(*i.Row))
		}
	}
	return rows, nil
}

// items are the log's items that a call asks for, as many as fit into a reply.
func (l log) items(ctx context.Context, life workspace.Life, q query) ([]activity.Item, error) {
	var kept []activity.Item
	size := 0
	r := activity.Range{Since: q.since, Before: q.before, Limit: pageSize}
	full := false
	for range maxPages {
		page, err := l.activity.ActivityLog(ctx, life, r)
		if err != nil {
			return nil, err
		}
		for _, i := range page {
			if !q.wants(i) || full {
				continue
			}
			size += q.itemSize(i)
			if full = size > chat.MaxReply && len(kept) > 0; !full {
				kept = append(kept, i)
			}
		}
		if len(page) < pageSize || len(kept) >= q.limit || full {
			break
		}
		r.Below = page[len(page)-1].OrderKey
	}
	return kept[:min(len(kept), q.limit)], nil
}

// itemSize is at least as many bytes as an item's row takes in a reply.
func (q query) itemSize(i activity.Item) int {
	if i.Message != nil && q.peerInfo {
		return chat.RowSize(*i.Message) + maxPeerInfo
	}
	if i.Message != nil {
		return chat.RowSize(*i.Message)
	}
	return chat.EncodedSize(loggedRow(*i.Row))
}
