// Package storetest is the contract of the stores and queues: one suite that the
// fakes and the real ones must pass. Tests import it, nothing else does.
package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delegation"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Store is both tables.
type Store interface {
	registry.Leases
	registry.Profiles
	registry.Owners
	delivery.Ledger
	activity.Log
	delegation.Store
	statuslog.Store
	registry.Enrolments
	registry.FleetStore
}

var t0 = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func hash(s string) token.Hash { return token.Digest(s) }

// created saves a new workspace and returns its facts.
func created(t *testing.T, s Store) workspace.Facts {
	t.Helper()
	f := workspace.Facts{
		Identity: workspace.Identity{ID: uuid.NewString(), Version: 1, Epoch: 1, CreatedAt: t0,
			Declared: workspace.Push, DeclaredBy: workspace.ByAgent, MaxTasks: 2},
		Credentials: workspace.Credentials{Credential: hash("secret")},
	}
	must(t, s.Save(t.Context(), workspace.Facts{}, f, registry.SaveExtras{Profile: &workspace.ProfileChange{Name: new("n"), URL: new("http://agent"), Runtime: new("r"), Role: new("x"), Tier: new(3), Card: []byte(`{"name":"n"}`)}}))
	return f
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, code fault.Code) {
	t.Helper()
	if got := fault.CodeOf(err); got != code {
		t.Fatalf("got %q (%v), want %q", got, err, code)
	}
}

func read(t *testing.T, s Store, id string) workspace.Facts {
	t.Helper()
	f, err := s.Get(t.Context(), id)
	must(t, err)
	return f
}

// news is the contract of the fleet's log, of trails, enrolments and sweeps.
func news(t *testing.T, s Store) {
	change := func(f workspace.Facts, at time.Time) (workspace.Facts, statuslog.Change) {
		next := f
		next.Version++
		next.AnnouncedSeq++
		next.AnnouncedAs = "online/healthy"
		return next, statuslog.Change{Workspace: f.ID, WorkspaceSeq: next.AnnouncedSeq, At: at, To: statuslog.StatusReason{Status: "online", Reason: "healthy"}, Since: t0, Evidence: []workspace.Evidence{{At: t0, Fact: "x"}}}
	}
	t.Run("a change stands once, in the lease, the fleet's log and the history", func(t *testing.T) {
		f := created(t, s)
		was, err := s.LatestChange(t.Context())
		must(t, err)
		next, c := change(f, t0)
		got, err := s.AddChange(t.Context(), f, next, c)
		must(t, err)
		if got.Seq != was+1 {
			t.Fatalf("number %d after %d", got.Seq, was)
		}
		_, err = s.AddChange(t.Context(), f, next, c) // another sweeper saw the same
		wantCode(t, err, fault.Conflict)
		third, c2 := change(next, t0.Add(time.Second))
		_, err = s.AddChange(t.Context(), next, third, c2)
		must(t, err)
		if got := read(t, s, f.ID); got.AnnouncedSeq != 2 {
			t.Fatalf("%+v", got)
		}
		log, err := s.Changes(t.Context(), was, 10)
		must(t, err)
		if len(log) != 2 || log[0].Seq != was+1 || log[1].Seq != was+2 || log[0].WorkspaceSeq != 1 || log[1].Workspace != f.ID {
			t.Fatalf("%+v", log)
		}
		if rest, err := s.Changes(t.Context(), was+2, 10); err != nil || len(rest) != 0 {
			t.Fatalf("%+v, %v", rest, err)
		}
		if one, err := s.Changes(t.Context(), was, 1); err != nil || len(one) != 1 || one[0].Seq != was+1 {
			t.Fatalf("%+v, %v", one, err)
		}
		trail, err := s.AuditTrail(t.Context(), f.ID, "", 10)
		must(t, err)
		if len(trail) != 2 || trail[0].ID != "000000000002" || trail[0].Type != activity.TypeStatus {
			t.Fatalf("%+v", trail)
		}
	})
	t.Run("one at a time announces", func(t *testing.T) {
		last, mine, err := s.ClaimAnnouncing(t.Context(), t0, t0.Add(time.Minute))
		must(t, err)
		if !mine {
			t.Fatal("nobody had it")
		}
		if _, mine, err := s.ClaimAnnouncing(t.Context(), t0.Add(59*time.Second), t0.Add(2*time.Minute)); err != nil || mine {
			t.Fatal("two have it", err)
		}
		must(t, s.NoteAnnounced(t.Context(), last+7))
		if got, mine, err := s.ClaimAnnouncing(t.Context(), t0.Add(time.Second), t0.Add(time.Minute)); err != nil || !mine || got != last+7 {
			t.Fatal(got, mine, err)
		}
		if _, mine, err := s.ClaimAnnouncing(t.Context(), t0.Add(time.Minute), t0.Add(2*time.Minute)); err != nil || !mine {
			t.Fatal("one that died keeps it", err)
		}
		must(t, s.NoteAnnounced(t.Context(), last))
	})
	t.Run("an audit entry stands with what it tells of, and in no other case", func(t *testing.T) {
		f := created(t, s)
		next := f
		next.Version++
		entry := activity.AuditEntry{Actor: activity.Actor{Who: "operator x", From: "10.0.0.9"}, Action: "repair", Summary: "s", At: t0}
		must(t, s.Save(t.Context(), f, next, registry.SaveExtras{Audit: &entry}))
		wantCode(t, s.Save(t.Context(), f, next, registry.SaveExtras{Audit: &entry}), fault.Conflict)
		entry.At = t0.Add(time.Second)
		must(t, s.AddRow(t.Context(), activity.AuditRow(f.ID, entry)))
		must(t, s.AddRow(t.Context(), activity.Row{ID: "n", Workspace: f.ID, Type: "notify", At: t0}))
		trail, err := s.AuditTrail(t.Context(), f.ID, "", 10)
		must(t, err)
		if len(trail) != 2 || trail[1].Method != "repair" || trail[1].SourceID != "operator x" || trail[1].From != "10.0.0.9" || !trail[1].At.Equal(t0) {
			t.Fatalf("%+v", trail)
		}
		if log, err := s.ActivityLog(t.Context(), f.ID, activity.Range{Limit: 10}); err != nil || len(log) != 1 || log[0].Row.ID != "n" {
			t.Fatalf("the log has the trail in it: %+v, %v", log, err)
		}
		first, err := s.AuditTrail(t.Context(), f.ID, "", 1)
		must(t, err)
		rest, err := s.AuditTrail(t.Context(), f.ID, first[0].OrderKey(), 10)
		must(t, err)
		if len(rest) != 1 || rest[0].ID != trail[1].ID {
			t.Fatalf("%+v", rest)
		}
	})
	t.Run("an enrolment has so many uses, and each goes with a save", func(t *testing.T) {
		e := registry.Enrolment{ID: uuid.NewString(), Hash: hash("enrolment"), Uses: 1, Until: t0.Add(time.Hour)}
		by := activity.AuditEntry{Actor: activity.Actor{Who: "operator"}, Action: "enrolment_issued", At: t0}
		must(t, s.Enrol(t.Context(), e, by))
		got, err := s.Enrolment(t.Context(), e.ID)
		must(t, err)
		if d := cmp.Diff(e, got); d != "" {
			t.Fatal(d)
		}
		f := created(t, s)
		next := f
		next.Version++
		other := e
		other.Hash = hash("another")
		wantCode(t, s.Save(t.Context(), f, next, registry.SaveExtras{Enrolment: &other}), fault.EnrolmentUnknown)
		must(t, s.Save(t.Context(), f, next, registry.SaveExtras{Enrolment: &e}))
		third := next
		third.Version++
		wantCode(t, s.Save(t.Context(), next, third, registry.SaveExtras{Enrolment: &e}), fault.EnrolmentUnknown)
		if got := read(t, s, f.ID); got.Version != next.Version {
			t.Fatal("saved without a use")
		}
		must(t, s.Withdraw(t.Context(), e.ID, by))
		_, err = s.Enrolment(t.Context(), e.ID)
		wantCode(t, err, fault.EnrolmentUnknown)
		wantCode(t, s.Withdraw(t.Context(), e.ID, by), fault.EnrolmentUnknown)
	})
	t.Run("a sweep and a gap are on record", func(t *testing.T) {
		must(t, s.NoteSweep(t.Context(), workspace.Fleet{SweptAt: t0, OutageStart: t0.Add(-time.Hour), OutageEnd: t0.Add(-time.Minute)}))
		must(t, s.NoteSweep(t.Context(), workspace.Fleet{SweptAt: t0.Add(time.Minute), OutageStart: t0.Add(-time.Hour), OutageEnd: t0.Add(-time.Minute)}))
		got, err := s.Fleet(t.Context())
		must(t, err)
		if d := cmp.Diff(workspace.Fleet{SweptAt: t0.Add(time.Minute), OutageStart: t0.Add(-time.Hour), OutageEnd: t0.Add(-time.Minute)}, got); d != "" {
			t.Fatal(d)
		}
	})
}

