package statuslog_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

var t0 = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// fleet is a store with workspaces whose leases are over and whose verdict that tells of it is not recorded yet.
type fleet struct {
	rapid.TB
	*memory.Store
	ids []string
	now time.Time
}

var secret = token.Digest("secret")

func newFleet(t rapid.TB, n int) *fleet {
	f := &fleet{TB: t, Store: memory.NewStore(workspace.DefaultPolicy()), now: t0}
	for i := range n {
		w := workspace.Facts{
			Identity: workspace.Identity{
				ID: fmt.Sprintf("w%03d", i), Version: 1, Epoch: 1, CreatedAt: t0.Add(-time.Hour),
				RegisteredAt: t0.Add(-time.Hour), Pushable: true,
			},
			Credentials: workspace.Credentials{Credential: secret},
			Liveness: workspace.Liveness{
				HeartbeatAt: t0.Add(-time.Hour), LeaseUntil: t0.Add(-50 * time.Minute), SeenFrom: "192.0.2.1",
			},
		}
		f.ids = append(f.ids, w.ID)
		f.must(f.Save(context.Background(), workspace.Facts{}, w, registry.SaveExtras{}))
	}
	return f
}

func (f *fleet) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *fleet) facts(ids ...string) (out []workspace.Facts) {
	f.Helper()
	for _, id := range ids {
		w, err := f.Get(context.Background(), id)
		f.must(err)
		out = append(out, w)
	}
	return out
}

// log is the use case on a store.
func (f *fleet) log(s statuslog.Store) *statuslog.Log {
	return &statuslog.Log{Store: s, Policy: f.Policy, Clock: memory.Clock{Time: func() time.Time { return f.now }}}
}

// recordAll records all verdicts, as a sweep does.
func (f *fleet) recordAll(s statuslog.Store) (int, error) {
	return f.log(s).RecordAll(context.Background(), f.facts(f.ids...), workspace.Fleet{}, f.now, f.Get)
}

// heartbeat lets an agent come back, whose call records that.
func (f *fleet) heartbeat(id string) {
	f.now = f.now.Add(time.Millisecond)
	signal := workspace.Signal{Kind: workspace.SignalHeartbeat, From: "192.0.2.1"}
	w, err := f.Renew(context.Background(), id, secret, signal, f.now)
	f.must(err)
	f.log(f.Store).RecordCall(context.Background(), w, f.now)
}

// pause has an operator pause or resume a workspace, which records that.
func (f *fleet) pause(id string) {
	was := f.facts(id)[0]
	next := was
	next.Version++
	if next.Hold = workspace.Paused; was.Hold == workspace.Paused {
		next.Hold = workspace.NoHold
	}
	f.must(f.Save(context.Background(), was, next, registry.SaveExtras{}))
	_, err := f.log(f.Store).Record(context.Background(), next, workspace.Fleet{}, f.now)
	f.must(err)
}

// check holds the log to its promises: its numbers have no gap, neither has any workspace's, each change goes on from
// the one before, the history of a workspace has just its changes, and reading on from a number misses and doubles
// none.
func (f *fleet) check() {
	f.Helper()
	latest, err := f.LatestChange(context.Background())
	f.must(err)
	last := map[string]statuslog.Change{}
	for seq := int64(0); seq < latest; {
		page, err := f.Changes(context.Background(), seq, 7)
		f.must(err)
		if len(page) == 0 {
			f.Fatalf("the log of %d changes ends after %d", latest, seq)
		}
		for _, c := range page {
			before := last[c.Workspace]
			from := statuslog.StatusReason{}
			if c.From != nil {
				from = *c.From
			}
			if seq++; c.Seq != seq || c.WorkspaceSeq != before.WorkspaceSeq+1 || from != before.To {
				f.Fatalf("%+v\ncomes after number %d and\n%+v", c, seq-1, before)
			}
			last[c.Workspace] = c
		}
	}
	for _, w := range f.facts(f.ids...) {
		trail, err := f.AuditTrail(context.Background(), w.Life(), "", 1000)
		f.must(err)
		if int64(len(trail)) != last[w.ID].WorkspaceSeq || w.AnnouncedSeq != last[w.ID].WorkspaceSeq {
			f.Fatalf("%s has %d rows, %d changes and the number %d", w.ID, len(trail), last[w.ID].WorkspaceSeq, w.AnnouncedSeq)
		}
	}
}

