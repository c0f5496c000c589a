package sweep_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

func TestSweep(t *testing.T) {
	w := world.New(t, "", "http://agent.example")
	w.Send("a")
	w.Wakeups.Take()
	for range 2 { // the register recorded its change itself: the sweep announces it, and sees none
		out, err := w.Sweeper.Sweep(t.Context())
		if err != nil || out.Woken != 1 || out.Announced != 0 || len(out.Broken)+len(out.Errors) != 0 {
			t.Fatalf("%+v, %v", out, err)
		}
	}
	w.Now = w.Now.Add(25 * time.Hour)
	out, err := w.Sweeper.Sweep(t.Context())
	m := w.Receipt("a")
	if err != nil || out.Expired != 1 || m.State != chat.Expired || m.Reason == "" || w.Facts().Open != 0 {
		t.Fatalf("%+v, %v, %+v", out, err, m)
	}
	// There was no sweep for a day: for a while the silence may be the platform's fault, and nothing is recorded.
	w.Now = w.Now.Add(w.Registry.Policy.LeaseTTL + w.Registry.Policy.Grace)
	if _, err := w.Sweeper.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	var announced []string
	for i, c := range w.Announced.Take() {
		if c.Seq != int64(i)+1 || c.WorkspaceSeq != c.Seq || (c.From == nil) != (i == 0) {
			t.Fatalf("%+v", c)
		}
		announced = append(announced, fmt.Sprintf("%s/%s", c.To.Status, c.To.Reason))
	}
	if d := cmp.Diff([]string{"online/healthy", "offline/lease_expired"}, announced); d != "" {
		t.Fatal(d)
	}
}

// After an outage, whoever is silent is unknown, and that is recorded of nobody: who lives calls again within a lease
// and its grace, and who does not is offline then.
func TestAnOutageIsNoFloodOfChanges(t *testing.T) {
	w := world.New(t, "", "http://agent.example")
	tokens := map[string]string{world.ID: w.Token}
	for i := range 9 {
		id := fmt.Sprint("w", i)
		tokens[id] = w.Register(registry.Registration{ID: id}).AuthToken
	}
	dead := map[string]bool{"w7": true, "w8": true}
	call := func(id string) {
		t.Helper()
		_, err := w.Registry.Signal(t.Context(), id, tokens[id], workspace.Signal{
			Kind: workspace.SignalPoll, From: world.Home,
		}, w.Now)
		w.NoError(err)
	}
	stands := func(id string) workspace.Reason {
		t.Helper()
		f, err := w.Registry.Read(t.Context(), id)
		w.NoError(err)
		return w.Registry.Assess(t.Context(), f, w.Now).Reason
	}
	for id := range tokens {
		call(id)
	}
	w.SweepOnce()
	w.Announced.Take()
	w.Now = w.Now.Add(10 * time.Minute)
	for range 4 { // in half a lease and its grace, some call again
		if out := w.SweepOnce(); out.Announced != 0 {
			t.Fatalf("at %s, %d changes are recorded", w.Now, out.Announced)
		}
		for id := range tokens {
			if got := stands(id); got != workspace.ReasonPlatformSuspect && got != workspace.ReasonHealthy {
				t.Fatalf("%s is %s", id, got)
			}
		}
		if got := stands("w8"); got != workspace.ReasonPlatformSuspect {
			t.Fatalf("who is silent is %s", got)
		}
		w.Now = w.Now.Add(25 * time.Second)
		for id := range tokens {
			if !dead[id] {
				call(id)
			}
		}
	}
	p := w.Registry.Policy
	w.Now = w.Now.Add(p.LeaseTTL + p.Grace - 100*time.Second)
	w.SweepOnce()
	changes := w.Announced.Take()
	for _, c := range changes {
		if !dead[c.Workspace] || c.To.Reason != workspace.ReasonLeaseExpired {
			t.Errorf("%+v", c)
		}
	}
	if len(changes) != len(dead) {
		t.Errorf("%d changes, for %d that died", len(changes), len(dead))
	}
}

