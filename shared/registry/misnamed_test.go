package registry_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// An agent whose workspace id is mistyped is told so at its own workspace, by whichever call it says who it is, and
// whether the id that it names is unused, another's or a removed one. Nothing asks for a repair, and with the right id
// all is well. A call about another workspace, with which a healthy agent may err, is not told. Each call is answered
// with whose the credential is, and none is asked to register: a register in the right name would be accepted, and the
// next call refused again.
func TestAMistypedIDIsToldWhereTheCredentialIsGood(t *testing.T) {
	for _, bootstrap := range []workspace.Bootstrap{workspace.Open, workspace.Enrolled} {
		for _, named := range []string{"unused", "anothers", "removed"} {
			for _, kind := range []workspace.SignalKind{
				workspace.SignalRegister, workspace.SignalHeartbeat, workspace.SignalPoll, workspace.SignalCall,
			} {
				for _, heard := range []bool{true, false} {
					t.Run(strings.Join([]string{string(bootstrap), named, string(kind)}, " "), func(t *testing.T) {
						checkMisnamed(t, bootstrap, named, kind, heard)
					})
				}
			}
		}
	}
}

func checkMisnamed(t *testing.T, bootstrap workspace.Bootstrap, named string, kind workspace.SignalKind, heard bool) {
	t.Helper()
	r, a := deployed(), &agent{}
	for _, id := range []string{"w", "anothers", "removed"} {
		made, err := r.Create(t.Context(), registry.CreateInput{ID: id, By: operator}, t0)
		if err != nil {
			t.Fatal(err)
		}
		if id == "w" {
			a = &agent{t: t, r: r, token: made.AuthToken}
		}
	}
	if _, err := r.Hold(t.Context(), "removed", workspace.Removed, operator, t0); err != nil {
		t.Fatal(err)
	}
	r.Policy.Bootstrap = bootstrap
	if heard && a.heartbeat("w", t0) != "" {
		t.Fatal("its heartbeat is refused")
	}
	now := t0.Add(r.Policy.LeaseTTL / 2)
	for range 3 {
		now = now.Add(time.Minute)
		var err error
		if kind == workspace.SignalRegister {
			_, err = r.Register(t.Context(), registry.Registration{ID: named, Credential: a.token, From: address}, now)
		} else {
			_, err = r.Signal(t.Context(), named, a.token, workspace.Signal{Kind: kind, From: address}, now)
		}
		refused, is := errors.AsType[*fault.Error](err)
		of := fault.CredentialOfAnother
		if named == "removed" && bootstrap == workspace.Open {
			of = fault.WorkspaceRemoved
		}
		if !is || refused.Code != of || refused.Action != "stop" ||
			of == fault.CredentialOfAnother && !strings.Contains(refused.Hint, "it is w's: correct the workspace id") {
			t.Fatalf("it is answered %+v", err)
		}
	}
	now = now.Add(r.Policy.LeaseTTL + r.Policy.Grace)
	f, err := r.Read(t.Context(), "w")
	if err != nil {
		t.Fatal(err)
	}
	e := workspace.Fleet{}.Explain(f, r.Policy, now)
	told := strings.Contains(e.Summary, "name another workspace") && strings.Contains(e.Next, "correct the workspace id")
	if told != kind.SaysWho() || told && e.Command != "rollcall doctor w" {
		t.Error(e.Text())
	}
	if told && f.CheckDamaged(false, r.Policy, now) == nil && !heard {
		t.Error("a repair would end its good credential")
	}
	if code := a.register("w", "", now); code != "" {
		t.Fatal(code)
	}
	if f, err = r.Read(t.Context(), "w"); err != nil {
		t.Fatal(err)
	}
	if e := (workspace.Fleet{}).Explain(f, r.Policy, now.Add(time.Second)); e.Status != workspace.StatusOnline ||
		len(e.Remarks) > 0 {
		t.Error(e.Text())
	}
}

// A thief who has the credential, at an address that is not the agent's, and whoever has none, make nothing of this
// lead what is told of a silent agent. One that calls beside is not told of it either.
func TestWhatIsSentInAnothersNameLeadsFromHomeAlone(t *testing.T) {
	for _, c := range []struct {
		from, sent string
		beside     bool // calls of the agent itself are accepted
		leads      bool
	}{
		{address, "its own", false, true},
		{address, "its own", true, false},
		{"6.6.6.6", "its own", false, false},
		{address, "garbage", false, false},
	} {
		r, a := working(t)
		sent, now := a.token, t0
		if c.sent == "garbage" {
			sent = "garbage"
		}
		for range 10 {
			now = now.Add(30 * time.Second)
			if c.beside && a.heartbeat("w", now) != "" {
				t.Fatal("its heartbeat is refused")
			}
			signal := workspace.Signal{Kind: workspace.SignalHeartbeat, From: c.from}
			if _, err := r.Signal(t.Context(), "unused", sent, signal, now); err == nil {
				t.Fatal("it is accepted")
			}
		}
		f, err := r.Read(t.Context(), "w")
		if err != nil {
			t.Fatal(err)
		}
		e := workspace.Fleet{}.Explain(f, r.Policy, now)
		if leads := strings.Contains(e.Summary, "name another workspace"); leads != c.leads {
			t.Errorf("%+v: %s", c, e.Text())
		}
		if c.beside && strings.Contains(e.Text(), "another workspace") {
			t.Errorf("%+v: %s", c, e.Text())
		}
	}
}
