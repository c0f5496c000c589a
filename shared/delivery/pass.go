package delivery

import (
	"cmp"
	"context"
	"encoding/json"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/waiting"
	"github.com/rollcall/rollcall/shared/workspace"
)

// passPatience is how long an agent may take to answer a call about a task.
const passPatience = 10 * time.Second

// Passed is the answer to a call that was passed to an agent.
type Passed struct {
	Answer  json.RawMessage // a result or an error of JSON-RPC, as it came
	Mode    workspace.Delivery
	Verdict workspace.Verdict
	Facts   workspace.Facts
}

// Pass passes a call about a task (chat.TaskMethod) to an agent that is pushed to, and
// returns its answer. Nothing of it is kept, and nothing that comes back counts for or
// against the agent. The caller waits in its place, and in no more calls at one agent than there may be pushes to it.
// Errors: workspace_unknown,
// workspace_removed, not_pushed, agent_unreachable, too_many_waits, platform_unavailable.
func (d *Delivery) Pass(
	ctx context.Context, call chat.Message, place *waiting.Place, now time.Time,
) (Passed, error) {
	f, err := d.Registry.Read(ctx, call.Workspace)
	if err != nil {
		return Passed{}, err
	}
	p := d.Registry.Policy
	out := Passed{Verdict: d.Registry.Assess(ctx, f, now), Mode: workspace.EffectiveMode(f, p, now), Facts: f}
	switch {
	case out.Mode.Effective != workspace.Push:
		return out, fault.New(fault.NotPushed, "this agent polls for its mail: a call about a task can't be passed to it").
			WithHint("ask it with a message (message/send)", "stop")
	case !f.Deliverable(p, now):
		return out, out.unreachable(out.Verdict.ForSenders(), "the agent can't be asked: its workspace is %s (%s)",
			out.Verdict.Status, out.Verdict.Reason)
	}
	agent, err := d.Registry.Profiles.Profile(ctx, f.ID)
	if err != nil {
		return out, err
	}
	if err := place.Take(ctx); err != nil {
		return out, err
	}
	defer place.GiveBack(ctx)
	there := place.At(f.ID, f.MostPushes())
	if err := there.Take(ctx); err != nil {
		return out, err
	}
	defer there.GiveBack(ctx)
	ctx, cancel := context.WithTimeout(ctx, passPatience)
	defer cancel()
	r := d.Agents.Push(ctx, d.target(agent), call)
	switch {
	case r.RPCError != nil:
		out.Answer = r.RPCError
	case r.Handover == Taken && r.Answer != nil:
		out.Answer = r.Answer
	default:
		why := cmp.Or(map[Handover]string{Busy: "it is busy"}[r.Handover], "it gave no answer")
		return out, out.unreachable("try again later; the task itself goes on", "the agent did not answer the call: %s", why)
	}
	return out, nil
}

// unreachable is the refusal of a call that can't be answered, with the verdict on its workspace.
func (p Passed) unreachable(hint, format string, args ...any) error {
	e := fault.New(fault.AgentUnreachable, format, args...).WithHint(hint, "retry")
	e.Details = fault.Details{WorkspaceStatus: string(p.Verdict.Status), WorkspaceReason: string(p.Verdict.Reason)}
	return e
}
