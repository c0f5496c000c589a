package workspace_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

var (
	t0 = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	p  = workspace.DefaultPolicy()
)

func at(seconds int) time.Time { return t0.Add(time.Duration(seconds) * time.Second) }

// live is an agent that registered at t0, is pushed to, and beats until now.
func live(change func(*workspace.Facts)) workspace.Facts {
	f := workspace.Facts{
		Identity:    workspace.Identity{ID: "w", Version: 1, CreatedAt: t0, RegisteredAt: t0, Pushable: true},
		Credentials: workspace.Credentials{Credential: token.Digest("secret")},
		Liveness:    workspace.Liveness{HeartbeatAt: at(590), LeaseUntil: at(680), SeenFrom: "10.0.0.1"},
	}
	if change != nil {
		change(&f)
	}
	return f
}

// created is a workspace whose agent has never called.
func created(at time.Time) workspace.Facts {
	return workspace.Facts{
		Identity:    workspace.Identity{ID: "w", CreatedAt: at},
		Credentials: workspace.Credentials{Credential: token.Digest("x")},
	}
}

func TestAssess(t *testing.T) {
	now := at(600)
	waiting := func(f *workspace.Facts) { f.Accepted, f.Open, f.OldestOpen = 1, 1, at(500) }
	for name, c := range map[string]struct {
		facts  workspace.Facts
		status workspace.Status
		reason workspace.Reason
	}{
		"a live agent is online":          {live(nil), "online", "healthy"},
		"removed goes before everything":  {live(func(f *workspace.Facts) { f.Hold = workspace.Removed; f.WedgedSince = t0 }), "removed", "removed"},
		"paused":                          {live(func(f *workspace.Facts) { f.Hold = workspace.Paused }), "paused", "paused"},
		"created and never seen":          {created(t0), "provisioning", "never_registered"},
		"the lease ran out":               {live(func(f *workspace.Facts) { f.HeartbeatAt, f.LeaseUntil = at(400), at(490) }), "offline", "lease_expired"},
		"in its grace it is still online": {live(func(f *workspace.Facts) { f.LeaseUntil = at(580) }), "online", "healthy"},
		"two refusals since the last beat": {live(func(f *workspace.Facts) {
			f.RefusedFrom, f.RegisterRefused, f.RefusedSince, f.RefusedAt = f.SeenFrom, 2, at(592), at(595)
		}), "degraded", "credentials_rejected"},
		"two beats refused since the last accepted": {live(func(f *workspace.Facts) {
			f.RefusedFrom, f.BeatsRefused, f.RefusedSince, f.RefusedAt = f.SeenFrom, 2, at(592), at(595)
		}), "degraded", "credentials_rejected"},
		"refused and accepted in turn": {live(func(f *workspace.Facts) {
			f.RefusedFrom, f.BeatsRefused, f.RefusedSince, f.RefusedAt, f.AlternatingRefusals, f.AlternatedAt = f.SeenFrom, 2, at(592), at(595), 2, at(592)
		}), "online", "healthy"},
		"refused and accepted in turn, and a beat was missed": {live(func(f *workspace.Facts) {
			f.RefusedFrom, f.BeatsRefused, f.RefusedSince, f.RefusedAt, f.AlternatingRefusals, f.AlternatedAt, f.HeartbeatAt = f.SeenFrom, 2, at(560), at(595), 2, at(560), at(555)
		}), "degraded", "credentials_rejected"},
		"one that was stolen, and the agent beats": {live(func(f *workspace.Facts) {
			f.RefusedFrom, f.BeatsRefused, f.RefusedSince, f.RefusedAt = "10.0.0.9", 5, at(592), at(599)
		}), "online", "healthy"},
		"registers refused elsewhere, and the agent beats": {live(func(f *workspace.Facts) {
			f.RefusedFrom, f.RegisterRefused, f.RefusedSince, f.RefusedAt = "10.0.0.9", 5, at(400), at(500)
		}), "online", "healthy"},
		"beats pass, polls are refused": {live(func(f *workspace.Facts) {
			f.RefusedFrom, f.CallsRefused, f.RefusedSince, f.RefusedAt = f.SeenFrom, 2, at(500), at(570)
		}), "degraded", "credentials_rejected"},
		"beats pass, polls were refused once": {live(func(f *workspace.Facts) {
			f.RefusedFrom, f.CallsRefused, f.RefusedSince, f.RefusedAt = f.SeenFrom, 9, at(400), at(500)
		}), "online", "healthy"},
		"an operator issued another credential": {live(func(f *workspace.Facts) {
			f.NextCredential, f.Credential, f.RevokedAt = f.Credential, token.Hash{}, at(595)
		}), "degraded", "credentials_rejected"},
		"it moved, with an old one": {live(func(f *workspace.Facts) {
			f.RefusedFrom, f.BeatsRefused, f.RefusedSince, f.RefusedAt, f.HeartbeatAt = "10.0.0.9", 5, at(556), at(599), at(555)
		}), "degraded", "credentials_rejected"},
		"one refusal, and the beat before it": {live(func(f *workspace.Facts) { f.RegisterRefused, f.RefusedSince, f.RefusedAt = 1, at(595), at(595) }), "online", "healthy"},
		"register refused, heartbeats pass": {live(func(f *workspace.Facts) {
			f.RefusedFrom, f.RegisterRefused, f.RefusedSince, f.RefusedAt = f.SeenFrom, 2, at(300), at(400)
		}), "degraded", "credentials_rejected"},
		"that is forgiven in a day": {live(func(f *workspace.Facts) {
			f.RegisterRefused, f.RefusedSince, f.RefusedAt = 2, t0.Add(-25*time.Hour), t0.Add(-25*time.Hour)
		}), "online", "healthy"},
		"refused and gone silent": {live(func(f *workspace.Facts) {
			f.HeartbeatAt, f.LeaseUntil, f.BeatsRefused, f.RefusedAt, f.RefusedSince = at(100), at(190), 1, at(200), at(200)
		}), "offline", "credentials_rejected"},
		"refused and plainly there, lease over": {live(func(f *workspace.Facts) {
			f.HeartbeatAt, f.LeaseUntil, f.BeatsRefused, f.RefusedAt, f.RefusedSince = at(100), at(190), 1, at(590), at(590)
		}), "degraded", "credentials_rejected"},
		"credentials revoked": {live(func(f *workspace.Facts) { f.Credential = token.Hash{}; f.BootstrapUntil = at(900) }), "degraded", "credentials_rejected"},
		"wedged":              {live(func(f *workspace.Facts) { f.WedgedSince = at(300) }), "degraded", "runtime_wedged"},
		"errors":              {live(func(f *workspace.Facts) { f.ErrorsSince = at(300) }), "degraded", "error_rate"},
		"busy":                {live(func(f *workspace.Facts) { f.ActiveTasks, f.ActiveAt = 1, at(590) }), "online", "busy"},
		"a busy report from a clock that was fast":    {live(func(f *workspace.Facts) { f.ActiveTasks, f.ActiveAt = 1, at(900) }), "online", "healthy"},
		"an old busy report is none":                  {live(func(f *workspace.Facts) { f.ActiveTasks, f.ActiveAt = 1, at(500) }), "online", "healthy"},
		"pushes fail":                                 {live(func(f *workspace.Facts) { f.PushFailures = 3 }), "degraded", "push_failing"},
		"mail waits, agent idle":                      {live(waiting), "degraded", "backlog_stalled"},
		"mail waits, the first delivery is under way": {live(func(f *workspace.Facts) { waiting(f); f.InFlight = 1 }), "online", "healthy"},
		"mail waits, the delivery takes too long":     {live(func(f *workspace.Facts) { waiting(f); f.InFlight, f.OldestOpen = 1, at(450) }), "degraded", "backlog_stalled"},
		"mail waits, another try is under way":        {live(func(f *workspace.Facts) { waiting(f); f.InFlight, f.PushFailures = 1, 1 }), "degraded", "backlog_stalled"},
		"poll, nothing is ever acknowledged": {live(func(f *workspace.Facts) {
			waiting(f)
			f.Declared, f.Pushable, f.PolledAt, f.OldestOpen = workspace.Poll, false, at(590), at(480)
		}), "degraded", "backlog_stalled"},
		"declared poll, never polls, pushes failed": {live(func(f *workspace.Facts) { f.Declared, f.PushFailures = workspace.Poll, 5 }), "degraded", "push_failing"},
		"pushes failed, and it polls": {live(func(f *workspace.Facts) {
			f.Declared, f.PushFailures, f.PolledAt = workspace.Push, 5, at(590)
		}), "online", "healthy"},
		"mail waits, agent busy":    {live(func(f *workspace.Facts) { waiting(f); f.ActiveTasks, f.ActiveAt = 1, at(590) }), "online", "busy"},
		"mail waits, one delivered": {live(func(f *workspace.Facts) { waiting(f); f.DeliveredAt = at(580) }), "online", "healthy"},
		"poll, mail waits, no poll": {live(func(f *workspace.Facts) { waiting(f); f.Declared = workspace.Poll; f.Pushable = false }), "degraded", "inbox_unattended"},
		"poll, mail waits, it polls": {live(func(f *workspace.Facts) {
			waiting(f)
			f.Declared, f.Pushable, f.PolledAt = workspace.Poll, false, at(590)
		}), "online", "healthy"},
	} {
		t.Run(name, func(t *testing.T) {
			v := workspace.Assess(c.facts, p, now)
			if v.Status != c.status || v.Reason != c.reason {
				t.Fatalf("got %s (%s), want %s (%s)", v.Status, v.Reason, c.status, c.reason)
			}
			if v.Since.IsZero() || (v.Status != workspace.StatusOnline && v.Hint == "") {
				t.Fatalf("no since or no hint: %+v", v)
			}
		})
	}
}

