package main

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	"github.com/rollcall/rollcall/shared/api"
)

const (
	maxPage = 500     // the most rows that the platform returns at once
	noLimit = 1 << 30 // a limit that no list reaches
)

// page is one page of a list. Each endpoint fills one of the three lists.
type page struct {
	Workspaces []api.Workspace    `json:"workspaces"`
	History    []api.HistoryEntry `json:"history"`
	Messages   []api.Receipt      `json:"messages"`
	Next       *string            `json:"next"`
}

// pages reads a list page by page up to limit, and reports whether there is more. A list is newest first, and
// ends at its first row that keep refuses; nil keeps all.
// It asks for one row more than limit, because a full page has a next cursor even
// when it is the last.
func pages[T any](
	ctx context.Context, a *app, path string, query url.Values, limit int, rows func(page) []T,
	keep func(T) bool,
) (all []T, more bool, err error) {
	if limit < 1 {
		return nil, false, &outcome{exitUsage, "--limit must be at least 1"}
	}
	all = []T{}
	for {
		query.Set("limit", strconv.Itoa(min(maxPage, limit+1-len(all))))
		var p page
		if err := a.call(ctx, "GET", path+"?"+query.Encode(), nil, &p); err != nil {
			return nil, false, err
		}
		for _, row := range rows(p) {
			if keep != nil && !keep(row) {
				return all, false, nil
			}
			if len(all) == limit {
				return all, true, nil
			}
			all = append(all, row)
		}
		if p.Next == nil {
			return all, false, nil
		}
		query.Set("cursor", *p.Next)
	}
}

// moreLine ends a table that doesn't show every row.
func moreLine(w *printer, more bool, limit int) {
	if more {
		fmt.Fprintf(w, "there are more than %d: --limit %d shows up to %[2]d\n", limit, max(maxPage, 4*limit))
	}
}
