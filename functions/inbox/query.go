package main

import (
	"strings"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// query is what an activity call asks for (docs/wire-contract.md, section 2.4).
type query struct {
	workspace string
	kind      string // activity_type, "" for all
	source    string // "canvas", "agent" or ""
	peer      string
	cursor    string // of a poll: what it acknowledges
	page      string // of the log: the cursor of the page to give
	epoch     int64
	limit     int
	limited   bool // a limit was given
	peerInfo  bool // rows come with who sent them and what is attached
	since     time.Time
	before    time.Time
}

// defaultLimit is how many rows a call gets that names no limit.
const defaultLimit = 100

// parse checks a call's query. Error: invalid_request.
func parse(in api.ActivityRequest, now time.Time) (query, error) {
	q := query{
		workspace: in.ID, kind: in.Type, source: in.Source, peer: in.PeerID, cursor: in.SinceID, page: in.Cursor,
		limit: defaultLimit,
	}
	if in.Limit != nil {
		q.limit, q.limited = *in.Limit, true
	}
	q.epoch = in.Epoch
	for flag := range strings.SplitSeq(in.Include, ",") {
		q.peerInfo = q.peerInfo || strings.TrimSpace(flag) == "peer_info"
	}
	if in.SinceSecs != nil {
		q.since = now.Add(-time.Duration(*in.SinceSecs) * time.Second)
	}
	if q.peer != "" && workspace.CheckID(q.peer) != nil {
		return q, fault.New(fault.InvalidRequest, "peer_id must be a workspace id")
	}
	if in.BeforeTS != "" {
		var err error
		if q.before, err = time.Parse(time.RFC3339, in.BeforeTS); err != nil {
			return q, fault.New(fault.InvalidRequest, "before_ts must be an RFC 3339 time")
		}
	}
	if q.cursor != "" && !q.isPoll() {
		return q, fault.New(fault.InvalidRequest, "since_id is for polls: it goes with type=a2a_receive or no type, "+
			"and without source, peer_id, before_ts and cursor").
			WithHint("to page other rows, send cursor", "stop")
	}
	return q, nil
}

// isPoll reports whether the call, made with the workspace's own credential, is a
// poll for mail and not a look at the log. A client that names no type says by a
// cursor or a window that it polls (section 9.1).
func (q query) isPoll() bool {
	if q.source != "" || q.peer != "" || q.page != "" || !q.before.IsZero() {
		return false
	}
	return q.kind == typeReceive || (q.kind == "" && (q.cursor != "" || !q.since.IsZero()))
}

// oldestFirst reports whether a poll gives the oldest mail first: where there is a
// cursor, and where the client doesn't reverse what it gets. Those that reverse it
// name the type and no limit (section 2.4), or no type and include=peer_info
// (section 9.1).
func (q query) oldestFirst() bool {
	switch {
	case q.cursor != "":
		return true
	case q.kind == "":
		return !q.peerInfo
	}
	return q.limited
}

// wants applies the filters. With a peer, a row is of the conversation with it:
// from it, or to it.
func (q query) wants(item activity.Item) bool {
	kind, source, target := typeReceive, "", ""
	if m := item.Message; m != nil {
		if m.Probe {
			return false // it is no chat
		}
		source, target = m.Source, m.Workspace
	} else if item.Row == nil {
		return false
	} else {
		kind, source, target = item.Row.Type, sourceOf(*item.Row), item.Row.TargetID
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