func TestEffectiveMode(t *testing.T) {
	now := at(600)
	for name, c := range map[string]struct {
		change func(*workspace.Facts)
		want   workspace.Mode
	}{
		"undeclared with a URL is push":     {nil, workspace.Push},
		"undeclared without one is poll":    {func(f *workspace.Facts) { f.Pushable = false }, workspace.Poll},
		"declared poll is poll":             {func(f *workspace.Facts) { f.Declared = workspace.Poll }, workspace.Poll},
		"declared push without URL is poll": {func(f *workspace.Facts) { f.Declared, f.Pushable = workspace.Push, false }, workspace.Poll},
		"declared poll, never polls, has mail and a URL": {func(f *workspace.Facts) {
			f.Declared, f.Open, f.OldestOpen = workspace.Poll, 1, at(500)
		}, workspace.Push},
		"declared push, pushes fail, it polls": {func(f *workspace.Facts) {
			f.Declared, f.PushFailures, f.PolledAt = workspace.Push, 3, at(590)
		}, workspace.Poll},
	} {
		t.Run(name, func(t *testing.T) {
			if d := workspace.EffectiveMode(live(c.change), p, now); d.Effective != c.want || d.Reason == "" {
				t.Fatalf("%+v", d)
			}
		})
	}
}

// anyFacts draws facts with times around now.
func anyFacts(t *rapid.T) workspace.Facts {
	when := func(name string) time.Time {
		if rapid.Bool().Draw(t, name+" set") {
			return at(rapid.IntRange(-100, 700).Draw(t, name))
		}
		return time.Time{}
	}
	count := func(name string, most int) int { return rapid.IntRange(0, most).Draw(t, name) }
	f := created(t0.Add(-time.Hour))
	f.Credential = token.Hash{}
	f.RegisteredAt, f.RevokedAt, f.BootstrapUntil = when("registered"), when("revoked"), when("window")
	f.Hold = rapid.SampledFrom([]workspace.Hold{"", "", "", workspace.Paused, workspace.Removed}).Draw(t, "hold")
	f.Declared = rapid.SampledFrom([]workspace.Mode{"", workspace.Push, workspace.Poll}).Draw(t, "declared")
	f.Pushable = rapid.Bool().Draw(t, "pushable")
	f.RegisterRefused, f.BeatsRefused, f.CallsRefused = count("registers", 3), count("beats", 3), count("calls", 3)
	f.AlternatingRefusals, f.AlternatedAt = count("alternating", 3), when("alternated")
	f.StrangerAt = when("stranger")
	f.SeenFrom = "10.0.0.1"
	f.HeartbeatAt, f.PolledAt, f.LeaseUntil, f.RecoveredAt = when("beat"), when("poll"), when("lease"), when("recovered")
	fast := time.Duration(rapid.SampledFrom([]int{0, 0, 300}).Draw(t, "fast by")) * time.Second
	f.ActiveTasks, f.ActiveAt = count("active tasks", 2), when("active").Add(fast)
	f.WedgedSince, f.ErrorsSince = when("wedged"), when("errors")
	f.Open, f.DeliveredAt, f.PushFailures = int64(count("open", 2)), when("delivered"), count("push failures", 4)
	f.Takeovers, f.TakenOverAt, f.ProbeLostAt = rapid.IntRange(0, 3).Draw(t, "swaps"), when("swapped"), when("probe lost")
	if f.TakeoversSince = f.TakenOverAt; f.TakenOverAt.IsZero() {
		f.Takeovers = 0
	}
	if f.Hold != workspace.NoHold {
		f.HoldSince = at(rapid.IntRange(-100, 600).Draw(t, "held"))
	}
	if rapid.Bool().Draw(t, "enrolled") {
		f.Credential = token.Digest("x")
	}
	if rapid.Bool().Draw(t, "issued") {
		f.NextCredential = token.Digest("y")
	}
	if f.PushFailures > 0 {
		f.PushFailingSince = at(rapid.IntRange(-100, 600).Draw(t, "push failing"))
	}
	if f.Open > 0 {
		f.OldestOpen = at(rapid.IntRange(-100, 600).Draw(t, "oldest"))
		f.InFlight = rapid.Int64Range(0, f.Open).Draw(t, "in flight")
	}
	if f.RegisterRefused+f.BeatsRefused+f.CallsRefused > 0 {
		f.RefusedAt = at(rapid.IntRange(-100, 600).Draw(t, "refused"))
		f.RefusedSince = f.RefusedAt.Add(-time.Second)
		f.RefusedFrom = rapid.SampledFrom([]string{"10.0.0.1", "10.0.0.2"}).Draw(t, "refused from")
	}
	return f
}

