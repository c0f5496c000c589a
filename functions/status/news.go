package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// line is one of a trail: a change of verdict, or what an operator did or a
// credential went through.
type line struct {
	At      time.Time       `json:"at"`
	Type    string          `json:"type"`
	Action  string          `json:"action"`
	Who     string          `json:"who"`
	From    string          `json:"from,omitempty"` // network address
	Summary string          `json:"summary"`
	Change  json.RawMessage `json:"change,omitempty"`
}

type trailReply struct {
	History []line  `json:"history"`
	Next    *string `json:"next"`
}

// trail reads a page of one, newest first; only the operator sees who did what.
func trail(ctx context.Context, env *app.Env, r httpapi.Request, id string) (trailReply, error) {
	out := trailReply{History: []line{}}
	limit, err := r.IntQuery("limit", 100, 1, 500)
	if err != nil {
		return out, err
	}
	below, err := base64.RawURLEncoding.DecodeString(r.QueryStringParameters["cursor"])
	if err != nil {
		return out, fault.New(fault.InvalidRequest, "cursor is not one this call gave")
	}
	operator := token.Digest(r.Bearer()).Matches(env.Operator)
	notes, err := env.Activity.AuditTrail(ctx, id, string(below), limit)
	if err != nil {
		return out, err
	}
	for _, n := range notes {
		if n.Type == activity.TypeStatus || operator {
			out.History = append(out.History, line{n.At, n.Type, n.Method, n.SourceID, n.From, n.Summary, n.Request})
		}
	}
	if len(notes) == limit {
		next := base64.RawURLEncoding.EncodeToString([]byte(notes[limit-1].OrderKey()))
		out.Next = &next
	}
	return out, nil
}

// history is a workspace's; that of a removed one can still be read.
func history(env *app.Env) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		if _, err := env.Registry.Read(ctx, r.ID()); err != nil && fault.CodeOf(err) != fault.WorkspaceRemoved {
			return httpapi.Reply{}, err
		}
		out, err := trail(ctx, env, r, r.ID())
		if err != nil {
			return httpapi.Reply{}, err
		}
		return httpapi.OK(out)
	}
}

// audit is the trail of what concerns no single workspace.
func audit(env *app.Env) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		if err := r.RequireOperator(env.Operator); err != nil {
			return httpapi.Reply{}, err
		}
		out, err := trail(ctx, env, r, activity.PlatformID)
		if err != nil {
			return httpapi.Reply{}, err
		}
		return httpapi.OK(out)
	}
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
	if gone {
		return fault.New(fault.CursorGone, "the log does not go on from %d", since).WithHint("read the fleet anew (GET /workspaces), then follow from GET /events without since", "drop_cursor")
	}
	return nil
}

// events are the fleet's changes of verdict after a number, in order: a canvas
// reads the fleet once, and then follows it. Without since it gives the newest.
func events(changes statuslog.Store) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		limit, err := r.IntQuery("limit", 100, 1, 500)
		if err != nil {
			return httpapi.Reply{}, err
		}
		var since int64
		if s, given := r.QueryStringParameters["since"]; given {
			if since, err = strconv.ParseInt(s, 10, 64); err != nil || since < 0 {
				return httpapi.Reply{}, fault.New(fault.InvalidRequest, "since must be the next of an earlier call, or 0")
			}
		} else {
			latest, err := changes.LatestChange(ctx)
			if err != nil {
				return httpapi.Reply{}, err
			}
			since = max(0, latest-int64(limit))
		}
		out := struct {
			Events []statuslog.Change `json:"events"`
			Next   int64              `json:"next"`
		}{[]statuslog.Change{}, since}
		found, err := changes.Changes(ctx, since, limit)
		if err != nil {
			return httpapi.Reply{}, err
		}
		if n := len(found); n > 0 {
			out.Events, out.Next = found, found[n-1].Seq
		}
		if since > 0 {
			if err := goesOn(ctx, changes, since, found); err != nil {
				return httpapi.Reply{}, err
			}
		}
		for i := range out.Events {
			if out.Events[i].Evidence == nil {
				out.Events[i].Evidence = []workspace.Evidence{}
			}
		}
		return httpapi.OK(out)
	}
}
