package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// live is what is known of the fleet, and how it is kept true: the fleet is read once, and then its changes are
// followed by GET /events. What changed is read again, and what time alone changes when it is due.
type live struct {
	app    *app
	status string        // only those of it; "": all
	anew   time.Duration // after so long the whole fleet is read again, for what no change tells
	wait   time.Duration // for so long one read of the changes waits at most

	fleet  map[string]api.Workspace // nil: it is to be read whole
	next   int64                    // since which change the next read follows; noEvents: none may be read
	readAt time.Time                // when the fleet was read whole
	shown  []string                 // are on the screen, and read again each time
}

// noEvents is the next of who is bound to a team: the log of changes is the whole fleet's.
const noEvents = -1

const (
	fleetAnew   = 5 * time.Minute
	longestWait = 20 * time.Second // for a change
	// shortestWait is between two reads of those that are due.
	shortestWait = 5 * time.Second
	// manyChanges at once are read with the whole fleet.
	manyChanges = 4 * api.MaxIDs
	// smallFleet is how many workspaces are all looked after: of a larger fleet it is those that are not well. Whose
	// silence begins, the next sweep says.
	smallFleet = api.MaxIDs
)

// refresh waits until something may have changed, and reads that. At first it reads the whole fleet, and waits for
// nothing. After an error it goes on from where it was.
func (l *live) refresh(ctx context.Context) error {
	if l.fleet == nil || time.Since(l.readAt) >= l.anew {
		return l.readAll(ctx)
	}
	events, err := l.changes(ctx)
	if refused, ok := errors.AsType[*refusal](err); ok && refused.Code == string(fault.CursorGone) {
		return l.readAll(ctx)
	}
	if err != nil {
		return err
	}
	changed := map[string]bool{}
	for _, c := range events.Events {
		changed[c.Workspace] = true
	}
	if len(changed) > manyChanges || l.next == noEvents {
		return l.readAll(ctx)
	}
	for _, id := range slices.Concat(l.due(time.Now()), l.shown) {
		changed[id] = true
	}
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(changed)), api.MaxIDs) {
		if err := l.read(ctx, ids); err != nil {
			return err
		}
	}
	l.next = events.Next // not before: what could not be read is read again
	return nil
}

// readAll reads the fleet. The number of the newest change is read before, so that none is missed.
func (l *live) readAll(ctx context.Context) error {
	newest, err := l.app.eventsPage(ctx, "limit=1")
	if refused, ok := errors.AsType[*refusal](err); ok && refused.Code == string(fault.OtherTeam) {
		newest.Next, err = noEvents, nil
	}
	if err != nil {
		return err
	}
	fleet, err := l.app.fleet(ctx, l.status)
	if err != nil {
		return err
	}
	l.fleet, l.next, l.readAt = byID(fleet), newest.Next, time.Now()
	return nil
}

// changes waits for changes. Who may not read them waits for nothing but time.
func (l *live) changes(ctx context.Context) (api.Events, error) {
	wait := l.patience(time.Now())
	if l.next == noEvents || wait < time.Second {
		pause(ctx, wait)
	}
	if l.next == noEvents {
		return api.Events{}, ctx.Err()
	}
	return l.app.awaitEvents(ctx, fmt.Sprintf("limit=%d&since=%d", maxPage, l.next), wait)
}

// patience is how long to wait for a change: until a workspace is due, or the fleet is to be read anew.
func (l *live) patience(now time.Time) time.Duration {
	wait := longestWait
	for _, ws := range l.lookedAfter() {
		if !ws.RecheckAt.IsZero() {
			wait = min(wait, max(ws.RecheckAt.Sub(now), shortestWait))
		}
	}
	return min(wait, l.wait, l.anew)
}

// due are the workspaces whose verdict time alone has changed, as many as one call reads, worst first.
func (l *live) due(now time.Time) (ids []string) {
	for _, ws := range worstFirst(l.lookedAfter()) {
		if !ws.RecheckAt.IsZero() && !now.Before(ws.RecheckAt) && len(ids) < api.MaxIDs {
			ids = append(ids, ws.ID)
		}
	}
	return ids
}

// lookedAfter are the workspaces that are read again when time changes their verdict.
func (l *live) lookedAfter() (out []api.Workspace) {
	for _, ws := range l.fleet {
		if len(l.fleet) <= smallFleet || ws.Status != workspace.StatusOnline {
			out = append(out, ws)
		}
	}
	return out
}

// read reads some workspaces. Those that are not there any more, or have another status, are forgotten.
func (l *live) read(ctx context.Context, ids []string) error {
	var p page
	query := url.Values{"ids": {strings.Join(ids, ",")}}
	if l.status != "" {
		query.Set("status", l.status)
	}
	if err := l.app.call(ctx, http.MethodGet, "/workspaces?"+query.Encode(), nil, &p); err != nil {
		return err
	}
	for _, id := range ids {
		delete(l.fleet, id)
	}
	for _, ws := range p.Workspaces {
		l.fleet[ws.ID] = ws
	}
	return nil
}

// list is the fleet, worst first.
func (l *live) list() []api.Workspace { return worstFirst(slices.Collect(maps.Values(l.fleet))) }
