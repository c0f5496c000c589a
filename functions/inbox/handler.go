package main

import (
	"context"
	"strconv"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

func endpoints(env *app.Env) map[string]httpapi.Endpoint {
	return map[string]httpapi.Endpoint{
		"GET /workspaces/{id}/activity":  pollOrLog(env),
		"POST /workspaces/{id}/activity": report(env.Registry, env.Activity),
		"POST /workspaces/{id}/notify":   notify(env.Registry, env.Activity),
	}
}

// query is what an activity call asks for (wire contract, section 2.4).
type query struct {
	kind   string // activity_type, "" for all
	source string // "canvas", "agent" or ""
	peer   string
	cursor string
	epoch  int64
	limit  int
	capped bool // a limit was given
	since  time.Time
	before time.Time
}

// maxWindow caps since_secs, in seconds (section 2.4).
const maxWindow = 30 * 24 * 3600

func parse(r httpapi.Request) (query, error) {
	p := r.QueryStringParameters
	q := query{kind: p["type"], source: p["source"], peer: p["peer_id"], cursor: p["since_id"]}
	_, q.capped = p["limit"]
	var err error
	if q.limit, err = r.IntQuery("limit", 100, 1, 500); err != nil {
		return q, err
	}
	if s, said := p["epoch"]; said {
		if q.epoch, err = strconv.ParseInt(s, 10, 64); err != nil || q.epoch < 1 {
			return q, fault.New(fault.InvalidRequest, "epoch must be the one that register answered with")
		}
	}
	if _, windowed := p["since_secs"]; windowed {
		secs, err := r.IntQuery("since_secs", 1, 1, maxWindow)
		if err != nil {
			return q, err
		}
		q.since = r.Now.Add(-time.Duration(secs) * time.Second)
	}
	if q.source != "" && q.source != "canvas" && q.source != "agent" {
		return q, fault.New(fault.InvalidRequest, "source must be canvas or agent")
	}
	if q.peer != "" && workspace.CheckID(q.peer) != nil {
		return q, fault.New(fault.InvalidRequest, "peer_id must be a workspace id")
	}
	if s := p["before_ts"]; s != "" {
		if q.before, err = time.Parse(time.RFC3339, s); err != nil {
			return q, fault.New(fault.InvalidRequest, "before_ts must be an RFC 3339 time")
		}
	}
	if q.cursor != "" && !q.inbox() {
		return q, fault.New(fault.InvalidRequest, "since_id goes with type=a2a_receive and no other filter").WithHint("page other rows with before_ts", "stop")
	}
	return q, nil
}

// inbox tells a poll for mail from a look at the log.
func (q query) inbox() bool {
	return q.kind == typeReceive && q.source == "" && q.peer == "" && q.before.IsZero()
}

// oldestFirst where a cursor or an explicit limit is given: the clients that
// send neither reverse what they get (section 2.4).
func (q query) oldestFirst() bool { return q.cursor != "" || q.capped }

// pollOrLog is the agent's poll for mail, and the log of what was. A poll hands
// out what is still to be acknowledged, whatever window it names: mail that
// waited longer than a client's first window would else starve.
func pollOrLog(env *app.Env) httpapi.Endpoint {
	return func(ctx context.Context, r httpapi.Request) (httpapi.Reply, error) {
		if err := workspace.CheckID(r.ID()); err != nil {
			return httpapi.Reply{}, err
		}
		q, err := parse(r)
		if err != nil {
			return httpapi.Reply{}, err
		}
		operator := token.Digest(r.Bearer()).Matches(env.Operator)
		if !q.inbox() || operator {
			return history(ctx, env, r, q, operator)
		}
		out, err := env.Delivery.Poll(ctx, delivery.PollRequest{
			Workspace: r.ID(), Credential: r.Bearer(), From: r.From(), Cursor: q.cursor, Epoch: q.epoch, Limit: q.limit, Newest: !q.oldestFirst(),
		}, r.Now)
		if err != nil {
			return httpapi.Reply{}, err
		}
		peers, err := profiles(ctx, env.Registry, out.Messages)
		if err != nil {
			return httpapi.Reply{}, err
		}
		rows := make([]row, 0, len(out.Messages))
		for _, m := range out.Messages {
			rows = append(rows, ofMessage(m, peers))
		}
		return httpapi.OK(rows)
	}
}

// profiles are those of the workspaces that sent messages; no call when none did.
func profiles(ctx context.Context, reg *registry.Registry, ms []chat.Message) (map[string]workspace.Profile, error) {
	sources := map[string]bool{}
	var ids []string
	for _, m := range ms {
		if m.Source != "" && !sources[m.Source] {
			sources[m.Source] = true
			ids = append(ids, m.Source)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return reg.Profiles.Profiles(ctx, ids...)
}

// Reading the log: rows a page, and pages that one call reads through when a
// filter lets little pass.
const (
	pageSize = 50
	maxPages = 20
)

// history reads the log, newest first; the workspace itself and the operator may.
func history(ctx context.Context, env *app.Env, r httpapi.Request, q query, operator bool) (httpapi.Reply, error) {
	var err error
	if operator {
		_, err = env.Registry.Read(ctx, r.ID())
	} else {
		_, err = env.Registry.AuthenticateCall(ctx, r.ID(), r.Bearer(), r.From(), r.Now)
	}
	if err != nil {
		return httpapi.Reply{}, err
	}
	var kept []activity.Item
	size := 0
	w := activity.Range{Since: q.since, Before: q.before, Limit: pageSize}
	for range maxPages {
		page, err := env.Activity.ActivityLog(ctx, r.ID(), w)
		if err != nil {
			return httpapi.Reply{}, err
		}
		for _, rec := range page {
			if q.wants(rec) && size <= delivery.MaxBytes {
				kept = append(kept, rec)
				size += rec.Size()
			}
		}
		if len(page) < pageSize || len(kept) >= q.limit || size > delivery.MaxBytes {
			break
		}
		w.Below = page[len(page)-1].OrderKey
	}
	kept = kept[:min(len(kept), q.limit)]
	var ms []chat.Message
	for _, rec := range kept {
		if rec.Message != nil {
			ms = append(ms, *rec.Message)
		}
	}
	peers, err := profiles(ctx, env.Registry, ms)
	if err != nil {
		return httpapi.Reply{}, err
	}
	rows := make([]row, 0, len(kept))
	for _, rec := range kept {
		if rec.Message != nil {
			rows = append(rows, ofMessage(*rec.Message, peers))
		} else {
			rows = append(rows, ofNote(*rec.Row))
		}
	}
	return httpapi.OK(rows)
}

// wants applies the filters. With a peer, a row is of the conversation with it:
// from it, or to it.
func (q query) wants(rec activity.Item) bool {
	kind, source, target := typeReceive, "", ""
	if m := rec.Message; m != nil {
		if m.Probe {
			return false // it is no chat
		}
		source, target = m.Source, m.Workspace
	} else {
		kind, source, target = rec.Row.Type, rec.Row.SourceID, rec.Row.TargetID
	}
	switch {
	case q.kind != "" && q.kind != kind:
		return false
	case q.peer != "" && q.peer != source && q.peer != target:
		return false
	case q.source == "canvas":
		return source == ""
	case q.source == "agent":
		return source != ""
	}
	return true
}