// anyFleet draws what may be known of the platform.
func anyFleet(t *rapid.T) workspace.Fleet {
	when := func(name string) time.Time {
		if rapid.Bool().Draw(t, name+" set") {
			return at(rapid.IntRange(-100, 600).Draw(t, name))
		}
		return time.Time{}
	}
	fl := workspace.Fleet{SampledAt: at(600), SweptAt: when("swept"), LastSignalAt: when("last"), StoreFailed: rapid.IntRange(0, 9).Draw(t, "broken") == 0}
	if fl.OutageStart = when("deaf"); !fl.OutageStart.IsZero() {
		fl.OutageEnd = fl.OutageStart.Add(time.Duration(rapid.IntRange(180, 400).Draw(t, "for")) * time.Second)
	}
	for range rapid.IntRange(0, 8).Draw(t, "leases") {
		fl.LeaseEnds = append(fl.LeaseEnds, at(rapid.IntRange(-100, 700).Draw(t, "end")))
	}
	return fl
}

func TestOnlineImplies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, now := anyFacts(t), at(600)
		v := anyFleet(t).Assess(f, p, now)
		if f.Hold == workspace.Removed && v.Status != workspace.StatusRemoved {
			t.Fatalf("a removed workspace is %s: %+v", v.Status, f)
		}
		if v.Hint == "" && v.Status != workspace.StatusOnline || v.Since.IsZero() || len(v.Evidence) == 0 || slices.ContainsFunc(v.Evidence, func(e workspace.Evidence) bool { return e.At.IsZero() }) {
			t.Fatalf("a verdict without hint, since or evidence: %+v", v)
		}
		if v.Status != workspace.StatusOnline {
			return
		}
		if !now.Before(f.LeaseUntil.Add(p.Grace)) || f.LastSignal().IsZero() || !f.Enrolled() || !f.RevokedAt.IsZero() || f.Hold != workspace.NoHold {
			t.Fatalf("online without a live lease and an accepted credential: %+v", f)
		}
		progress := now.Sub(f.DeliveredAt) < p.DeliveryObjective || now.Sub(f.PolledAt) < p.DeliveryObjective || f.Busy(p, now) >= f.Slots() ||
			(f.InFlight >= int64(f.Slots()) && f.PushFailures == 0)
		if f.Open > 0 && now.Sub(f.OldestOpen) >= p.DeliveryObjective && !progress {
			t.Fatalf("online with mail older than the objective and no progress: %+v", f)
		}
	})
}