func TestCountersAreCorrectedFromTheMessages(t *testing.T) {
	for name, spoil := range map[string]func(f *workspace.Facts){
		"an end was not counted":   func(f *workspace.Facts) { f.Delivered = 0 },
		"open mail is not counted": func(f *workspace.Facts) { f.Open, f.OldestOpen = 0, time.Time{} },
		"too much is open":         func(f *workspace.Facts) { f.Open, f.InFlight = 9, 4 },
		"all are wrong": func(f *workspace.Facts) {
			f.Open, f.InFlight, f.Delivered, f.Cancelled, f.Dead = 1, 1, 0, 5, 2
		},
		"some messages are missing": func(f *workspace.Facts) { f.Accepted += 2 },
		"wrong counters that are conserved": func(f *workspace.Facts) {
			f.Open, f.Delivered, f.OldestOpen = 0, 4, time.Time{}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := world.New(t, workspace.Poll, "")
			w.Send("m1", "m2", "m3", "m4")
			w.PollAfter("")
			w.PollAfter("m2") // two are delivered, two in flight
			if _, err := w.Cancel(t.Context(), world.ID, "m4", "me", w.Now); err != nil {
				t.Fatal(err)
			}
			right := w.Facts()
			wrong := right
			spoil(&wrong)
			if err := w.Store.CorrectCounters(t.Context(), right, wrong); err != nil {
				t.Fatal(err)
			}
			corrected := false
			for range 60 { // within an hour, whichever minute is this workspace's
				if out := w.SweepOnce(); len(out.Broken) > 0 {
					corrected = true
				}
				w.Now = w.Now.Add(time.Minute)
			}
			f := w.Facts()
			if want := f.Accepted - right.Accepted; f.Missing != want {
				t.Fatalf("%d messages are missing, but the facts say %d", want, f.Missing)
			}
			if !corrected || f.Open != right.Open || f.Delivered != right.Delivered ||
				f.Cancelled != right.Cancelled || f.Dead != right.Dead {
				t.Fatalf("corrected=%v: %+v, want %+v", corrected, f, right)
			}
			trail, err := w.Store.AuditTrail(t.Context(), world.Life, "", 100)
			if err != nil {
				t.Fatal(err)
			}
			noted := slices.ContainsFunc(trail, func(r activity.Row) bool {
				return strings.Contains(r.Summary, "mended from the ledger")
			})
			if !noted {
				t.Fatal("no audit entry")
			}
		})
	}
}

// audits counts how often a mailbox is compared with the ledger message by message.
type audits struct {
	delivery.Ledger
	n *int
}

func (a audits) EndedMail(
	ctx context.Context, life workspace.Life, after string, limit int,
) ([]delivery.EndedMessage, string, error) {
	*a.n++
	return a.Ledger.EndedMail(ctx, life, after, limit)
}

func TestAMailboxIsAuditedEachTimeItHasMovedAndOnceADay(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	n := 0
	w.Sweeper.Delivery.Ledger = audits{w.Sweeper.Delivery.Ledger, &n}
	day := func(want int, after string) {
		t.Helper()
		n = 0
		for range 24 * 60 {
			w.Now = w.Now.Add(time.Minute)
			w.SweepOnce()
		}
		if n != want {
			t.Errorf("after %s: %d audits in a day, want %d", after, n, want)
		}
	}
	day(1, "nothing was ever sent")
	w.Send("m1")
	w.PollAfter("")
	w.PollAfter("m1")
	day(2, "a message and its end")
	day(1, "a day on which nothing moved")
	spoilt := w.Facts()
	spoilt.Delivered, spoilt.Dead = 0, 1
	if err := w.Store.CorrectCounters(t.Context(), w.Facts(), spoilt); err != nil {
		t.Fatal(err)
	}
	if day(3, "counters that are wrong"); w.Facts().Delivered != 1 { // it looks twice before it corrects
		t.Errorf("%+v", w.Facts().Counters)
	}
}

func TestTheMailAndTheChatQueueOfARemovedWorkspaceEnd(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	w.Agent = func(chat.Message) delivery.PushResult { return delivery.PushResult{Handover: delivery.Busy} }
	w.Send("m1", "m2")
	w.DrainOnce()
	if names := chatQueues(t, w); len(names) != 1 {
		t.Fatalf("%v", names)
	}
	if _, err := w.Registry.Hold(t.Context(), world.ID, workspace.Removed, activity.Actor{}, w.Now); err != nil {
		t.Fatal(err)
	}
	w.SweepOnce()
	for _, m := range []string{"m1", "m2"} {
		if got := w.Receipt(m); got.State != chat.Cancelled || !strings.Contains(got.Reason, "removal") {
			t.Fatalf("%s is %s: %s", m, got.State, got.Reason)
		}
	}
	w.Now = w.Now.Truncate(time.Hour).Add(time.Hour)
	if out := w.SweepOnce(); out.Removed != 1 {
		t.Fatalf("%+v", out)
	}
	if names := chatQueues(t, w); len(names) != 0 {
		t.Fatalf("%v", names)
	}
}

// A chat queue whose workspace exists is not removed.
func TestChatQueuesInUseStay(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	w.Send("m1")
	w.DrainOnce()
	w.Now = w.Now.Truncate(time.Hour).Add(time.Hour)
	w.SweepOnce()
	if names := chatQueues(t, w); len(names) != 1 {
		t.Fatalf("%v", names)
	}
}

