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
// filter lets little pass. It reads no more pages when it has read enough (activity.MaxRead).
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

// read gives a page of the rows that a call asks for, newest first, and where to go
// on; the workspace itself and people may.
func (l log) read(ctx context.Context, c httpapi.Call, q query) (out api.Activity, err error) {
	below, err := c.ReadCursor(q.page)
	if err != nil {
		return out, err
	}
	var f workspace.Facts
	if c.Caller.Person != "" {
		f, err = l.registry.Read(ctx, q.workspace)
	} else {
		f, err = l.registry.AuthenticateCall(ctx, q.workspace, c.Bearer(), c.From(), c.Now)
	}
	if err != nil {
		return out, err
	}
	items, next, err := l.items(ctx, f.Life(), q, below)
	if err != nil {
		return out, err
	}
	var ms []chat.Message
	var rows []activity.Row
	for _, i := range items {
		if i.Message != nil {
			ms = append(ms, *i.Message)
		} else {
			rows = append(rows, *i.Row)
		}
	}
	if rows, err = l.activity.WholeRows(ctx, rows); err != nil {
		return out, err
	}
	if ms, err = l.ledger.Texts(ctx, chat.Bodies|chat.Answers, ms); err != nil {
		return out, err
	}
	senders, err := sendersOf(ctx, l.registry, ms)
	if err != nil {
		return out, err
	}
	out.Rows, out.Next = make([]api.ActivityRow, 0, len(items)), c.NextCursor(next)
	for _, i := range items {
		if i.Message != nil {
			out.Rows, ms = append(out.Rows, q.messageRow(c, ms[0], senders)), ms[1:]
		} else {
			out.Rows, rows = append(out.Rows, loggedRow(rows[0])), rows[1:]
		}
	}
	return out, nil
}

// items are the log's items below a place that a call asks for, as many as fit into a
// reply, and where to go on; next is "" at the end. Few may be found in what one call
// reads through, or none: the next one goes on from there.
func (l log) items(
	ctx context.Context, life workspace.Life, q query, below string,
) (kept []activity.Item, next string, err error) {
	r := activity.Range{
		Since: q.since, Before: q.before, Below: below, Limit: pageSize, Messages: q.kind == typeReceive,
	}
	size, read := 0, 0
	for pages := 0; pages < maxPages && read < activity.MaxRead; pages++ {
		page, err := l.activity.ActivityLog(ctx, life, r)
		if err != nil {
			return nil, "", err
		}
		for _, i := range page {
			read += i.Bytes
			if q.wants(i) {
				if size += q.itemSize(i); size > chat.MaxReply && len(kept) > 0 {
					return kept, r.Below, nil
				}
				kept = append(kept, i)
			}
			if r.Below = i.OrderKey; len(kept) == q.limit {
				return kept, r.Below, nil
			}
		}
		if len(page) < pageSize {
			return kept, "", nil
		}
	}
	return kept, r.Below, nil
}

// itemSize is at least as many bytes as an item's row takes in a reply.
func (q query) itemSize(i activity.Item) int {
	if i.Message != nil && q.peerInfo {
		return chat.RowSize(*i.Message) + maxPeerInfo
	}
	if i.Message != nil {
		return chat.RowSize(*i.Message)
	}
	return chat.EncodedSize(loggedRow(*i.Row)) + i.Row.Apart.Row
}
