package sweep_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/sweep"
	"github.com/rollcall/rollcall/shared/workspace"
)

// process is the store as one function sees it: its pages are short and may be of a moment ago, another function may
// act while it waits for one, and it may be killed at any call, which is then done or not.
type process struct {
	*memory.Store
	g         *segmented
	callsLeft int  // until it is killed; -1: it is not
	lastDone  bool // the call at which it is killed is done
	segment   workspace.Segment
}

// call makes a call, or is killed at it.
func (p *process) call(do func() error) error {
	dead := fault.Store("call", errors.New("killed"))
	switch p.callsLeft {
	case -2:
		return dead
	case 0:
		p.callsLeft = -2
		if p.lastDone {
			_ = do() // its reply is lost
		}
		return dead
	case -1:
	default:
		p.callsLeft--
	}
	return do()
}

func (p *process) Scan(
	ctx context.Context, s workspace.Segment, cursor string, limit int,
) (facts []workspace.Facts, next string, err error) {
	err = p.call(func() error {
		facts, next, err = p.Store.Scan(ctx, s, cursor, min(limit, p.g.pageSize))
		for i, f := range facts {
			if old, known := p.g.before[f.ID]; known && p.g.stale {
				facts[i] = old
			}
		}
		return err
	})
	if p.segment == s && p.callsLeft != -2 {
		p.g.meanwhile()
	}
	return facts, next, err
}

func (p *process) GetAll(ctx context.Context, ids ...string) (facts []workspace.Facts, err error) {
	err = p.call(func() error {
		facts, err = p.Store.GetAll(ctx, ids...)
		return err
	})
	if err == nil {
		for _, id := range ids {
			p.g.seen[p.segment][id] = true
		}
	}
	return facts, err
}

func (p *process) Fleet(ctx context.Context) (fl workspace.Fleet, err error) {
	err = p.call(func() error {
		fl, err = p.Store.Fleet(ctx)
		return err
	})
	return fl, err
}

func (p *process) NoteSweep(ctx context.Context, fl workspace.Fleet) error {
	return p.call(func() error { return p.Store.NoteSweep(ctx, fl) })
}

func (p *process) NoteSweepEnd(ctx context.Context, fl workspace.Fleet) error {
	return p.call(func() error { return p.Store.NoteSweepEnd(ctx, fl) })
}

func (p *process) NotePass(ctx context.Context, pass workspace.Pass) error {
	return p.call(func() error { return p.Store.NotePass(ctx, pass) })
}

func (p *process) ClaimSegment(
	ctx context.Context, s workspace.Segment, task, now, until time.Time,
) (was workspace.SegmentState, claimed bool, err error) {
	err = p.call(func() error {
		was, claimed, err = p.Store.ClaimSegment(ctx, s, task, now, until)
		return err
	})
	if claimed && err == nil {
		p.g.claimed(s, was, task, until)
		p.segment = s
	}
	return was, claimed && err == nil, err
}

// NoteSegment is sent twice when the first reply is lost: the second says the same.
func (p *process) NoteSegment(ctx context.Context, until time.Time, s workspace.SegmentState) error {
	return p.call(func() error {
		err := p.Store.NoteSegment(ctx, until, s)
		if rapid.IntRange(0, 3).Draw(p.g.T, "reply lost") == 0 {
			if again := p.Store.NoteSegment(ctx, until, s); (again == nil) != (err == nil) {
				p.g.Errorf("noted: %v, and again: %v", err, again)
			}
		}
		if err == nil {
			p.g.notedSegment(s)
		}
		return err
	})
}

// AddChanges checks that nothing is recorded that a stale page showed.
func (p *process) AddChanges(ctx context.Context, page []statuslog.Entry) error {
	return p.call(func() error {
		err := p.Store.AddChanges(ctx, page)
		for _, e := range page {
			f, getErr := p.Store.Get(ctx, e.Next.ID)
			to := e.Change.To.Status
			silent := to == workspace.StatusOffline || to == workspace.StatusUnknown
			if err == nil && (getErr != nil || silent == f.LeaseUntil.After(p.g.w.Now)) {
				p.g.Errorf("%s is recorded, with a lease until %s at %s: %v", to, f.LeaseUntil, p.g.w.Now, getErr)
			}
		}
		return err
	})
}

func (p *process) LatestChange(ctx context.Context) (n int64, err error) {
	err = p.call(func() error {
		n, err = p.Store.LatestChange(ctx)
		return err
	})
	if p.callsLeft != -2 {
		p.g.meanwhile()
	}
	return n, err
}