// Whatever an agent does, in whatever order and at whatever times, no verdict but
// "removed" comes of a removed workspace, and none but an operator gets it back.
func TestNothingResurrectsARemovedWorkspace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, now := anyFacts(t), at(600)
		f.Hold, f.HoldSince = workspace.Removed, at(500)
		for range rapid.IntRange(1, 6).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(-300, 3600).Draw(t, "later")) * time.Second)
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				if a, err := workspace.Admit(f, true, token.Digest(rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "credential")), "", p, now); err == nil {
					t.Fatalf("admitted: %+v", a)
				}
			case 1:
				f, _ = workspace.Refuse(f, workspace.Refusal{Kind: workspace.SignalRegister, From: "10.0.0.1"}, p, now)
			case 2:
				f = workspace.Observe(f, workspace.Signal{Kind: workspace.SignalHeartbeat, From: "10.0.0.2"}, p, now)
			case 3:
				f = workspace.Rotate(f, token.Digest("new"))
			}
			if v := anyFleet(t).Assess(f, p, now); v.Status != workspace.StatusRemoved {
				t.Fatalf("%s: %+v", v.Status, f)
			}
		}
	})
}

func TestRecheckAtIsWhenTheVerdictChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, fl, now := anyFacts(t), anyFleet(t), at(600)
		v := fl.Assess(f, p, now)
		same := func(at time.Time) bool {
			w := fl.Assess(f, p, at)
			return w.Status == v.Status && w.Reason == v.Reason && w.Action == v.Action
		}
		if v.RecheckAt.IsZero() {
			if later := now.Add(time.Duration(rapid.IntRange(1, 100000).Draw(t, "later")) * time.Second); !same(later) {
				t.Fatalf("never to change, and changed by %s: %+v", later, f)
			}
			return
		}
		if span := v.RecheckAt.Sub(now); !same(v.RecheckAt.Add(-1)) || !same(now.Add(time.Duration(rapid.Int64Range(0, int64(span)-1).Draw(t, "before")))) {
			t.Fatalf("changed before %s: %+v", v.RecheckAt, f)
		}
		if same(v.RecheckAt) {
			t.Fatalf("did not change at %s: %+v", v.RecheckAt, f)
		}
	})
}

