package workspace_test

import (
	"time"

	"pgregory.net/rapid"

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

// silentSince is an agent whose last call was so many seconds after t0.
func silentSince(seconds int) workspace.Facts {
	return live(func(f *workspace.Facts) { f.HeartbeatAt, f.LeaseUntil = at(seconds), at(seconds+90) })
}

// beat is an accepted heartbeat.
func beat(f workspace.Facts, from string, now time.Time) workspace.Facts {
	return workspace.Observe(f, workspace.Signal{Kind: workspace.SignalHeartbeat, From: from}, p, now)
}

// refuse is a refused attempt that brought a credential; "": none.
func refuse(f workspace.Facts, kind workspace.SignalKind, from, brought string, now time.Time) (workspace.Facts, bool) {
	return workspace.Refuse(f, workspace.Refusal{Kind: kind, From: from, Hash: token.Digest(brought)}, p, now)
}

// register is an accepted register with the credential in use.
func register(f workspace.Facts, d workspace.Declaration, now time.Time) workspace.Facts {
	return workspace.Register(f, workspace.Admission{}, d, token.Hash{}, token.Hash{}, p, now)
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
	if f.StrangerAt = when("stranger"); !f.StrangerAt.IsZero() {
		f.StrangerFrom = rapid.SampledFrom([]string{"10.0.0.1", "6.6.6.6"}).Draw(t, "stranger from")
		f.StrangerWith = rapid.SampledFrom([]workspace.Presented{
			workspace.NoCredential, workspace.OthersCredential,
		}).Draw(t, "stranger with")
	}
	f.SeenFrom = "10.0.0.1"
	f.HeartbeatAt, f.PolledAt, f.LeaseUntil, f.RecoveredAt = when("beat"), when("poll"), when("lease"), when("recovered")
	fast := time.Duration(rapid.SampledFrom([]int{0, 0, 300}).Draw(t, "fast by")) * time.Second
	f.ActiveTasks, f.ActiveAt = count("active tasks", 2), when("active").Add(fast)
	if f.ActiveTasks > 0 {
		f.AtWorkSince = when("at work")
	} else {
		f.FreeSince = when("free")
	}
	f.ResumedAt, f.PollAwaitedAt = when("resumed"), when("poll awaited")
	f.WedgedSince, f.ErrorsSince = when("wedged"), when("errors")
	f.Open, f.DeliveredAt, f.PushFailures = int64(count("open", 2)), when("delivered"), count("push failures", 4)
	f.SeldomCalls, f.SeldomGap = count("silences", 3), rapid.IntRange(120, 400).Draw(t, "the shortest")
	f.Takeovers, f.TakenOverAt = rapid.IntRange(0, 3).Draw(t, "swaps"), when("swapped")
	f.UndeliveredAt = when("probe lost")
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
		f.PushFault = rapid.SampledFrom([]workspace.PushFault{
			workspace.FaultRefused, workspace.FaultTimeout, workspace.FaultRPC, workspace.FaultPage,
		}).Draw(t, "push fault")
	}
	if f.BusyAnswers = count("busy answers", 3); f.BusyAnswers > 0 {
		f.BusySince = at(rapid.IntRange(-100, 600).Draw(t, "busy since"))
	}
	f.FetchedHosts = int64(rapid.IntRange(0, 5).Draw(t, "hosts that were handed mail"))
	f.FetchedSince, f.HandedAt, f.AcksEpoch = when("fetched"), when("handed"), int64(count("acks by number", 1))
	f.Epoch = 1
	f.AsideUntil, f.ReachedAt = when("aside"), when("reached")
	if quick := count("quick registers", 9); quick > 0 && !f.RegisteredAt.IsZero() {
		f.QuickRegisters, f.QuickSince = quick, f.RegisteredAt.Add(-time.Minute)
		f.StartSigns = p.RestartsToDegrade * min(count("of which show it", quick), p.QuickRegistersToDegrade)
	}
	f.RestUntil, f.TriedAt, f.ClaimedUntil, f.ProbedAt = when("rest"), when("tried"), when("claimed"), when("probed")
	f.AnswerFailures, f.LostMessages, f.LostAt = count("failed tasks", 4), int64(count("lost", 2)), when("lost")
	if f.AnswerFailures > 0 {
		f.AnswersFailingSince = at(rapid.IntRange(-100, 600).Draw(t, "answers failing"))
	}
	if f.Open > 0 {
		f.OldestOpen = at(rapid.IntRange(-100, 600).Draw(t, "oldest"))
		f.InFlight = rapid.Int64Range(0, f.Open).Draw(t, "in flight")
	}
	if f.RegisterRefused+f.BeatsRefused+f.CallsRefused > 0 {
		f.RefusedAt = at(rapid.IntRange(-100, 600).Draw(t, "refused"))
		f.RefusedSince = f.RefusedAt.Add(-time.Second)
		f.RefusedFrom = rapid.SampledFrom([]string{"10.0.0.1", "10.0.0.2"}).Draw(t, "refused from")
		if f.RegisterRefused > 0 {
			f.RegisterRefusedAt = f.RefusedAt
		}
	}
	if rapid.Bool().Draw(t, "live") {
		mostlyWell(t, &f)
	}
	return f
}

// mostlyWell gives facts a lease that runs, and takes each kind of trouble away in half
// of them: drawn freely, almost no workspace is as most are.
func mostlyWell(t *rapid.T, f *workspace.Facts) {
	f.Hold, f.HoldSince, f.RevokedAt, f.Credential = workspace.NoHold, time.Time{}, time.Time{}, token.Digest("x")
	f.RegisteredAt, f.HeartbeatAt, f.LeaseUntil = at(-100), at(rapid.IntRange(-100, 600).Draw(t, "beat")), at(690)
	for _, end := range []func(){
		func() { f.Refusals = workspace.Refusals{} },
		func() { f.NextCredential = token.Hash{} },
		func() { f.Copies = workspace.Copies{} },
		func() { f.PushTrouble = workspace.PushTrouble{} },
		func() { f.AnswerTrouble = workspace.AnswerTrouble{} },
		func() { f.WedgedSince, f.ErrorsSince, f.RecoveredAt = time.Time{}, time.Time{}, time.Time{} },
		func() { f.UndeliveredAt, f.LostMessages = time.Time{}, 0 },
	} {
		if rapid.Bool().Draw(t, "this trouble is over") {
			end()
		}
	}
}

// anyFleet draws what may be known of the platform.
func anyFleet(t *rapid.T) workspace.Fleet {
	when := func(name string) time.Time {
		if rapid.Bool().Draw(t, name+" set") {
			return at(rapid.IntRange(-100, 600).Draw(t, name))
		}
		return time.Time{}
	}
	fl := workspace.Fleet{
		SampledAt: at(600), SweptAt: when("swept"), LastSignalAt: when("last"),
		StoreFailed: rapid.IntRange(0, 9).Draw(t, "broken") == 0,
	}
	if fl.OutageStart = when("deaf"); !fl.OutageStart.IsZero() {
		fl.OutageEnd = fl.OutageStart.Add(time.Duration(rapid.IntRange(180, 400).Draw(t, "for")) * time.Second)
	}
	for range rapid.IntRange(0, 8).Draw(t, "leases") {
		fl.LeaseEnds = append(fl.LeaseEnds, at(rapid.IntRange(-100, 700).Draw(t, "end")))
	}
	return fl
}