func (p *process) NoteAnnounced(ctx context.Context, until time.Time, a statuslog.Announced) error {
	return p.call(func() error { return p.Store.NoteAnnounced(ctx, until, a) })
}

// segmented is a fleet that is swept by segments, of random sizes, by processes that die.
type segmented struct {
	*rapid.T
	w        *world.World
	size     int // of a segment
	pageSize int
	stale    bool                       // pages are of before the last change
	before   map[string]workspace.Facts // the change
	nested   int
	calm     bool // nothing goes wrong any more
	queue    []sweep.Task
	held     map[int]time.Time // who has claimed a segment and has not given it back
	seen     map[workspace.Segment]map[string]bool
	began    map[workspace.Segment]time.Time // the pass that is under way
	passes   int
}

// claimed begins a pass, unless one is under way. Nobody else has the segment, and the task is newer than the last.
func (g *segmented) claimed(s workspace.Segment, was workspace.SegmentState, task, until time.Time) {
	if !task.After(was.Task) {
		g.Fatalf("segment %d is claimed for the task of %s, after that of %s", s.Number, task, was.Task)
	}
	if end := g.held[s.Number]; g.w.Now.Before(end) {
		g.Fatalf("segment %d is claimed at %s, and another has it until %s", s.Number, g.w.Now, end)
	}
	g.held[s.Number] = until
	if was.Begin(s, g.w.Now, until).Cursor == "" || g.seen[s] == nil {
		g.seen[s], g.began[s] = map[string]bool{}, g.w.Now
	}
}

// notedSegment checks a pass that has ended: it has looked at each workspace of its segment that there was when it
// began.
func (g *segmented) notedSegment(s workspace.SegmentState) {
	if s.HeldUntil.IsZero() {
		delete(g.held, s.Number)
	}
	if s.Cursor != "" || !s.EndedAt.Equal(g.w.Now) {
		return
	}
	g.passes++
	all, _, err := g.w.Store.Scan(g.Context(), s.Segment, "", 1000)
	g.noError(err)
	least := 0
	for _, f := range all {
		if !f.CreatedAt.Before(g.began[s.Segment]) {
			continue
		}
		if least++; !g.seen[s.Segment][f.ID] {
			g.Fatalf("the pass over %+v that ended has not looked at %s", s.Segment, f.ID)
		}
	}
	if s.Workspaces < least || s.Workspaces > len(all) {
		g.Fatalf("the pass over %+v counted %d workspaces of %d to %d", s.Segment, s.Workspaces, least, len(all))
	}
}

func (g *segmented) noError(err error) {
	g.Helper()
	if err != nil {
		g.Fatal(err)
	}
}

// sweeper is the sweeper in a process of its own.
func (g *segmented) sweeper() *sweep.Sweeper {
	p := &process{Store: g.w.Store, g: g, callsLeft: -1}
	if !g.calm && rapid.IntRange(0, 2).Draw(g.T, "dies") == 0 {
		p.callsLeft, p.lastDone = rapid.IntRange(0, 12).Draw(g.T, "after"), rapid.Bool().Draw(g.T, "the last is done")
	}
	p.segment = workspace.All
	g.seen[workspace.All] = map[string]bool{}
	r := g.w.Registry
	log := &statuslog.Log{Store: p, Announcer: g.w.Announced, Policy: r.Policy, Clock: quick{g.w}}
	own := &registry.Registry{
		Leases: p, Profiles: r.Profiles, Owners: r.Owners, Enrolments: r.Enrolments, Fleets: p, Wakeups: r.Wakeups,
		Guard: r.Guard, Policy: r.Policy, Clock: quick{g.w}, StatusLog: log,
	}
	d := *g.w.Delivery
	d.Registry = own
	s := *g.w.Sweeper
	s.Registry, s.Delivery, s.StatusLog, s.Clock, s.SegmentSize, s.Tasks = own, &d, log, quick{g.w}, g.size, g
	return &s
}

// quick is the world's time. Who waits does not wait.
type quick struct{ *world.World }

func (q quick) Now() time.Time                                 { return q.World.Now }
func (quick) Random() float64                                  { return 0.5 }
func (quick) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

var _ clock.Clock = quick{}

// HandOut implements sweep.Tasks: some tasks are lost, come twice, or are late.
func (g *segmented) HandOut(_ context.Context, tasks []sweep.Task) error {
	for _, t := range tasks {
		times := 1
		if !g.calm {
			times = rapid.SampledFrom([]int{0, 1, 1, 1, 2}).Draw(g.T, "times")
		}
		for range times {
			g.queue = append(g.queue, t)
		}
	}
	return nil
}