func TestAdmit(t *testing.T) {
	open := p
	open.Bootstrap = workspace.Open
	secret, other := token.Digest("secret"), token.Digest("other")
	for name, c := range map[string]struct {
		facts     workspace.Facts
		exists    bool
		presented token.Hash
		from      string
		policy    workspace.Policy
		want      workspace.Admission
		code      fault.Code
	}{
		"an unused id, open":                      {policy: open, want: workspace.Admission{Mint: true}},
		"an unused id with a credential, open":    {policy: open, presented: other, want: workspace.Admission{Trust: true}},
		"an unused id, enrolled":                  {policy: p, code: fault.EnrolmentRequired},
		"the credential in use":                   {facts: live(nil), exists: true, presented: secret, policy: p},
		"none, though there is one":               {facts: live(nil), exists: true, policy: open, code: fault.CredentialMissing},
		"another":                                 {facts: live(nil), exists: true, presented: other, policy: open, code: fault.CredentialUnknown},
		"removed":                                 {facts: live(func(f *workspace.Facts) { f.Hold = workspace.Removed }), exists: true, presented: secret, policy: p, code: fault.WorkspaceRemoved},
		"none, in the window of a repair":         {facts: repaired(), exists: true, policy: p, want: workspace.Admission{Mint: true}},
		"a revoked one, in the window":            {facts: repaired(), exists: true, presented: secret, policy: p, want: workspace.Admission{Mint: true}},
		"the issued one, used for the first time": {facts: issued(), exists: true, presented: other, policy: p, want: workspace.Admission{Promote: true}},
		"none again, as the reply was lost":       {facts: issued(), exists: true, policy: p, want: workspace.Admission{Mint: true}},
		"none, once the issued one was used":      {facts: workspace.Promote(issued()), exists: true, policy: p, code: fault.CredentialMissing},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := workspace.Admit(c.facts, c.exists, c.presented, c.from, c.policy, at(600))
			if fault.CodeOf(err) != c.code || got != c.want {
				t.Fatalf("got %+v, %v", got, err)
			}
		})
	}
}

func repaired() workspace.Facts {
	f, _ := workspace.Repair(live(nil), "", p, at(590))
	return f
}

