package main

import (
	"context"
	"time"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/waiting"
)

// events are the fleet's changes of verdict after a number, in order: a canvas
// reads the fleet once, and then follows it. Without since it gives the newest.
func events(
	changes *statuslog.Log, waits waiting.Places,
) func(context.Context, httpapi.Call, api.EventsRequest) (api.Events, error) {
	return func(ctx context.Context, c httpapi.Call, in api.EventsRequest) (api.Events, error) {
		found, since, err := newest(ctx, changes, in)
		if err == nil && len(found) == 0 {
			found, err = changes.Follow(ctx, since, in.Limit, time.Duration(in.Wait)*time.Second, waits.For(c.Waiter()))
		}
		if err == nil && in.Wait > 0 {
			err = c.StillAdmitted(ctx)
		}
		if err != nil {
			return api.Events{}, err
		}
		out := api.Events{Events: make([]api.Change, 0, len(found)), Next: since}
		for _, change := range found {
			out.Events = append(out.Events, changeOf(change))
			out.Next = change.Seq
		}
		return out, nil
	}
}

// newest are the newest changes, for a call without since, and the number to go on from.
func newest(ctx context.Context, changes *statuslog.Log, in api.EventsRequest) ([]statuslog.Change, int64, error) {
	if in.Since != nil {
		return nil, *in.Since, nil
	}
	return changes.Newest(ctx, in.Limit)
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