// work does one task of the queue, in time or not.
func (g *segmented) work() {
	at := 0
	if !g.calm {
		at = rapid.IntRange(0, len(g.queue)-1).Draw(g.T, "task")
	}
	t := g.queue[at]
	g.queue = slices.Delete(g.queue, at, at+1)
	ctx := g.Context()
	if !g.calm && rapid.Bool().Draw(g.T, "hurried") {
		hurried, cancel := context.WithTimeout(ctx, 10*time.Second) // no second page
		defer cancel()
		ctx = hurried
	}
	_, err := g.sweeper().SweepSegment(ctx, t)
	if g.calm {
		g.noError(err)
	}
}

// meanwhile has another process act, now and then.
func (g *segmented) meanwhile() {
	if g.calm || g.nested > 1 || len(g.queue) == 0 || rapid.IntRange(0, 4).Draw(g.T, "meanwhile") > 0 {
		return
	}
	g.nested++
	defer func() { g.nested-- }()
	g.work()
}

// create creates a workspace, whose mail has each sweep look at it.
func (g *segmented) create(id string) {
	g.w.Register(registry.Registration{ID: id})
	m := world.Message("m")
	m.Workspace = id
	_, err := g.w.Enqueue(g.Context(), m, g.w.Now)
	g.noError(err)
}

// change has some agents fall silent, and others call.
func (g *segmented) change(facts map[string]workspace.Facts) {
	g.before = maps.Clone(facts)
	for _, id := range slices.Sorted(maps.Keys(facts)) {
		f := facts[id]
		next := f
		next.LeaseUntil = g.w.Now.Add(rapid.SampledFrom([]time.Duration{-time.Hour, time.Hour}).Draw(g.T, "lease"))
		next.HeartbeatAt = next.LeaseUntil.Add(-g.w.Registry.Policy.LeaseTTL)
		g.noError(g.w.Store.Save(g.Context(), f, next, registry.SaveExtras{}))
	}
}

func (g *segmented) facts() map[string]workspace.Facts {
	out := map[string]workspace.Facts{}
	all, _, err := g.w.Store.Page(g.Context(), "", 1000)
	g.noError(err)
	for _, f := range all {
		out[f.ID] = f
	}
	return out
}

// round is a minute: a sweep, and work on what it hands out.
func (g *segmented) round() {
	g.w.Now = g.w.Now.Add(time.Minute)
	_, err := g.sweeper().Sweep(g.Context())
	if g.calm {
		g.noError(err)
	}
	for len(g.queue) > 0 && (g.calm || rapid.IntRange(0, 9).Draw(g.T, "works") > 0) {
		g.work()
	}
}

// Whatever dies, is lost, comes twice or late: a pass that has ended has looked at every workspace of its segment, one
// worker is at a segment at a time, each change is recorded once, in order, and once all goes well again everything is
// swept and told within three sweeps.
func TestSegmentsAreSweptWhateverDies(t *testing.T) {
	passes := 0
	rapid.Check(t, func(rt *rapid.T) {
		g := &segmented{
			T: rt, w: world.New(t, workspace.Poll, ""), size: rapid.IntRange(1, 8).Draw(rt, "segment"),
			pageSize: rapid.IntRange(1, 4).Draw(rt, "page"), held: map[int]time.Time{},
			seen: map[workspace.Segment]map[string]bool{}, began: map[workspace.Segment]time.Time{},
		}
		g.w.Send("m")
		fleet := 1
		for range rapid.IntRange(1, 6).Draw(rt, "rounds") {
			for range rapid.IntRange(0, 12).Draw(rt, "new") {
				g.create(fmt.Sprint("w", fleet))
				fleet++
			}
			g.change(g.facts())
			g.stale = rapid.Bool().Draw(rt, "stale")
			g.round()
		}
		g.calm, g.stale = true, false
		last := time.Time{}
		for range 4 { // how many there are is known after the first
			last = g.w.Now
			g.round()
		}
		g.swept(fleet, last)
		passes += g.passes
	})
	if passes < 100 {
		t.Errorf("only %d passes have ended", passes)
	}
}