func issued() workspace.Facts {
	return workspace.Register(repaired(), workspace.Admission{Mint: true}, workspace.Declaration{}, token.Hash{}, token.Digest("other"), p, at(595))
}

func TestRefuseCountsOnlyWhatCanBeAttributed(t *testing.T) {
	stranger, changed := workspace.Refuse(live(nil), workspace.Refusal{Kind: workspace.SignalRegister, From: "6.6.6.6", Hash: token.Digest("guess")}, p, at(600))
	if !changed || stranger.RegisterRefused != 0 || workspace.Assess(stranger, p, at(600)).Status != workspace.StatusOnline {
		t.Fatalf("a stranger changed the status: %+v", stranger)
	}
	f, writes := live(nil), 0
	for i := range 100 {
		next, changed := workspace.Refuse(f, workspace.Refusal{Kind: workspace.SignalRegister, From: "10.0.0.1"}, p, at(600).Add(time.Duration(i)*100*time.Millisecond))
		if f = next; changed {
			writes++
		}
	}
	if writes != p.RefusalsToDegrade || workspace.Assess(f, p, at(610)).Reason != workspace.ReasonCredentialsRejected {
		t.Fatalf("%d writes, %s", writes, workspace.Assess(f, p, at(610)).Reason)
	}
}

// An agent whose calls go wrong in part: it beats with one credential and polls
// with another. Whatever is written, its status does not flap, and little is.
func TestAHalfRefusedAgentDoesNotFlap(t *testing.T) {
	f, writes, changes := live(nil), 0, 0
	was := workspace.Assess(f, p, at(600)).Reason
	for s := 600; s < 1200; s++ {
		now := at(s)
		if s%20 == 0 {
			f = workspace.Observe(f, workspace.Signal{Kind: workspace.SignalHeartbeat, From: "10.0.0.1"}, p, now)
		}
		if s%5 == 1 {
			if next, changed := workspace.Refuse(f, workspace.Refusal{Kind: workspace.SignalPoll, From: "10.0.0.1", Hash: token.Digest("stale")}, p, now); changed {
				f, writes = next, writes+1
			}
		}
		if is := workspace.Assess(f, p, now).Reason; is != was {
			was, changes = is, changes+1
		}
	}
	if was != workspace.ReasonCredentialsRejected || changes != 1 || writes > 600/30+3 { // the first, and one more each of the first two times that they take turns
		t.Fatalf("%s after %d changes and %d writes", was, changes, writes)
	}
}

// An agent that is refused, then accepted, and then loses its credential for good
// shows at the second refusal each time.
func TestEachLossShowsAtOnce(t *testing.T) {
	f := live(nil)
	for i, kinds := range [][]workspace.SignalKind{{workspace.SignalHeartbeat, workspace.SignalPoll}, {workspace.SignalPoll, workspace.SignalHeartbeat}, {workspace.SignalPoll, workspace.SignalRegister, workspace.SignalRegister}} {
		now := at(600 + 10*i)
		for j, kind := range kinds {
			f, _ = workspace.Refuse(f, workspace.Refusal{Kind: kind, From: "10.0.0.1"}, p, now.Add(time.Duration(j+1)*time.Second))
		}
		if v := workspace.Assess(f, p, now.Add(4*time.Second)); v.Reason != workspace.ReasonCredentialsRejected {
			t.Fatalf("loss %d: %s (%s)", i, v.Status, v.Reason)
		}
		f = workspace.Observe(f, workspace.Signal{Kind: workspace.SignalHeartbeat, From: "10.0.0.1"}, p, now.Add(5*time.Second))
		f = workspace.Observe(f, workspace.Signal{Kind: workspace.SignalPoll, From: "10.0.0.1"}, p, now.Add(5*time.Second))
	}
}

// Two agents at one address, one of them with an old credential: the other's
// beats pass, and once they have taken turns twice that is how it stays.
func TestTwoAtOneAddressDontFlap(t *testing.T) {
	f, changes := live(nil), 0
	was := workspace.Assess(f, p, at(600)).Reason
	for s := 600; s < 1800; s++ {
		if s%30 == 0 {
			f = workspace.Observe(f, workspace.Signal{Kind: workspace.SignalHeartbeat, From: "10.0.0.1"}, p, at(s))
		}
		if s%7 == 1 {
			f, _ = workspace.Refuse(f, workspace.Refusal{Kind: workspace.SignalHeartbeat, From: "10.0.0.1", Hash: token.Digest("old")}, p, at(s))
		}
		if is := workspace.Assess(f, p, at(s)).Reason; is != was {
			was, changes = is, changes+1
		}
	}
	if was != workspace.ReasonHealthy || changes > 4 {
		t.Fatalf("%s after %d changes", was, changes)
	}
}