// Stores runs the contract of the tables.
func Stores(t *testing.T, s Store, policy workspace.Policy) {
	news(t, s)
	t.Run("an unknown workspace is unknown to every call", func(t *testing.T) {
		_, err := s.Get(t.Context(), "nobody")
		wantCode(t, err, fault.WorkspaceUnknown)
		_, err = s.Renew(t.Context(), "nobody", hash("x"), workspace.Signal{Kind: workspace.SignalHeartbeat}, t0)
		wantCode(t, err, fault.WorkspaceUnknown)
	})
	t.Run("what is saved is read, whole", func(t *testing.T) {
		f := created(t, s)
		full := f
		full.Version, full.Epoch, full.Hold = 2, 7, workspace.Paused
		full.CalledAt, full.HoldSince = t0, t0
		full.RegisteredAt, full.BootstrapUntil, full.RefusedSince, full.RefusedAt, full.StrangerAt = t0, t0, t0, t0, t0
		full.NextCredential, full.PastCredential = hash("next"), hash("past")
		full.Pushable, full.QueueGeneration, full.RegisterRefused, full.BeatsRefused, full.CallsRefused = true, 4, 5, 6, 7
		full.AlternatingRefusals = 2
		full.RevokedAt, full.BootstrapFrom, full.RecoveredAt, full.AlternatedAt, full.StrangerWith, full.PushFailingSince = t0, "10.0.0.4", t0, t0, workspace.FormerCredential, t0
		full.RefusedFrom, full.StrangerFrom, full.SeenFrom = "10.0.0.1", "10.0.0.2", "10.0.0.3"
		full.LeaseUntil, full.HeartbeatAt, full.PolledAt, full.ActiveAt, full.ErrorsSince, full.WedgedSince = t0, t0, t0, t0, t0, t0
		full.ActiveTasks, full.SampleError, full.AnnouncedAs, full.AnnouncedAt, full.AnnouncedSeq = 3, "boom", "online/healthy", t0, 9
		full.PushFailures, full.PushError = 2, "refused"
		full.URLFingerprint = "u1"
		full.EnrolledBy, full.Instance, full.PreviousInstances, full.Takeovers, full.TakeoversSince, full.TakenOverAt, full.ProbeLostAt = hash("enrolment"), "b1", "b2 b3", 2, t0, t0, t0
		must(t, s.Save(t.Context(), f, full, registry.SaveExtras{}))
		if d := cmp.Diff(full, read(t, s, f.ID)); d != "" {
			t.Fatal(d)
		}
		bare := f
		bare.Version = 3
		must(t, s.Save(t.Context(), full, bare, registry.SaveExtras{}))
		if d := cmp.Diff(bare, read(t, s, f.ID)); d != "" {
			t.Fatal("what was taken away is still there: ", d)
		}
		p, err := s.Profile(t.Context(), f.ID)
		must(t, err)
		if d := cmp.Diff(workspace.Profile{Name: "n", URL: "http://agent", Runtime: "r", Role: "x", Tier: 3, Card: []byte(`{"name":"n"}`)}, p); d != "" {
			t.Fatal(d)
		}
	})
	t.Run("a save on a version that has passed is a conflict and changes nothing", func(t *testing.T) {
		f := created(t, s)
		next := f
		next.Version, next.MaxTasks = 2, 9
		must(t, s.Save(t.Context(), f, next, registry.SaveExtras{}))
		late := f
		late.Version, late.MaxTasks = 2, 1
		wantCode(t, s.Save(t.Context(), f, late, registry.SaveExtras{Profile: &workspace.ProfileChange{Name: new("late")}}), fault.Conflict)
		wantCode(t, s.Save(t.Context(), workspace.Facts{}, f, registry.SaveExtras{}), fault.Conflict)
		if got := read(t, s, f.ID).MaxTasks; got != 9 {
			t.Fatalf("max tasks %d, want 9", got)
		}
		if p, err := s.Profile(t.Context(), f.ID); err != nil || p.Name != "n" {
			t.Fatalf("profile %+v, %v", p, err)
		}
	})
	t.Run("renew does what Observe says", func(t *testing.T) {
		one, zero, high, mid, low := 1, 0, 0.7, 0.3, 0.05
		f := created(t, s)
		for i, sig := range []workspace.Signal{
			{Kind: workspace.SignalHeartbeat, From: "a"},
			{Kind: workspace.SignalHeartbeat, From: "b", ActiveTasks: &one, ErrorRate: &high, SampleError: "x", Wedged: true},
			{Kind: workspace.SignalPoll, From: "b"},
			{Kind: workspace.SignalCall, From: "d"},
			{Kind: workspace.SignalHeartbeat, From: "b", ErrorRate: &mid, Wedged: true},
			{Kind: workspace.SignalHeartbeat, From: "b", ErrorRate: &high, SampleError: "y"},
			{Kind: workspace.SignalHeartbeat, From: "c", ActiveTasks: &zero, ErrorRate: &low},
			{Kind: workspace.SignalHeartbeat, From: "b"},
			{Kind: workspace.SignalHeartbeat, From: "c"},
			{Kind: workspace.SignalHeartbeat, From: "c", Instance: workspace.BootedAt(t0)},
			{Kind: workspace.SignalHeartbeat, From: "x", Instance: workspace.BootedAt(t0.Add(-4 * time.Second))},
			{Kind: workspace.SignalPoll, From: "y"},
			{Kind: workspace.SignalHeartbeat, From: "c", Instance: workspace.OfEpoch(3)},
			{Kind: workspace.SignalHeartbeat, From: "c", Instance: workspace.BootedAt(t0.Add(3 * time.Second))},
			{Kind: workspace.SignalHeartbeat, From: "c", Instance: workspace.OfEpoch(3)},
		} {
			now := t0.Add(time.Duration(i) * time.Second)
			want := workspace.Observe(f, sig, policy, now)
			got, err := s.Renew(t.Context(), f.ID, hash("secret"), sig, now)
			must(t, err)
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("signal %d: %s", i, d)
			}
			f = read(t, s, f.ID)
			if d := cmp.Diff(want, f); d != "" {
				t.Fatalf("signal %d, stored: %s", i, d)
			}
		}
	})
	t.Run("renew with another credential, with none, or of a removed workspace is refused and changes nothing", func(t *testing.T) {
		f := created(t, s)
		for _, h := range []token.Hash{hash("other"), {}} {
			_, err := s.Renew(t.Context(), f.ID, h, workspace.Signal{Kind: workspace.SignalHeartbeat, From: "a"}, t0)
			if refused, ok := errors.AsType[*registry.Refused](err); !ok || refused.Facts.ID != f.ID {
				t.Fatalf("got %v", err)
			}
		}
		gone := f
		gone.Hold, gone.Version = workspace.Removed, 2
		must(t, s.Save(t.Context(), f, gone, registry.SaveExtras{}))
		if _, err := s.Renew(t.Context(), f.ID, hash("secret"), workspace.Signal{Kind: workspace.SignalHeartbeat}, t0); err == nil {
			t.Fatal("a removed workspace was renewed")
		}
		if d := cmp.Diff(gone, read(t, s, f.ID)); d != "" {
			t.Fatal(d)
		}
	})
	t.Run("a signal that ends silence, a wedge or errors is noted as such", func(t *testing.T) {
		f, low, high := created(t, s), 0.0, 0.9
		for i, step := range []struct {
			after time.Duration
			sig   workspace.Signal
			back  bool
		}{
			{0, workspace.Signal{Wedged: true, ErrorRate: &high}, false},
			{time.Second, workspace.Signal{Wedged: true}, false},
			{time.Second, workspace.Signal{}, true},
			{time.Second, workspace.Signal{ErrorRate: &low}, true},
			{time.Second, workspace.Signal{ErrorRate: &low}, false},
			{policy.LeaseTTL + policy.Grace - time.Millisecond, workspace.Signal{}, false},
			{policy.LeaseTTL + policy.Grace, workspace.Signal{}, true},
		} {
			step.sig.Kind, step.sig.From = workspace.SignalHeartbeat, "a"
			now := latest(f.HeartbeatAt, t0).Add(step.after)
			want := workspace.Observe(f, step.sig, policy, now)
			got, err := s.Renew(t.Context(), f.ID, hash("secret"), step.sig, now)
			must(t, err)
			if d := cmp.Diff(want, got); d != "" || got.RecoveredAt.Equal(now) != step.back {
				t.Fatalf("signal %d: %s", i, d)
			}
			f = got
		}
	})
	t.Run("of many refused attempts that saw the same, one is noted", func(t *testing.T) {
		f := created(t, s)
		noted := workspace.Facts{}
		for i := range 5 {
			next, changed := workspace.Refuse(f, workspace.Refusal{Kind: workspace.SignalRegister, From: fmt.Sprint("10.0.0.", i)}, policy, t0)
			if !changed {
				t.Fatal("not worth a note")
			}
			err := s.NoteRefusal(t.Context(), f, next)
			if i == 0 {
				must(t, err)
				noted = next
				continue
			}
			wantCode(t, err, fault.Conflict)
		}
		if d := cmp.Diff(noted, read(t, s, f.ID)); d != "" {
			t.Fatal(d)
		}
		// Nor of several that come in one millisecond after it.
		first := noted
		first.RegisterRefused, first.RefusedAt, first.RefusedSince, first.RefusedFrom = 1, t0, t0, "10.0.0.1"
		must(t, s.NoteRefusal(t.Context(), noted, first))
		second := first
		second.RegisterRefused = 2
		must(t, s.NoteRefusal(t.Context(), first, second))
		wantCode(t, s.NoteRefusal(t.Context(), first, second), fault.Conflict)
		noted = second
		// A register or a renewal in between is not undone by a late note.
		saved := noted
		saved.Version++
		must(t, s.Save(t.Context(), noted, saved, registry.SaveExtras{}))
		late := noted
		late.RegisterRefused, late.RefusedAt = 1, t0
		wantCode(t, s.NoteRefusal(t.Context(), noted, late), fault.Conflict)
	})
	t.Run("a save in between does not undo a signal", func(t *testing.T) {
		f := created(t, s)
		_, err := s.Renew(t.Context(), f.ID, hash("secret"), workspace.Signal{Kind: workspace.SignalHeartbeat, From: "a"}, t0)
		must(t, err)
		next := f
		next.Version, next.MaxTasks = 2, 5
		must(t, s.Save(t.Context(), f, next, registry.SaveExtras{}))
		if got := read(t, s, f.ID); !got.HeartbeatAt.Equal(t0) || got.MaxTasks != 5 {
			t.Fatalf("%+v", got)
		}
	})
	t.Run("page lists every workspace once", func(t *testing.T) {
		want := map[string]int{}
		for range 7 {
			want[created(t, s).ID] = 0
		}
		for cursor := ""; ; {
			facts, next, err := s.Page(t.Context(), cursor, 3)
			must(t, err)
			for _, f := range facts {
				if _, mine := want[f.ID]; mine {
					want[f.ID]++
				}
			}
			if cursor = next; cursor == "" {
				break
			}
		}
		for id, n := range want {
			if n != 1 {
				t.Errorf("%s listed %d times", id, n)
			}
		}
	})
	t.Run("accept numbers without gaps, once an id", func(t *testing.T) {
		f := created(t, s)
		for i := range 3 {
			f = accept(t, s, f, fmt.Sprint("m", i), chat.Task)
		}
		if f.Accepted != 3 || f.Open != 3 || !f.OldestOpen.Equal(t0.Add(time.Second)) {
			t.Fatalf("%+v", f)
		}
		stale := f
		stale.Accepted = 2
		_, _, err := s.Accept(t.Context(), stale, message(f.ID, "m9", 3, chat.Task), false)
		wantCode(t, err, fault.Conflict)
		was, first, err := s.Accept(t.Context(), f, message(f.ID, "m1", 4, chat.Task), false)
		must(t, err)
		if first || was.Seq != 2 {
			t.Fatalf("first=%v seq=%d", first, was.Seq)
		}
		if d := cmp.Diff(f, read(t, s, f.ID)); d != "" {
			t.Fatal(d)
		}
	})
	t.Run("open mail is listed in delivery order", func(t *testing.T) {
		f := created(t, s)
		for i, p := range []chat.Priority{chat.Info, chat.Task, chat.Critical, chat.Task} {
			f = accept(t, s, f, fmt.Sprint("m", i), p)
		}
		open, err := s.OpenMail(t.Context(), f.ID, 0)
		must(t, err)
		var got []string
		for _, e := range open {
			got = append(got, e.ID)
		}
		if d := cmp.Diff([]string{"m2", "m1", "m3", "m0"}, got); d != "" {
			t.Fatal(d)
		}
		if e := open[1]; e.Seq != 2 || e.Priority != chat.Task || !e.AcceptedAt.Equal(t0.Add(2*time.Second)) || !e.ExpiresAt.Equal(e.AcceptedAt.Add(time.Hour)) {
			t.Fatalf("%+v", e)
		}
	})
	t.Run("a message is read as it was moved; counters move with it", func(t *testing.T) {
		f := created(t, s)
		for i := range 2 {
			f = accept(t, s, f, fmt.Sprint("m", i), chat.Task)
		}
		ms, err := s.Messages(t.Context(), f.ID, "m1", "nope", "m0")
		must(t, err)
		if len(ms) != 2 || ms[0].ID != "m1" {
			t.Fatalf("%+v", ms)
		}
		m0 := ms[1]
		taken := m0.Take(chat.ByPush, chat.Claim{Token: "c", Until: t0.Add(time.Minute), Epoch: 1}, chat.DefaultPolicy(), t0)
		must(t, s.WriteMessages(t.Context(), f.ID, []chat.Move{{From: m0, To: taken}}, delivery.MailboxUpdate{ClaimedUntil: taken.Claim.Until}))
		wantCode(t, s.WriteMessages(t.Context(), f.ID, []chat.Move{{From: m0, To: taken}}, delivery.MailboxUpdate{}), fault.Conflict)
		ms, err = s.Messages(t.Context(), f.ID, "m0")
		must(t, err)
		if d := cmp.Diff(taken, ms[0]); d != "" {
			t.Fatal(d)
		}
		if g := read(t, s, f.ID); g.InFlight != 1 || g.Open != 2 || !g.ClaimedUntil.Equal(taken.Claim.Until) {
			t.Fatalf("%+v", g)
		}
		done := taken.Deliver("ok", []byte(`{"a":1}`), t0.Add(time.Second))
		none, oldest := time.Time{}, t0.Add(2*time.Second)
		wantCode(t, s.WriteMessages(t.Context(), f.ID, []chat.Move{{From: taken, To: done}}, delivery.MailboxUpdate{OldestOpen: &none}), fault.Conflict)
		must(t, s.WriteMessages(t.Context(), f.ID, []chat.Move{{From: taken, To: done}}, delivery.MailboxUpdate{OldestOpen: &oldest, DeliveredAt: t0.Add(time.Second), PushSucceeded: true}))
		g := read(t, s, f.ID)
		if g.InFlight != 0 || g.Open != 1 || g.Delivered != 1 || !g.OldestOpen.Equal(oldest) || !g.DeliveredAt.Equal(t0.Add(time.Second)) || !g.Conserved() {
			t.Fatalf("%+v", g)
		}
		m1 := must1(s.Messages(t.Context(), f.ID, "m1"))(t)[0]
		failed := m1.Take(chat.ByPush, chat.Claim{Token: "d", Until: t0}, chat.DefaultPolicy(), t0).Fail("boom", chat.DefaultPolicy(), 0, t0)
		must(t, s.WriteMessages(t.Context(), f.ID, []chat.Move{{From: m1, To: failed}}, delivery.MailboxUpdate{PushFailedAt: t0, PushError: "boom", Busy: 2, BusyAt: t0}))
		if g := read(t, s, f.ID); g.PushFailures != 1 || g.PushError != "boom" || g.ActiveTasks != 2 {
			t.Fatalf("%+v", g)
		}
		gone := failed.Expire(t0.Add(time.Hour))
		must(t, s.WriteMessages(t.Context(), f.ID, []chat.Move{{From: failed, To: gone}}, delivery.MailboxUpdate{OldestOpen: &none}))
		g = read(t, s, f.ID)
		if g.Open != 0 || g.Expired != 1 || !g.OldestOpen.IsZero() || !g.Conserved() {
			t.Fatalf("%+v", g)
		}
		if open := must1(s.OpenMail(t.Context(), f.ID, 0))(t); len(open) != 0 {
			t.Fatalf("%+v", open)
		}
	})
	t.Run("an end that leaves something to do is on the list until it is struck off, once", func(t *testing.T) {
		f := created(t, s)
		for i := range 3 {
			f = accept(t, s, f, fmt.Sprint("m", i), chat.Task)
		}
		ms := must1(s.Messages(t.Context(), f.ID, "m0", "m1", "m2"))(t)
		ms[1].Callback = "http://sender/"
		dead, told, plain := ms[0], ms[1], ms[2]
		dead.State, dead.Version = chat.Dead, 2
		told, plain = told.Deliver("ok", nil, t0), plain.Deliver("ok", nil, t0)
		none := time.Time{}
		must(t, s.WriteMessages(t.Context(), f.ID, []chat.Move{{From: ms[0], To: dead}, {From: ms[1], To: told}, {From: ms[2], To: plain}}, delivery.MailboxUpdate{OldestOpen: &none, Outbox: []delivery.OutboxItem{{MessageID: "m0", Version: 2}, {MessageID: "m1", Version: 2}}}))
		if got := must1(s.Outbox(t.Context(), f.ID))(t); !slices.Equal(got, []delivery.OutboxItem{{MessageID: "m0", Version: 2}, {MessageID: "m1", Version: 2}}) || read(t, s, f.ID).OutboxItems != 2 {
			t.Fatalf("%v, %d", got, read(t, s, f.ID).OutboxItems)
		}
		if got := must1(s.Messages(t.Context(), f.ID, "m1"))(t)[0].Callback; got != "http://sender/" {
			t.Fatalf("callback %q", got)
		}
		for range 2 {
			must(t, s.OutboxDone(t.Context(), f.ID, delivery.OutboxItem{MessageID: "m0", Version: 2}))
		}
		if got := must1(s.Outbox(t.Context(), f.ID))(t); !slices.Equal(got, []delivery.OutboxItem{{MessageID: "m1", Version: 2}}) || read(t, s, f.ID).OutboxItems != 1 {
			t.Fatalf("%v, %d", got, read(t, s, f.ID).OutboxItems)
		}
	})
	t.Run("what is accepted beside a delivery is accepted while it is under way", func(t *testing.T) {
		f := accept(t, s, created(t, s), "m0", chat.Task)
		m := must1(s.Messages(t.Context(), f.ID, "m0"))(t)[0]
		taken := m.Take(chat.ByPush, chat.Claim{Token: "c", Until: t0.Add(time.Minute)}, chat.DefaultPolicy(), t0)
		must(t, s.WriteMessages(t.Context(), f.ID, []chat.Move{{From: m, To: taken}}, delivery.MailboxUpdate{ClaimedUntil: taken.Claim.Until}))
		f = read(t, s, f.ID)
		one := f
		one.MaxTasks = 1
		if !one.Delivering(policy, t0) || one.Delivering(policy, t0.Add(time.Minute)) || f.Delivering(policy, t0) {
			t.Fatalf("%+v", f)
		}
		if _, first, err := s.Accept(t.Context(), f, message(f.ID, "m1", 2, chat.Task), true); err != nil || !first {
			t.Fatal(first, err)
		}
		f = read(t, s, f.ID)
		oldest := t0.Add(2 * time.Second)
		must(t, s.WriteMessages(t.Context(), f.ID, []chat.Move{{From: taken, To: taken.Deliver("ok", nil, t0)}}, delivery.MailboxUpdate{OldestOpen: &oldest, ClaimReleased: true}))
		_, _, err := s.Accept(t.Context(), f, message(f.ID, "m2", 3, chat.Task), true)
		wantCode(t, err, fault.Conflict)
		if g := read(t, s, f.ID); !g.ClaimedUntil.IsZero() {
			t.Fatalf("%+v", g)
		}
	})
	t.Run("each end of one message has its own errand", func(t *testing.T) {
		f := accept(t, s, created(t, s), "m0", chat.Task)
		m, none, oldest := must1(s.Messages(t.Context(), f.ID, "m0"))(t)[0], time.Time{}, t0
		for range 2 { // it dies, is redriven before its errand is run, and dies again
			dead := m
			dead.State, dead.Version, dead.SettledAt = chat.Dead, m.Version+1, t0
			must(t, s.WriteMessages(t.Context(), f.ID, []chat.Move{{From: m, To: dead}}, delivery.MailboxUpdate{OldestOpen: &none, Outbox: []delivery.OutboxItem{{MessageID: "m0", Version: dead.Version}}}))
			m = must1(dead.Redrive(chat.DefaultPolicy(), t0))(t)
			must(t, s.WriteMessages(t.Context(), f.ID, []chat.Move{{From: dead, To: m}}, delivery.MailboxUpdate{OldestOpen: &oldest}))
		}
		errands := must1(s.Outbox(t.Context(), f.ID))(t)
		if len(errands) != 2 || read(t, s, f.ID).OutboxItems != 2 {
			t.Fatalf("%v, %d", errands, read(t, s, f.ID).OutboxItems)
		}
		for _, e := range errands {
			must(t, s.OutboxDone(t.Context(), f.ID, e))
		}
		if n := read(t, s, f.ID).OutboxItems; n != 0 {
			t.Fatalf("%d errands are left", n)
		}
	})
	t.Run("a move for a host is refused once another has registered", func(t *testing.T) {
		f := accept(t, s, created(t, s), "m0", chat.Task)
		m := must1(s.Messages(t.Context(), f.ID, "m0"))(t)[0]
		claim := chat.Claim{Token: "c", Until: t0.Add(time.Minute), Epoch: f.Epoch}
		taken := m.Take(chat.ByPush, claim, chat.DefaultPolicy(), t0)
		change := func(do func(*workspace.Facts)) {
			next := read(t, s, f.ID)
			was := next
			do(&next)
			next.Version++
			must(t, s.Save(t.Context(), was, next, registry.SaveExtras{}))
			f = read(t, s, f.ID)
		}
		change(func(f *workspace.Facts) { f.URLFingerprint, f.Pushable = "u1", true })
		old := delivery.HostOf(f)
		change(func(f *workspace.Facts) { f.Epoch, f.Pushable = f.Epoch+1, false }) // one that polls
		wantCode(t, s.WriteMessages(t.Context(), f.ID, []chat.Move{{From: m, To: taken}}, delivery.MailboxUpdate{Host: old}), fault.Conflict)
		change(func(f *workspace.Facts) { f.Pushable = true })
		change(func(f *workspace.Facts) { f.Epoch, f.URLFingerprint = f.Epoch+1, "u2" })
		wantCode(t, s.WriteMessages(t.Context(), f.ID, []chat.Move{{From: m, To: taken}}, delivery.MailboxUpdate{Host: old}), fault.Conflict)
		change(func(f *workspace.Facts) { f.Epoch, f.URLFingerprint = f.Epoch+1, "u1" }) // the same URL again: the same host
		change(func(f *workspace.Facts) { f.Hold = workspace.Paused })
		wantCode(t, s.WriteMessages(t.Context(), f.ID, []chat.Move{{From: m, To: taken}}, delivery.MailboxUpdate{Host: old, RequireNoHold: true}), fault.Conflict)
		must(t, s.WriteMessages(t.Context(), f.ID, []chat.Move{{From: m, To: taken}}, delivery.MailboxUpdate{Host: old}))
		// Taken over from a deliverer that died, no counter moves: the condition holds all the same.
		again := taken.Take(chat.ByPush, claim, chat.DefaultPolicy(), t0.Add(time.Hour))
		wantCode(t, s.WriteMessages(t.Context(), f.ID, []chat.Move{{From: taken, To: again}}, delivery.MailboxUpdate{Host: old, RequireNoHold: true}), fault.Conflict)
		change(func(f *workspace.Facts) { f.Hold = workspace.NoHold })
		must(t, s.WriteMessages(t.Context(), f.ID, []chat.Move{{From: taken, To: again}}, delivery.MailboxUpdate{Host: old, RequireNoHold: true}))
	})
	t.Run("counters are corrected only while they are those seen", func(t *testing.T) {
		f := created(t, s)
		f = accept(t, s, f, "m0", chat.Task)
		f = accept(t, s, f, "m1", chat.Task)
		m := must1(s.Messages(t.Context(), f.ID, "m0"))(t)[0]
		oldest := t0.Add(2 * time.Second)
		must(t, s.WriteMessages(t.Context(), f.ID, []chat.Move{{From: m, To: m.Deliver("ok", nil, t0)}}, delivery.MailboxUpdate{OldestOpen: &oldest}))
		seen := read(t, s, f.ID)
		if ends := must1(s.CountEnded(t.Context(), f.ID))(t); ends[chat.Delivered] != 1 || len(ends) != 1 {
			t.Fatalf("%v", ends)
		}
		wrong := seen
		wrong.Open, wrong.Delivered, wrong.Dead, wrong.Missing, wrong.OldestOpen = 0, 0, 7, 2, time.Time{}
		must(t, s.CorrectCounters(t.Context(), seen, wrong))
		if d := cmp.Diff(wrong, read(t, s, f.ID)); d != "" {
			t.Fatal(d)
		}
		wantCode(t, s.CorrectCounters(t.Context(), seen, seen), fault.Conflict)
		must(t, s.CorrectCounters(t.Context(), wrong, seen))
		if d := cmp.Diff(seen, read(t, s, f.ID)); d != "" {
			t.Fatal(d)
		}
	})
	t.Run("a profile changes in what was said, and in nothing else", func(t *testing.T) {
		f := created(t, s)
		must(t, s.Describe(t.Context(), f.ID, workspace.ProfileChange{Name: new("renamed"), URL: new("")}))
		must(t, s.Describe(t.Context(), f.ID, workspace.ProfileChange{}))
		want := workspace.Profile{Name: "renamed", Runtime: "r", Role: "x", Tier: 3, Card: []byte(`{"name":"n"}`)}
		got, err := s.Profiles(t.Context(), f.ID, "nobody")
		must(t, err)
		if d := cmp.Diff(map[string]workspace.Profile{f.ID: want}, got); d != "" {
			t.Fatal(d)
		}
	})
	t.Run("a credential leads to its owner from when it was issued", func(t *testing.T) {
		f := created(t, s)
		next := f
		next.Version, next.NextCredential = 2, hash("issued to "+f.ID)
		must(t, s.Save(t.Context(), f, next, registry.SaveExtras{}))
		for credential, want := range map[token.Hash]string{next.NextCredential: f.ID, hash("never issued " + f.ID): ""} {
			if got := must1(s.Owner(t.Context(), credential))(t); got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
		}
	})
	t.Run("the log has messages and notes, newest first, in windows and pages that lose nothing", func(t *testing.T) {
		f := created(t, s)
		for i := range 3 {
			f = accept(t, s, f, fmt.Sprint("m", i), chat.Task) // at 1, 2, 3 s
		}
		for _, id := range []string{"a", "b"} { // both at the time of m1
			must(t, s.AddRow(t.Context(), activity.Row{ID: id, Workspace: f.ID, Type: "notify", Summary: "said " + id, Request: []byte(`{"message":"x"}`), At: t0.Add(2 * time.Second)}))
		}
		names := func(w activity.Range) (out []string, last string) {
			records, err := s.ActivityLog(t.Context(), f.ID, w)
			must(t, err)
			for _, r := range records {
				name := ""
				if r.Message != nil {
					name = r.Message.ID
				} else {
					name = r.Row.ID
				}
				out, last = append(out, name), r.OrderKey
			}
			return out, last
		}
		for _, c := range []struct {
			w    activity.Range
			want []string
		}{
			{activity.Range{Limit: 10}, []string{"m2", "b", "a", "m1", "m0"}},
			{activity.Range{Limit: 2}, []string{"m2", "b"}},
			{activity.Range{Limit: 10, Since: t0.Add(2 * time.Second)}, []string{"m2", "b", "a", "m1"}},
			{activity.Range{Limit: 10, Before: t0.Add(2 * time.Second)}, []string{"m0"}},
			{activity.Range{Limit: 10, Since: t0.Add(9 * time.Second)}, nil},
			{activity.Range{Limit: 10, Since: t0.Add(9 * time.Second), Before: t0}, nil},
		} {
			if got, _ := names(c.w); !slices.Equal(got, c.want) {
				t.Fatalf("%+v gave %v, want %v", c.w, got, c.want)
			}
		}
		var all []string
		w := activity.Range{Limit: 2}
		for {
			page, last := names(w)
			all = append(all, page...)
			if len(page) < w.Limit {
				break
			}
			w.Below = last
		}
		if want := []string{"m2", "b", "a", "m1", "m0"}; !slices.Equal(all, want) {
			t.Fatalf("page by page: %v", all)
		}
		records, err := s.ActivityLog(t.Context(), f.ID, activity.Range{Limit: 2})
		must(t, err)
		if n := records[1].Row; n.Summary != "said b" || string(n.Request) != `{"message":"x"}` || !n.At.Equal(t0.Add(2*time.Second)) {
			t.Fatalf("%+v", n)
		}
	})
	t.Run("delegations are kept by source", func(t *testing.T) {
		source := uuid.NewString()
		_, found, err := s.Delegation(t.Context(), source, "d1")
		must(t, err)
		if found {
			t.Fatal("found one that was never made")
		}
		for i, id := range []string{"d1", "d2"} {
			must(t, s.SaveDelegation(t.Context(), delegation.Delegation{ID: id, Source: source, Target: "t", Summary: "do", MessageID: "m" + id, At: t0.Add(time.Duration(i) * time.Second)}))
		}
		d, found, err := s.Delegation(t.Context(), source, "d1")
		must(t, err)
		all := must1(s.Delegations(t.Context(), source))(t)
		if !found || d.MessageID != "md1" || len(all) != 2 || all[0].ID != "d2" || all[1].Target != "t" {
			t.Fatalf("%+v %+v", d, all)
		}
	})
}

