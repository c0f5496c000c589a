package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delegation"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/waiting"
	"github.com/rollcall/rollcall/shared/workspace"
)

func send(
	del *delivery.Delivery, delegations *delegation.Service, waits waiting.Places,
) func(context.Context, httpapi.Call, api.SendRequest) (api.Accepted, error) {
	return func(ctx context.Context, c httpapi.Call, in api.SendRequest) (api.Accepted, error) {
		call, left, isTaskCall, err := taskCall(c)
		var reply api.Accepted
		switch {
		case isTaskCall && err == nil:
			call.Workspace, call.Source = in.ID, c.Caller.Workspace
			var peers context.Context
			if peers, err = amongPeers(ctx, del, c, in.ID); err == nil {
				reply, err = pass(peers, delegations, call, c, waits.For(c.Waiter()))
			}
		case !isTaskCall && err == nil:
			var m chat.Message
			if m, left, err = parse(c, del.Policy); err == nil {
				m.Workspace = in.ID
				reply, err = sendMessage(ctx, del, c, m, waits.For(c.Waiter()))
			}
		}
		if len(left.Ignored) > 0 {
			return httpapi.Told(reply, left, err)
		}
		return reply, err
	}
}

// sendMessage sends a message that was read.
func sendMessage(
	ctx context.Context, del *delivery.Delivery, c httpapi.Call, m chat.Message, place *waiting.Place,
) (reply api.Accepted, err error) {
	if m.Callback != "" {
		if err := checkCallback(del.Registry.Guard, m.Callback); err != nil {
			return reply, err
		}
	}
	m.Source = c.Caller.Workspace
	if ctx, err = amongPeers(ctx, del, c, m.Workspace); err != nil {
		return reply, err
	}
	if m.SourceLife = c.Caller.Lives; c.Caller.Person != "" {
		m.SentBy, m.SentFrom = c.Caller.Person, c.From()
	}
	asks := m.Source != "" && !chat.Replies(m.Body)
	var out delivery.Accepted
	if asks {
		out, err = del.Ask(ctx, m, delivery.Asker{Place: place, Still: c.StillAdmitted}, c.Now)
	} else {
		out, err = del.Enqueue(ctx, m, c.Now)
	}
	if err != nil {
		return reply, err
	}
	reply = accepted(c, out)
	if asks {
		answer(&reply, out)
	}
	return reply, nil
}

// checkCallback refuses a callback URL that may not be called. Error: url_forbidden.
func checkCallback(guard registry.URLGuard, raw string) error {
	why := guard.Objection(raw)
	if why == "" {
		return nil
	}
	return fault.New(fault.URLForbidden, "params.callback_url can't be used: %s", why).
		WithHint("give an http(s) URL of yours that the platform reaches, or none, and read the receipt", "stop")
}

// amongPeers is the context of what a workspace's call does to another one: it keeps to their team, where peers are
// those of a team. Errors: those of Registry.AmongPeers.
func amongPeers(ctx context.Context, del *delivery.Delivery, c httpapi.Call, id string) (context.Context, error) {
	if from := c.Caller.Workspace; from == "" || from == id { // the user, a person or itself
		return ctx, nil
	}
	return del.Registry.AmongPeers(ctx, c.Caller.Team, id)
}

// rpcInternal is JSON-RPC's code of an internal error.
const rpcInternal = -32603

// answer makes of the acceptance of a message the answer to it, if it is answered. It
// is no longer queued then: a client that reads so would go on waiting.
func answer(reply *api.Accepted, out delivery.Accepted) {
	m := out.Message.At(out.At)
	switch {
	case m.State == chat.Delivered && len(m.Answer) > 0:
		reply.Result = chat.Result(m.Answer)
	case !m.State.Open() && m.State != chat.Delivered && out.First:
		reply.Error = &api.RPCError{Code: rpcInternal, Message: m.Reason}
	default:
		return
	}
	reply.Queued, reply.Status = false, ""
	reply.JSONRPC, reply.ID, reply.Message = "2.0", chat.CallID(m.Body), string(m.State)+": "+m.Reason
}

func accepted(c httpapi.Call, out delivery.Accepted) api.Accepted {
	m, now := out.Message, out.At
	reply := api.Accepted{
		DeliveryMode: out.Mode.Effective, Method: m.Method, QueueID: m.ID, MessageID: m.ID,
		Receipt: httpapi.ReceiptPath(m.Workspace, m.ID), State: m.At(now).State, Duplicate: !out.First,
		Expected: out.Expected, QueueDepth: out.Depth,
		OldestAge: httpapi.InboxOf(out.Facts, now).OldestAgeSeconds, LastPollAt: out.Facts.PolledAt,
		WSStatus: out.Verdict.Status, WSReason: out.Verdict.Reason, Hint: hint(c.Caller, out),
		Message: expectation(out),
	}
	if out.Mode.Effective == workspace.Poll {
		reply.Status = "queued"
	} else {
		reply.Queued = true
	}
	return reply
}

// hint says why the message waits. The verdict's own hint is for a person who may operate: it names addresses, errors
// and words of others. Anybody else reads a sentence that names none.
func hint(who httpapi.Caller, out delivery.Accepted) string {
	switch {
	case !out.First && out.Expected == "": // it has ended, and waits for nothing
		return ""
	case out.NoPlace && out.First && out.Expected == workspace.ExpectNow:
		return fmt.Sprintf("%d calls of yours wait for an answer already: this answer comes as a message", waiting.Most)
	case who.Operates() && out.Verdict.Hint != "":
		return out.Verdict.Hint
	case out.Why == "" && out.Verdict.Hint != "":
		return out.Verdict.ForSenders()
	}
	return out.Why
}

// expectations are what will happen to a message that waits, in words.
var expectations = map[workspace.Expectation]string{
	workspace.ExpectNow:      "accepted; it is being delivered now",
	workspace.ExpectNextPoll: "accepted; the agent gets it with its next poll",
	workspace.ExpectWhenIdle: "accepted; the agent gets it in its turn, when it is free, until %s",
	workspace.ExpectRetrying: "accepted and kept; it is tried until %s",
	workspace.ExpectNobody:   "accepted and kept until %s, but nobody is listening",
}

// expectation is what will happen to a message, in words: of one that was accepted
// before and has ended, what became of it.
func expectation(out delivery.Accepted) string {
	m := out.Message.At(out.At)
	switch {
	case !m.State.Open() && out.First:
		return string(m.State) + ": " + m.Reason
	case !m.State.Open():
		return "this messageId was accepted before; that message is " + string(m.State) + ": " + m.Reason
	}
	text := "accepted and kept until %s"
	if out.Verdict.Reason != workspace.ReasonPaused {
		text = expectations[out.Expected]
	}
	text = strings.ReplaceAll(text, "%s", m.ExpiresAt.UTC().Format(time.RFC3339))
	if out.Why != "" {
		text += ": " + out.Why
	}
	return text
}