// Whoever is refused, from wherever, with whatever, and however the agent itself
// fares: what is noted is bounded.
func TestRefusalsCostFewWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := live(func(f *workspace.Facts) { f.PastCredential = token.Digest("past") })
		var noted []int
		for s := 600; s < 900; s++ {
			now := at(s)
			if rapid.IntRange(0, 20).Draw(t, "beats") == 0 {
				f = workspace.Observe(f, workspace.Signal{Kind: workspace.SignalHeartbeat, From: "10.0.0.1"}, p, now)
			}
			r := workspace.Refusal{
				Kind: rapid.SampledFrom([]workspace.SignalKind{workspace.SignalRegister, workspace.SignalHeartbeat, workspace.SignalPoll}).Draw(t, "kind"),
				From: rapid.SampledFrom([]string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}).Draw(t, "from"),
				Hash: token.Digest(rapid.SampledFrom([]string{"", "past", "guess"}).Draw(t, "brought")),
			}
			if next, changed := workspace.Refuse(f, r, p, now); changed {
				f, noted = next, append(noted, s)
			}
		}
		// One a half minute for the agent's own and one a minute for strangers', and
		// one more each time that a count reaches two, or home is heard after another.
		if len(noted) > 300/30+300/60+300/30 {
			t.Fatalf("%d writes in 300 s: %v", len(noted), noted)
		}
	})
}

func TestNoOneSpeaksForAnother(t *testing.T) {
	refuse := func(f workspace.Facts, from, brought string, s int) workspace.Facts {
		f, _ = workspace.Refuse(f, workspace.Refusal{Kind: workspace.SignalRegister, From: from, Hash: token.Digest(brought)}, p, at(s))
		return f
	}
	start := live(func(f *workspace.Facts) { f.PastCredential = token.Digest("past") })
	reason := func(f workspace.Facts, s int) workspace.Reason { return workspace.Assess(f, p, at(s)).Reason }

	// A thief can't hide that the agent's own registers are refused,
	hidden := refuse(refuse(start, "10.0.0.1", "", 600), "10.0.0.1", "", 601)
	if hidden = refuse(hidden, "6.6.6.6", "past", 640); reason(hidden, 641) != workspace.ReasonCredentialsRejected {
		t.Errorf("hidden: %+v", hidden)
	}
	// nor make it seem so an hour later, by what he did while it was silent.
	planted := refuse(refuse(start, "6.6.6.6", "past", 640), "6.6.6.6", "past", 641)
	planted = workspace.Observe(planted, workspace.Signal{Kind: workspace.SignalHeartbeat, From: "10.0.0.1"}, p, at(650))
	if got := reason(planted, 650); got != workspace.ReasonHealthy {
		t.Errorf("planted: %s", got)
	}
	if got := reason(planted, 710); got != workspace.ReasonHealthy { // one beat is missed
		t.Errorf("planted, and a beat missed: %s", got)
	}
	// An agent that moved with its old credential is known by it, once it is silent.
	if moved := refuse(refuse(start, "10.0.0.7", "past", 640), "10.0.0.7", "past", 641); reason(moved, 641) != workspace.ReasonCredentialsRejected {
		t.Errorf("moved: %+v", moved)
	}
	// One that lost it at a new address can't be, but a person is told where to look.
	lost := refuse(start, "10.0.0.7", "", 800)
	if v := workspace.Assess(lost, p, at(801)); v.Reason != workspace.ReasonLeaseExpired || !strings.Contains(v.Hint, "10.0.0.7 without a credential are being refused now: if that is this agent, rollcall repair w") {
		t.Errorf("lost: %+v", v)
	}
	back := workspace.Register(lost, workspace.Admission{}, workspace.Declaration{From: "10.0.0.7"}, token.Hash{}, token.Hash{}, p, at(810))
	if !back.StrangerAt.IsZero() {
		t.Errorf("it was the agent, and is still a stranger: %+v", back)
	}
}