func must1[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T { t.Helper(); must(t, err); return v }
}

func message(id, mid string, seq int64, p chat.Priority) chat.Message {
	at := t0.Add(time.Duration(seq) * time.Second)
	return chat.Message{ID: mid, Workspace: id, Seq: seq, Source: "peer", Method: "message/send", Priority: p, Body: []byte(`{"x":1}`),
		State: chat.Queued, Reason: "accepted", AcceptedAt: at, ExpiresAt: at.Add(time.Hour), Version: 1}
}

func accept(t *testing.T, s Store, f workspace.Facts, mid string, p chat.Priority) workspace.Facts {
	t.Helper()
	_, first, err := s.Accept(t.Context(), f, message(f.ID, mid, f.Accepted+1, p), false)
	must(t, err)
	if !first {
		t.Fatalf("%s was there already", mid)
	}
	return read(t, s, f.ID)
}

// Queues runs the contract of the chat queues. A visibility timeout may end
// late; it is waited for.
func Queues(t *testing.T, q delivery.Queues, advance func(time.Duration)) {
	ticket := func(seq int64, dedup string) delivery.Ticket {
		return delivery.Ticket{MessageID: fmt.Sprint("m", seq), Seq: seq, Dedup: dedup}
	}
	receive := func(t *testing.T, l delivery.ChatQueue, visibility time.Duration) *delivery.ReceivedTicket {
		t.Helper()
		return must1(q.Receive(t.Context(), l, visibility, time.Second))(t)
	}
	t.Run("a queue that was never sent to is empty", func(t *testing.T) {
		if h := receive(t, delivery.ChatQueue{Workspace: uuid.NewString()}, time.Minute); h != nil {
			t.Fatal(h)
		}
	})
	t.Run("one ticket a slot is out at a time, in order, repeats are swallowed", func(t *testing.T) {
		l := delivery.ChatQueue{Workspace: uuid.NewString()}
		must(t, q.Send(t.Context(), l, 1, []delivery.Ticket{ticket(1, "1.1"), ticket(2, "2.1")}))
		must(t, q.Send(t.Context(), l, 1, []delivery.Ticket{ticket(1, "1.1")}))
		first := receive(t, l, time.Minute)
		if first == nil || first.MessageID != "m1" {
			t.Fatalf("%+v", first)
		}
		if h := must1(q.Receive(t.Context(), l, time.Minute, 0))(t); h != nil {
			t.Fatalf("a second ticket came out of a locked slot: %+v", h)
		}
		must(t, q.Delete(t.Context(), l, *first))
		second := receive(t, l, time.Minute)
		if second == nil || second.MessageID != "m2" {
			t.Fatalf("%+v", second)
		}
		must(t, q.Release(t.Context(), l, *second))
		again := receive(t, l, time.Minute)
		if again == nil || again.MessageID != "m2" {
			t.Fatalf("%+v", again)
		}
		must(t, q.Delete(t.Context(), l, *again))
		if h := must1(q.Receive(t.Context(), l, time.Minute, 0))(t); h != nil {
			t.Fatalf("%+v", h)
		}
	})
	t.Run("a ticket whose holder dies comes back", func(t *testing.T) {
		l := delivery.ChatQueue{Workspace: "odd id! " + uuid.NewString()}
		must(t, q.Send(t.Context(), l, 1, []delivery.Ticket{ticket(1, "1.1")}))
		if h := receive(t, l, time.Second); h == nil {
			t.Fatal("nothing")
		}
		for range 10 {
			advance(time.Second)
			if h := receive(t, l, time.Minute); h != nil {
				return
			}
		}
		t.Fatal("it did not come back")
	})
	t.Run("two slots give two tickets", func(t *testing.T) {
		l := delivery.ChatQueue{Workspace: uuid.NewString()}
		must(t, q.Send(t.Context(), l, 2, []delivery.Ticket{ticket(1, "1.1"), ticket(2, "2.1")}))
		if receive(t, l, time.Minute) == nil || receive(t, l, time.Minute) == nil {
			t.Fatal("a slot was locked by the other")
		}
	})
	t.Run("queues are listed by name, removed, and made again", func(t *testing.T) {
		l := delivery.ChatQueue{Workspace: uuid.NewString()}
		must(t, q.Send(t.Context(), l, 1, []delivery.Ticket{ticket(1, "1.1")}))
		if names := must1(q.List(t.Context()))(t); !slices.Contains(names, q.Name(l)) {
			t.Fatalf("%s is not among %v", q.Name(l), names)
		} else if i := slices.IndexFunc(names, func(n string) bool { return !strings.Contains(n, "-g") }); i >= 0 {
			t.Fatalf("%s is no chat queue, and who lists it removes it", names[i])
		}
		for range 2 {
			must(t, q.Remove(t.Context(), q.Name(l)))
		}
		if names := must1(q.List(t.Context()))(t); slices.Contains(names, q.Name(l)) {
			t.Fatal("it is still there")
		}
		l.Generation++ // SQS refuses the old name for a minute
		must(t, q.Send(t.Context(), l, 1, []delivery.Ticket{ticket(1, "1.1")}))
		if receive(t, l, time.Minute) == nil {
			t.Fatal("nothing came of the new one")
		}
	})
	t.Run("the dead are buried", func(t *testing.T) {
		must(t, q.SendToDeadLetter(t.Context(), delivery.ChatQueue{Workspace: uuid.NewString()}, ticket(1, "1.9"), "used up"))
	})
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
