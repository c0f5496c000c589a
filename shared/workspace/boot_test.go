package workspace_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/workspace"
)

// remarked reports whether a verdict has a remark of this code.
func remarked(v workspace.Verdict, code string) bool {
	return slices.ContainsFunc(v.Remarks, func(r workspace.Remark) bool { return r.Code == code })
}

// A register that is refused once is told at once, with its time, its code and its address, whatever comes after it:
// silence, or heartbeats that pass. Where the status asks for a restart, it asks for a repair.
func TestOneRefusedBootIsTold(t *testing.T) {
	refusedOnce := func(f workspace.Facts, brought string) workspace.Facts {
		f, _ = refuse(f, workspace.SignalRegister, "10.0.0.1", brought, at(600))
		return f
	}
	polling := func(f *workspace.Facts) { f.Declared, f.Pushable, f.PolledAt = workspace.Poll, false, at(590) }
	failing := func(f *workspace.Facts) {
		f.PushFailures, f.PushFailedAt, f.PushFault, f.PushError = 3, at(580), workspace.FaultRefused, "connection refused"
	}
	beats := func(f workspace.Facts) workspace.Facts { return beat(f, "10.0.0.1", at(601)) }
	const unattended = "degraded inbox_unattended repair"
	silent := func(f workspace.Facts) workspace.Facts { return f }
	for name, c := range map[string]struct {
		facts   workspace.Facts
		then    func(workspace.Facts) workspace.Facts
		brought string
		after   int
		want    string
		code    string
	}{
		"silent, not missed yet":    {live(nil), silent, "", 1, "online healthy ", "credential_missing"},
		"it beats":                  {live(nil), beats, "guess", 2, "online healthy ", "credential_unknown"},
		"silent, its polls miss":    {live(polling), silent, "", 75, unattended, "credential_missing"},
		"it beats, its polls miss":  {live(polling), beats, "", 75, unattended, "credential_missing"},
		"it beats, its URL is old":  {live(failing), beats, "", 2, "degraded push_failing repair", "credential_missing"},
		"it beats, then is silent":  {live(nil), beats, "", 130, "offline lease_expired repair", "credential_missing"},
		"silent, and missed":        {live(nil), silent, "", 115, "offline credentials_rejected repair", ""},
		"it beats for half an hour": {live(nil), beats, "", 1900, "offline lease_expired restart", "credential_missing"},
	} {
		t.Run(name, func(t *testing.T) {
			f := c.then(refusedOnce(c.facts, c.brought))
			v := workspace.Assess(f, p, at(600+c.after))
			if got := fmt.Sprint(v.Status, " ", v.Reason, " ", v.Action); got != c.want {
				t.Fatalf("got %s, want %s: %+v", got, c.want, v)
			}
			told := ""
			for _, e := range v.Evidence {
				told += e.At.Format(time.RFC3339) + " " + e.Fact + "\n"
			}
			for _, part := range []string{"10.0.0.1", at(600).Format(time.RFC3339), c.code} {
				if !strings.Contains(told, part) {
					t.Errorf("%q is not told: %s", part, told)
				}
			}
			if v.Status == workspace.StatusOnline && !remarked(v, workspace.RemarkRegisterRefused) {
				t.Errorf("no remark: %+v", v.Remarks)
			}
			if v.Status == workspace.StatusOffline && strings.Contains(v.Hint, "is running") {
				t.Errorf("of a silent agent: %s", v.Hint)
			}
			if v.Action == "repair" && !strings.Contains(v.Command(f.ID), "rollcall repair w") {
				t.Errorf("the command is %q", v.Command(f.ID))
			}
		})
	}
}

// A register that passes ends what was told of one that was refused.
func TestAnAcceptedBootEndsIt(t *testing.T) {
	f, _ := refuse(live(nil), workspace.SignalRegister, "10.0.0.1", "", at(600))
	f = register(f, workspace.Declaration{From: "10.0.0.1"}, at(610))
	v := workspace.Assess(f, p, at(611))
	if remarked(v, workspace.RemarkRegisterRefused) || strings.Contains(fmt.Sprint(v.Evidence), "refused") {
		t.Fatalf("%+v", v)
	}
}

// An agent that comes back at another address is a stranger there until it is accepted. That its boot was refused is
// told for as long as nothing else was heard of it, and what is told changes once it is accepted from there.
func TestABootRefusedElsewhereIsTold(t *testing.T) {
	f, _ := refuse(live(nil), workspace.SignalRegister, "10.0.0.7", "", at(600))
	const told = "Calls from 10.0.0.7 without a credential were refused at"
	if v := workspace.Assess(f, p, at(760)); v.Status != workspace.StatusOffline || !strings.Contains(v.Hint, told) {
		t.Fatalf("%+v", v)
	}
	f = beat(f, "10.0.0.7", at(601))
	if v := workspace.Assess(f, p, at(602)); !strings.Contains(fmt.Sprint(v.Evidence), "agent may have made it") {
		t.Fatalf("%+v", v)
	}
}

// No verdict sends for a register that is known to be refused.
func TestNoVerdictAsksForARefusedBoot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, now := anyFacts(t), at(600)
		f.RegisterRefused, f.RegisterRefusedAt = 1, at(rapid.IntRange(-100, 600).Draw(t, "register refused"))
		f.RefusedAt, f.RefusedFrom = f.RegisterRefusedAt, "10.0.0.1"
		code := "(credential_missing)"
		if rapid.Bool().Draw(t, "with a token") {
			f.RefusedWith, code = workspace.TokenExpired, "that has expired (enrolment_unknown)"
			f.TakenAs = rapid.SampledFrom([]workspace.Recipient{"", workspace.ToAgent}).Draw(t, "taken as")
		}
		v := anyFleet(t).Assess(f, p, now)
		if f.Hold != workspace.NoHold || v.Reason == workspace.ReasonCredentialsRejected {
			return
		}
		if slices.Contains([]string{"restart", "start", "check_url"}, v.Action) {
			t.Fatalf("%s, %s: %s", v.Reason, v.Action, v.Hint)
		}
		if !strings.Contains(fmt.Sprint(v.Evidence), code) {
			t.Fatalf("it is not told: %+v", v)
		}
		asks := v.Action == "repair" || v.Action == "place_credential" || remarked(v, workspace.RemarkRegisterRefused)
		if asks && !workspace.AsksForRepair(f, p, now) {
			t.Fatalf("it asks for a repair that would be refused: %+v", v)
		}
	})
}