func TestTheWindowIsForOne(t *testing.T) {
	mint := func(f workspace.Facts, from string) (workspace.Facts, bool) {
		a, err := workspace.Admit(f, true, token.Hash{}, from, p, at(600))
		if err != nil {
			return f, false
		}
		return workspace.Register(f, a, workspace.Declaration{From: from}, token.Hash{}, token.Digest("minted for "+from), p, at(600)), true
	}
	for name, c := range map[string]struct {
		named string
		asks  []string
		got   []bool
	}{
		"the first that asks, and again":       {"", []string{"a", "a", "b", "a"}, []bool{true, true, false, true}},
		"the one that the operator has named":  {"b", []string{"a", "b", "a", "b"}, []bool{false, true, false, true}},
		"nobody else's asking locks it out":    {"", []string{"a", "b", "b", "b"}, []bool{true, false, false, false}},
		"a later repair opens it to all again": {"", []string{"a", "repair", "b"}, []bool{true, true, true}},
	} {
		t.Run(name, func(t *testing.T) {
			f, _ := workspace.Repair(live(nil), c.named, p, at(590))
			for i, from := range c.asks {
				var ok bool
				if from == "repair" {
					f, _ = workspace.Repair(f, c.named, p, at(595))
					continue
				}
				if f, ok = mint(f, from); ok != c.got[i] {
					t.Fatalf("ask %d, from %s: %v", i, from, ok)
				}
			}
		})
	}
}

func TestAnAdoptionThatResetsIsNotOnlineUnused(t *testing.T) {
	adopted := workspace.Adopt(live(nil), workspace.Adoption{ResetCredentials: true, Minted: token.Digest("new")}, at(600))
	if v := workspace.Assess(adopted, p, at(600)); v.Reason != workspace.ReasonCredentialsRejected || !v.Since.Equal(at(600)) {
		t.Fatalf("%+v", v)
	}
	if v := workspace.Assess(workspace.Observe(workspace.Promote(adopted), workspace.Signal{Kind: workspace.SignalHeartbeat, From: "10.0.0.1"}, p, at(610)), p, at(610)); v.Status != workspace.StatusOnline {
		t.Fatalf("%+v", v)
	}
	gone := live(func(f *workspace.Facts) { f.Hold, f.HoldSince = workspace.Removed, at(599) })
	again := workspace.Adopt(gone, workspace.Adoption{ResetCredentials: true, Minted: token.Digest("new")}, at(600))
	if v := workspace.Assess(again, p, at(600)); v.Reason != workspace.ReasonNeverRegistered || !v.Since.Equal(at(600)) {
		t.Fatalf("%+v", v)
	}
}

// Since is when it became so, not when something else was.
func TestSince(t *testing.T) {
	back := workspace.Observe(live(func(f *workspace.Facts) { f.HeartbeatAt, f.LeaseUntil = at(100), at(190) }), workspace.Signal{Kind: workspace.SignalHeartbeat, From: "10.0.0.1"}, p, at(600))
	failing := live(func(f *workspace.Facts) { f.DeliveredAt, f.PushFailures, f.PushFailingSince = at(10), 3, at(540) })
	revoked, _ := workspace.Revoke(live(nil), p, at(598))
	for name, c := range map[string]struct {
		facts workspace.Facts
		since int
	}{"online after a silence": {back, 600}, "pushes fail": {failing, 540}, "revoked": {revoked, 598}} {
		if v := workspace.Assess(c.facts, p, at(600)); !v.Since.Equal(at(c.since)) {
			t.Errorf("%s: %s since %s", name, v.Reason, v.Since)
		}
	}
}

func TestAStalePollHealsAtRegister(t *testing.T) {
	f := workspace.Adopt(live(nil), workspace.Adoption{Mode: workspace.Poll, Pushable: true}, at(600))
	if got := workspace.EffectiveMode(f, p, at(600)).Effective; got != workspace.Poll {
		t.Fatal(got)
	}
	f = workspace.Register(f, workspace.Admission{}, workspace.Declaration{Pushable: true}, token.Hash{}, token.Hash{}, p, at(601))
	if got := workspace.EffectiveMode(f, p, at(601)).Effective; got != workspace.Push {
		t.Fatal(got)
	}
}