// disturbed is a store at which others act before a page is written.
type disturbed struct {
	*fleet
	disturb func(page []statuslog.Entry)
}

func (d disturbed) AddChanges(ctx context.Context, page []statuslog.Entry) error {
	d.disturb(page)
	return d.fleet.AddChanges(ctx, page)
}

// Whatever calls, operators and other sweeps do between the writes of a sweep, no change is lost, doubled or out of
// order, and one sweep records all that there is.
func TestAnyInterleavingGivesALogWithoutGaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFleet(t, rapid.IntRange(1, 3*statuslog.PageSize).Draw(t, "workspaces"))
		some := rapid.SampledFrom(f.ids)
		var sweeps int
		var acts map[string]func(id string)
		var store disturbed
		acts = map[string]func(id string){
			"an agent comes back":  f.heartbeat,
			"an operator pauses":   f.pause,
			"the lease is renewed": func(id string) { f.must(f.renewOnly(id)) },
			"another sweep records some": func(id string) {
				from := slices.Index(f.ids, id)
				facts := f.facts(f.ids[from:min(from+10, len(f.ids))]...)
				_, err := f.log(f.Store).RecordAll(context.Background(), facts, workspace.Fleet{}, f.now, f.Get)
				f.must(err)
			},
			"another sweep records all": func(string) {
				sweeps++
				if _, err := f.recordAll(f.Store); err != nil {
					t.Fatal(err)
				}
			},
		}
		names := []string{"nobody acts", "nobody acts"}
		for name := range acts {
			names = append(names, name)
		}
		slices.Sort(names)
		left := 4 // fewer than the times that a sweep looks again
		store = disturbed{f, func([]statuslog.Entry) {
			for range rapid.IntRange(0, 2).Draw(t, "act") {
				if act := acts[rapid.SampledFrom(names).Draw(t, "who acts")]; act != nil && left > 0 {
					left--
					act(some.Draw(t, "workspace"))
				}
			}
		}}
		if _, err := f.recordAll(store); err != nil {
			t.Fatal(err)
		}
		f.check()
		n, err := f.recordAll(f.Store)
		if err != nil || n != 0 && left == 4 {
			t.Fatalf("a second sweep records %d, %v", n, err)
		}
		f.check()
	})
}

// renewOnly renews a lease without recording anything.
func (f *fleet) renewOnly(id string) error {
	f.now = f.now.Add(time.Millisecond)
	signal := workspace.Signal{Kind: workspace.SignalHeartbeat, From: "192.0.2.1"}
	_, err := f.Renew(context.Background(), id, secret, signal, f.now)
	return err
}

// Those whose workspaces change just before their page is written are written too, by the same sweep.
func TestWhoLosesIsWrittenInTheSameSweep(t *testing.T) {
	const fleetSize = 300
	for name, act := range map[string]func(f *fleet, w workspace.Facts){
		"another value is saved": func(f *fleet, w workspace.Facts) {
			next := w
			next.MaxTasks++
			next.Version++
			f.must(f.Save(context.Background(), w, next, registry.SaveExtras{}))
		},
		"another agent's call takes the next number": func(f *fleet, _ workspace.Facts) {
			f.heartbeat(f.ids[fleetSize])
			f.now = f.now.Add(time.Hour)
			_, err := f.log(f.Store).Record(context.Background(), f.facts(f.ids[fleetSize])[0], workspace.Fleet{}, f.now)
			f.must(err)
		},
	} {
		f := newFleet(t, fleetSize+1)
		swept := f.facts(f.ids[:fleetSize]...)
		pages := 0
		store := disturbed{f, func(page []statuslog.Entry) {
			if pages++; pages%2 == 1 {
				act(f, f.facts(page[len(page)/2].Old.ID)[0])
			}
		}}
		n, err := f.log(store).RecordAll(t.Context(), swept, workspace.Fleet{}, f.now, f.Get)
		if err != nil || n != fleetSize {
			t.Errorf("%s: %d of %d are recorded, %v", name, n, fleetSize, err)
		}
		f.check()
	}
}