// chatQueues are the names of the chat queues there are.
func chatQueues(t *testing.T, w *world.World) (names []string) {
	t.Helper()
	for next := ""; ; {
		slice, then, err := w.ChatQueues.List(t.Context(), next)
		w.NoError(err)
		names = append(names, slice...)
		if next = then; next == "" {
			return names
		}
	}
}

// A round of the chat queues takes a slice of their names a sweep. It removes each
// orphan and no other, whether or not a sweep sees the whole fleet.
func TestOrphansAreFoundSliceBySlice(t *testing.T) {
	const slice, orphans = 2, 6
	for _, whole := range []bool{true, false} {
		w := world.New(t, workspace.Push, "http://agent/")
		w.Send("m1")
		w.DrainOnce()
		used := chatQueues(t, w)
		for n := range orphans {
			life := workspace.Life{Workspace: fmt.Sprint("nobody", n), Number: int64(n % 2)}
			if n == 0 {
				life = workspace.Life{Workspace: world.ID, Number: 7} // a life that there is not
			}
			w.NoError(w.ChatQueues.Send(t.Context(), delivery.ChatQueue{Life: life}, 1, []delivery.Ticket{{Dedup: "1"}}))
		}
		w.ChatQueues.SliceSize = slice
		w.Now = w.Now.Truncate(time.Hour).Add(time.Hour)
		removed := 0
		for range (orphans + len(used) + slice - 1) / slice {
			if !whole {
				// The rest of the fleet is empty.
				w.NoError(w.Registry.Fleets.NotePass(t.Context(), workspace.Pass{Cursor: world.ID}))
			}
			out := w.SweepOnce()
			if removed += out.Removed; out.Removed > slice {
				t.Fatalf("a sweep removed %d queues, more than a slice has", out.Removed)
			}
			w.Now = w.Now.Add(time.Minute)
		}
		if got := chatQueues(t, w); removed != orphans || !slices.Equal(got, used) {
			t.Errorf("whole sweeps: %t: %d were removed, %v are left and %v are used", whole, removed, got, used)
		}
	}
}

// Two sweeps at once announce each change once.
func TestTwoSweepersAtOnce(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	done := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := w.Sweeper.Sweep(t.Context())
			done <- err
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if n := len(w.Announced.Take()); n != 1 {
		t.Fatalf("%d announcements", n)
	}
}

// A sweep records each change that it sees, of pages of a fleet that has fallen silent, and announces each once.
func TestASweepRecordsAllThatChanged(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	const fleet = 300
	for i := range fleet - 1 {
		w.Register(registry.Registration{ID: fmt.Sprintf("w%03d", i), From: world.Home})
	}
	w.SweepOnce()
	w.Announced.Take()
	for end := w.Now.Add(w.Registry.Policy.LeaseTTL + time.Hour); w.Now.Before(end); w.Now = w.Now.Add(time.Minute) {
		if _, err := w.Registry.BeginSweep(t.Context(), w.Now); err != nil { // the platform was there
			t.Fatal(err)
		}
	}
	if out := w.SweepOnce(); out.Seen != fleet || out.Announced != fleet {
		t.Errorf("%d of %d changes were recorded: %+v", out.Announced, fleet, out)
	}
	events := map[string]int{}
	for _, c := range w.Announced.Take() {
		events[c.Workspace]++
	}
	for id, n := range events {
		if n != 1 || len(events) != fleet {
			t.Fatalf("%d events of %s, of %d workspaces", n, id, len(events))
		}
	}
	if out := w.SweepOnce(); out.Announced != 0 || len(w.Announced.Take()) != 0 {
		t.Errorf("the next sweep records more: %+v", out)
	}
}

// The drains of a thousand agents with mail do not start at the same time.
func TestASweepSpreadsItsWakeups(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	for i := range 1000 {
		other := fmt.Sprint("w", i)
		w.Register(registry.Registration{ID: other, Mode: workspace.Push, URL: "http://agent/"})
		m := world.Message("m")
		m.Workspace = other
		if _, err := w.Enqueue(t.Context(), m, w.Now); err != nil {
			t.Fatal(err)
		}
	}
	w.Wakeups.Take()
	w.SweepOnce()
	second := map[int]int{}
	for _, r := range w.Wakeups.Take() {
		second[int(r.After.Seconds())]++
		if r.After >= time.Minute {
			t.Fatalf("a wake-up waits %s: past the next sweep", r.After)
		}
	}
	for s, n := range second {
		if n > 50 {
			t.Fatalf("%d drains start in second %d", n, s)
		}
	}
	if len(second) < 30 {
		t.Fatalf("all start within %d seconds", len(second))
	}
}

