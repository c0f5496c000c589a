package main

import (
	"context"
	"time"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/statuslog"
)

// events are the fleet's changes of verdict after a number, in order: a canvas
// reads the fleet once, and then follows it. Without since it gives the newest.
func events(changes *statuslog.Log) func(context.Context, httpapi.Call, api.EventsRequest) (api.Events, error) {
	return func(ctx context.Context, _ httpapi.Call, in api.EventsRequest) (api.Events, error) {
		since, err := startOf(ctx, changes, in)
		if err != nil {
			return api.Events{}, err
		}
		found, err := changes.Follow(ctx, since, in.Limit, time.Duration(in.Wait)*time.Second)
		if err != nil {
			return api.Events{}, err
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

func changeOf(c statuslog.Change) api.Change {
	out := api.Change{
		Seq: c.Seq, WorkspaceSeq: c.WorkspaceSeq, Workspace: c.Workspace, Life: c.Life, At: c.At, To: standing(c.To),
		Since: c.Since, Hint: c.Hint, Action: c.Action, Evidence: httpapi.EvidenceOf(c.Evidence),
		LeftOut: c.LeftOut,
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
