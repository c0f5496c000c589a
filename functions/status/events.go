package main

import (
	"context"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/statuslog"
)

// events are the fleet's changes of verdict after a number, in order: a canvas
// reads the fleet once, and then follows it. Without since it gives the newest.
func events(changes statuslog.Store) func(context.Context, httpapi.Call, api.EventsRequest) (api.Events, error) {
	return func(ctx context.Context, _ httpapi.Call, in api.EventsRequest) (api.Events, error) {
		since, err := startOf(ctx, changes, in)
		if err != nil {
			return api.Events{}, err
		}
		found, err := changes.Changes(ctx, since, in.Limit)
		if err != nil {
			return api.Events{}, err
		}
		if since > 0 {
			if err := goesOn(ctx, changes, since, found); err != nil {
				return api.Events{}, err
			}
		}
		out := api.Events{Events: make([]api.Change, 0, len(found)), Next: since}
		for _, c := range found {
			out.Events = append(out.Events, changeOf(c))
			out.Next = c.Seq
		}
		return out, nil
	}
}

// startOf is the number after which a call's changes begin.
func startOf(ctx context.Context, changes statuslog.Store, in api.EventsRequest) (int64, error) {
	if in.Since != nil {
		return *in.Since, nil
	}
	latest, err := changes.LatestChange(ctx)
	return max(0, latest-int64(in.Limit)), err
}

// goesOn refuses a number that the log doesn't go on from: what came right after
// it is no longer kept, or it is another log's. Who follows must not be left to
// believe that nothing happened. Error: cursor_gone.
func goesOn(ctx context.Context, changes statuslog.Store, since int64, found []statuslog.Change) error {
	gone := len(found) > 0 && found[0].Seq != since+1
	if len(found) == 0 {
		latest, err := changes.LatestChange(ctx)
		if err != nil {
			return err
		}
		gone = since != latest
	}
	if !gone {
		return nil
	}
	return fault.New(fault.CursorGone, "the log does not go on from %d", since).
		WithHint("read the fleet anew (GET /workspaces), then follow from GET /events without since", "drop_cursor")
}

func changeOf(c statuslog.Change) api.Change {
	out := api.Change{
		Seq: c.Seq, WorkspaceSeq: c.WorkspaceSeq, Workspace: c.Workspace, Life: c.Life, At: c.At, To: standing(c.To),
		Since: c.Since, Hint: c.Hint, Action: c.Action, Evidence: httpapi.EvidenceOf(c.Evidence),
	}
	if c.From != nil {
		from := standing(*c.From)
		out.From = &from
	}
	return out
}

func standing(s statuslog.StatusReason) api.Standing {
	return api.Standing{Status: s.Status, Reason: s.Reason}
}