// swept checks that all is swept, recorded and announced.
func (g *segmented) swept(fleet int, since time.Time) {
	_, err := g.sweeper().Sweep(g.Context()) // it counts, and announces
	g.noError(err)
	fl, err := g.w.Store.Fleet(g.Context())
	g.noError(err)
	agents := 0
	known := g.w.Registry.SweptFleet(g.Context(), g.w.Now)
	for id, f := range g.facts() {
		if f.Calls(g.w.Now) {
			agents++
		}
		status, reason := known.Stands(f, g.w.Registry.Policy, g.w.Now)
		if is := fmt.Sprintf("%s/%s", status, reason); f.AnnouncedAs != is {
			g.Errorf("%s is %s, and recorded as %s", id, is, f.AnnouncedAs)
		}
	}
	if fl.Workspaces != fleet || fl.Agents != agents || fl.SweepEndedAt.Before(since) || fl.SweepCursor != "" {
		g.Errorf("%d workspaces and %d agents, swept since %s: %+v", fleet, agents, since, fl)
	}
	states, err := g.w.Store.SegmentStates(g.Context())
	g.noError(err)
	for _, s := range states {
		if s.Of == workspace.Segments(fleet, g.size) && (s.Cursor != "" || s.EndedAt.Before(since)) {
			g.Errorf("not swept since %s: %+v", since, s)
		}
	}
	g.checkLog()
}

// checkLog checks that the log has each change once: the numbers have no gap, and of a workspace each begins with what
// the one before came to.
func (g *segmented) checkLog() {
	log, err := g.w.Store.Changes(g.Context(), 0, 1_000_000)
	g.noError(err)
	last := map[string]statuslog.Change{}
	told := map[int64]bool{}
	for _, c := range g.w.Announced.Take() {
		told[c.Seq] = true
	}
	for i, c := range log {
		was, known := last[c.Workspace]
		if c.Seq != int64(i+1) || c.WorkspaceSeq != was.WorkspaceSeq+1 || !told[c.Seq] {
			g.Errorf("change %d after %+v: %+v, announced: %t", i, was, c, told[c.Seq])
		}
		if known != (c.From != nil) || known && (*c.From != was.To || c.To == was.To) {
			g.Errorf("of %s, %+v comes after %+v", c.Workspace, c, was)
		}
		last[c.Workspace] = c
	}
}

// A worker gives its segment back: the task of a sweep that somebody asked for in the same minute is done too.
func TestASegmentIsGivenBack(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	for n := range 3 {
		task := sweep.Task{Segment: workspace.All, Sweep: w.Now.Add(time.Duration(n) * time.Second)}
		if out, err := w.Sweeper.SweepSegment(t.Context(), task); err != nil || out.Seen != 1 || out.Cut {
			t.Errorf("task %d: %+v, %v", n, out, err)
		}
	}
}

// A sweep hands out as many tasks as its fleet needs, and says how far behind the oldest segment is.
func TestASweepHandsOutSegments(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	w.Sweeper.SegmentSize = 2
	for i := range 4 {
		w.Register(registry.Registration{ID: fmt.Sprint("w", i)})
	}
	if out := w.SweepOnce(); out.Seen != 5 || out.Segments != 0 || out.Lag != nil {
		t.Fatalf("%+v", out) // how many there are is not known yet
	}
	for minute, want := range []struct {
		works []int // the segments
		own   [3]time.Duration
		lag   time.Duration
	}{
		{[]int{0, 1, 2}, [3]time.Duration{}, time.Minute},
		{[]int{0, 2}, [3]time.Duration{time.Minute, 0, time.Minute}, time.Minute},
		{[]int{0, 1}, [3]time.Duration{time.Minute, 2 * time.Minute}, 2 * time.Minute},
		{nil, [3]time.Duration{}, 2 * time.Minute},
	} {
		w.Now = w.Now.Add(time.Minute)
		out := w.SweepOnce()
		if out.Segments != 3 || out.Lag == nil || *out.Lag != want.lag.Seconds() || len(w.Tasks) != 3 {
			t.Fatalf("minute %d: %+v, behind for %v, %d tasks", minute, out, *out.Lag, len(w.Tasks))
		}
		seen := 0
		for _, number := range want.works {
			out, err := w.Sweeper.SweepSegment(t.Context(), w.Tasks[number])
			w.NoError(err)
			if own := want.own[number]; own == 0 && out.Lag != nil || own > 0 && (out.Lag == nil || *out.Lag != own.Seconds()) {
				t.Errorf("minute %d: segment %d was behind for %s: %+v", minute, number, own, out)
			}
			seen += out.Seen
		}
		if len(want.works) == 3 && seen != 5 {
			t.Errorf("minute %d: %d of 5 are seen", minute, seen)
		}
		w.Tasks = nil
	}
	h, err := w.Registry.Health(t.Context(), w.Now)
	if w.NoError(err); w.Now.Sub(h.SweepEndedAt) != 2*time.Minute || h.SweeperSilent {
		t.Errorf("%s: %+v", w.Now, h)
	}
}