// An idle workspace is probed at intervals. What a lost probe shows stands until
// something reaches the agent.
func TestTheSweeperProbes(t *testing.T) {
	w := world.New(t, "", "http://agent.example")
	w.Registry.Policy.ProbeEvery = 10 * time.Minute
	pass := func(d time.Duration) {
		for end := w.Now.Add(d); w.Now.Before(end); w.Now = w.Now.Add(time.Minute) {
			w.Heartbeat(0)
			w.SweepOnce()
			w.DrainOnce()
		}
	}
	pass(9 * time.Minute)
	if f := w.Facts(); f.Accepted != 0 {
		t.Fatalf("probed too soon: %+v", f)
	}
	pass(3 * time.Minute)
	if f := w.Facts(); f.Accepted != 1 || f.Delivered != 1 || !f.UndeliveredAt.IsZero() {
		t.Fatalf("%+v", f)
	}
	w.Agent = func(chat.Message) delivery.PushResult {
		return delivery.PushResult{Handover: delivery.AgentError, Why: "refused"}
	}
	pass(20 * time.Minute)
	if v := w.Verdict(); v.Reason != workspace.ReasonPushFailing {
		t.Fatalf("a lost probe left %s (%s): %+v", v.Status, v.Reason, w.Facts())
	}
	if len(w.Announced.Dead) > 0 {
		t.Fatal("the end of a probe was announced as that of a message")
	}
	w.Agent = func(chat.Message) delivery.PushResult { return delivery.PushResult{} }
	pass(15 * time.Minute)
	if v := w.Verdict(); v.Status != workspace.StatusOnline {
		t.Fatalf("%s (%s): %+v", v.Status, v.Reason, w.Facts())
	}
}

// A probe without an attempt shows nothing: its agent was busy, paused or offline.
func TestAProbeOfABusyAgentIsNoEvidence(t *testing.T) {
	w := world.New(t, "", "http://agent.example")
	w.Heartbeat(1)
	out, err := w.Probe(t.Context(), world.ID, w.Now)
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		w.Now = w.Now.Add(time.Minute)
		w.Heartbeat(1)
		w.SweepOnce()
		w.DrainOnce()
	}
	if m := w.Receipt(out.Message.ID); m.State != chat.Expired {
		t.Fatalf("%+v", m)
	}
	if v := w.Verdict(); v.Reason != workspace.ReasonBusy {
		t.Fatalf("%s (%s)", v.Status, v.Reason)
	}
}

// A sweep that runs out of time leaves the rest to the next one, which begins there.
func TestTheNextSweepGoesOnWhereOneWasCut(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	const fleet = 600 // more than two pages
	for i := range fleet - 1 {
		w.Register(registry.Registration{ID: fmt.Sprintf("w%03d", i)})
	}
	hurried, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	seen := 0
	for sweeps := 1; ; sweeps++ {
		out, err := w.Sweeper.Sweep(hurried)
		if err != nil || len(out.Errors) > 0 {
			t.Fatalf("%+v, %v", out, err)
		}
		seen += out.Seen
		if !out.Cut {
			if sweeps != 3 || seen != fleet {
				t.Fatalf("%d sweeps saw %d of %d", sweeps, seen, fleet)
			}
			return
		}
	}
}

// The agents that call are counted over as many sweeps as a pass takes. While it goes on, the fleet is not taken for
// smaller than it was.
func TestAgentsAreCountedOverCutSweeps(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	for i := range 599 {
		w.Register(registry.Registration{ID: fmt.Sprintf("w%03d", i)})
	}
	hurried, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	for pass, counted := range [][]int{{245, 490, 600}, {600, 600, 600}, {600, 600, 0}} {
		if pass == 2 {
			w.Now = w.Now.Add(2 * time.Hour) // all are silent
		}
		for _, want := range counted {
			if _, err := w.Sweeper.Sweep(hurried); err != nil {
				t.Fatal(err)
			}
			if agents, err := w.Registry.Fleets.Agents(t.Context()); err != nil || agents != want {
				t.Errorf("pass %d: %d agents, %v, want %d", pass, agents, err, want)
			}
		}
	}
}

// One sweep that ends several messages counts each, and forgets what was lost more
// than a day before.
func TestASweepCountsEachMessageThatIsLost(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	for round := range 2 {
		w.Send(fmt.Sprint("a", round), fmt.Sprint("b", round), fmt.Sprint("c", round))
		w.Now = w.Now.Add(25 * time.Hour)
		if _, err := w.Sweeper.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if f := w.Facts(); f.LostMessages != 3 {
			t.Errorf("round %d: %d of 3 lost messages are counted", round, f.LostMessages)
		}
	}
}
