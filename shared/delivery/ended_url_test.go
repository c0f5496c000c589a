package delivery_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// ends are the ways in which an operator ends a credential and gives another one, which the agent goes on with by
// heartbeats.
var ends = map[string]func(w *world.World) (credential string){
	"repair, and show": func(w *world.World) string {
		out, err := w.Registry.Repair(w.T.Context(), registry.RepairInput{ID: world.ID, Show: true, Force: true}, w.Now)
		w.NoError(err)
		return out.AuthToken
	},
	"revoke, and repair": func(w *world.World) string {
		_, _, err := w.Registry.Revoke(w.T.Context(), world.ID, true, activity.Actor{Who: "operator"}, w.Now)
		w.NoError(err)
		out, err := w.Registry.Repair(w.T.Context(), registry.RepairInput{ID: world.ID, Show: true}, w.Now)
		w.NoError(err)
		return out.AuthToken
	},
	"adopt, and reset": func(w *world.World) string {
		out, err := w.Registry.Create(w.T.Context(), registry.CreateInput{
			ID: world.ID, Adopt: true, ResetCredentials: true, Force: true,
		}, w.Now)
		w.NoError(err)
		return out.AuthToken
	},
	"rotate": func(w *world.World) string {
		_, text, err := w.Registry.Rotate(w.T.Context(), registry.RotateInput{
			ID: world.ID, To: workspace.ToOperator,
		}, w.Now)
		w.NoError(err)
		return text
	},
}

// A thief with the agent's credential has registered a URL of its own. Once that credential has ended, nothing is
// pushed there, and the agent that registers is handed its mail at once, also while the thief holds a push.
func TestAURLThatEndedGetsNoMail(t *testing.T) {
	const thiefs, agents = "http://thief.example", "http://agent.example"
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			w := world.New(t, "", agents)
			register(w, "", thiefs)
			goesOn := func() {
				w.Now = w.Now.Add(time.Second)
				w.Token = end(w)
				w.Heartbeat(0) // it takes its credential from a file, and does not register
			}
			w.Send("held")
			w.Agent = func(chat.Message) delivery.PushResult {
				w.Agent = func(chat.Message) delivery.PushResult { return delivery.PushResult{} }
				goesOn()
				w.Send("sent since")
				w.DrainOnce()
				if want := []string{thiefs}; !slices.Equal(w.PushedURLs, want) {
					t.Errorf("pushed to %q before it registers", w.PushedURLs)
				}
				if f := w.Facts(); !f.MustRegister(workspace.Instance{}, w.Registry.Policy, w.Now) || f.Open != 2 {
					t.Errorf("%+v", f)
				}
				p, err := w.Store.Profile(t.Context(), world.ID)
				if w.NoError(err); p.URL != "" {
					t.Errorf("its URL is still %s", p.URL)
				}
				register(w, "", agents)
				w.DrainOnce()
				if want := []string{thiefs, agents, agents}; !slices.Equal(w.PushedURLs, want) {
					t.Errorf("pushed to %q, want %q", w.PushedURLs, want)
				}
				return delivery.PushResult{Handover: delivery.AgentError, Why: "the thief's"}
			}
			w.DrainOnce()
			if f := w.Facts(); f.Delivered != 2 || f.Open != 0 || f.PushFailures != 0 {
				t.Errorf("%+v", f)
			}
		})
	}
}

// A push that a thief holds when his credential ends is delivered again. Nobody is told to wait for it: not the
// operator who is to restart the agent, and not the sender of what comes after it.
func TestNobodyWaitsForAPushToAURLThatEnded(t *testing.T) {
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			w := world.New(t, "", "http://thief.example")
			said := func(when string) {
				e := (workspace.Fleet{}).Explain(w.Facts(), w.Registry.Policy, w.Now)
				if text := e.Text(); strings.Contains(text, "not now") || strings.Contains(text, "was handed to it") {
					t.Errorf("%s: %s", when, text)
				}
			}
			w.Send("held")
			w.Agent = func(chat.Message) delivery.PushResult {
				w.Agent = func(chat.Message) delivery.PushResult { return delivery.PushResult{} }
				w.Now = w.Now.Add(time.Second)
				w.Token = end(w)
				for range 3 {
					w.Heartbeat(0)
					said("it goes on by heartbeats")
					w.Now = w.Now.Add(30 * time.Second)
				}
				register(w, "", "http://agent.example")
				w.Now = w.Now.Add(time.Second)
				said("it has registered")
				return delivery.PushResult{Handover: delivery.Unreachable, Fault: workspace.FaultTimeout, Why: "late"}
			}
			w.DrainOnce()
		})
	}
}

// The verdict of an agent that goes on without a register says so, and the audit trail names the URL that ended.
func TestTheEndOfAURLIsTold(t *testing.T) {
	for name, end := range ends {
		w := world.New(t, "", "http://thief.example/?secret")
		w.Now = w.Now.Add(time.Second)
		w.Token = end(w)
		w.Heartbeat(0)
		w.Now = w.Now.Add(60 * time.Second)
		w.Heartbeat(0)
		w.Now = w.Now.Add(25 * time.Second)
		w.Heartbeat(0)
		if v := w.Verdict(); v.Reason != workspace.ReasonInboxUnattended || v.Action != "restart" {
			t.Errorf("%s: %+v", name, v)
		}
		rows, err := w.Store.AuditTrail(t.Context(), world.Life, "", 10)
		w.NoError(err)
		said := ""
		for _, row := range rows {
			if row.Method == "url_ended" {
				said += row.Summary
			}
		}
		const want = `its URL “http://thief.example/?…” is not called any more: ` +
			"the credential that it was registered with ended"
		if said != want {
			t.Errorf("%s: %q", name, said)
		}
	}
}