// A change that tells of silence is not recorded when its agent was heard meanwhile.
func TestAnAgentThatIsHeardMeanwhileIsNotRecordedAsSilent(t *testing.T) {
	f := newFleet(t, 3)
	heard := false
	n, err := f.recordAll(disturbed{f, func([]statuslog.Entry) {
		if !heard {
			heard = true
			f.must(f.renewOnly("w001"))
		}
	}})
	changes, _ := f.Changes(t.Context(), 0, 10)
	if err != nil || n != 3 || len(changes) != 3 {
		t.Fatalf("%d recorded, %+v, %v", n, changes, err)
	}
	for _, c := range changes {
		if want := map[bool]string{true: "online", false: "offline"}[c.Workspace == "w001"]; string(c.To.Status) != want {
			t.Errorf("%s is %s", c.Workspace, c.To.Status)
		}
	}
}

// poisoned is a store that can't write the change of one workspace.
type poisoned struct {
	*fleet
	id    string
	calls *int
}

func (p poisoned) AddChanges(ctx context.Context, page []statuslog.Entry) error {
	*p.calls++
	at := slices.IndexFunc(page, func(e statuslog.Entry) bool { return e.Old.ID == p.id })
	if at >= 0 {
		return &statuslog.Lost{Entries: []int{at}, Cause: errPoisoned}
	}
	return p.fleet.AddChanges(ctx, page)
}

var errPoisoned = errors.New("its history has no room")

// One change that can't be written keeps no other one from the log, and is told.
func TestOneThatCannotBeWrittenKeepsNoOtherBack(t *testing.T) {
	f := newFleet(t, 100)
	calls := 0
	n, err := f.recordAll(poisoned{f, "w042", &calls})
	if n != 99 || !errors.Is(err, errPoisoned) || calls > 10 {
		t.Errorf("%d recorded in %d calls, %v", n, calls, err)
	}
	f.check()
}

// A store that is down is asked once.
func TestAFaultEndsTheRecording(t *testing.T) {
	f := newFleet(t, 100)
	down := errors.New("down")
	calls := 0
	n, err := f.recordAll(failing{f, &calls, down})
	if n != 0 || !errors.Is(err, down) || calls != 1 {
		t.Errorf("%d recorded in %d calls, %v", n, calls, err)
	}
	if taken, err := f.TakeRight(t.Context(), statuslog.Recording, f.now, f.now.Add(time.Second)); !taken || err != nil {
		t.Errorf("the turn is still taken, %v", err)
	}
}

type failing struct {
	*fleet
	calls *int
	err   error
}

func (f failing) AddChanges(context.Context, []statuslog.Entry) error {
	*f.calls++
	return f.err
}

// A sweep waits while another one records, but not for ever for one that has died.
func TestASweepWaitsForItsTurn(t *testing.T) {
	for name, c := range map[string]struct {
		held  time.Duration // how long the other one has the turn
		waits time.Duration // at most
	}{
		"nobody has it":         {0, 0},
		"the other is through":  {time.Second, 2 * time.Second},
		"the other stays alive": {time.Hour, 90 * time.Second},
	} {
		f := newFleet(t, 3)
		clk := &passing{chance: 0.5}
		until := clk.Now().Add(c.held)
		if taken, err := f.TakeRight(t.Context(), statuslog.Recording, clk.Now(), until); !taken || err != nil {
			t.Fatal(taken, err)
		}
		log := &statuslog.Log{Store: f.Store, Policy: f.Policy, Clock: clk}
		n, err := log.RecordAll(t.Context(), f.facts(f.ids...), workspace.Fleet{}, f.now, f.Get)
		if n != 3 || err != nil || clk.slept > c.waits || c.held > 0 && clk.slept == 0 {
			t.Errorf("%s: %d recorded after %s, %v", name, n, clk.slept, err)
		}
	}
}

// A page is no larger than an item of the store may be, however long its texts are.
func TestAPageIsBoundedInBytes(t *testing.T) {
	f := newFleet(t, statuslog.PageSize)
	long := make([]byte, 60<<10)
	for i := range long {
		long[i] = 'x'
	}
	largest := 0
	for _, w := range f.facts(f.ids...) {
		next := w
		next.Version++
		next.HeartbeatAt, next.LeaseUntil = f.now, f.now.Add(time.Minute)
		next.ErrorsSince, next.SampleError = f.now.Add(-time.Hour), string(long)
		f.must(f.Save(t.Context(), w, next, registry.SaveExtras{}))
	}
	n, err := f.recordAll(disturbed{f, func(page []statuslog.Entry) { largest = max(largest, len(page)) }})
	if n != statuslog.PageSize || err != nil || largest == 0 || largest > 6 {
		t.Errorf("%d recorded, %d at once, %v", n, largest, err)
	}
	f.check()
}
