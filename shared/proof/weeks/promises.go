package weeks

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/workspace"
)

// check holds what is to be seen now to what is promised whatever the time is.
func (m *machine) check(t *rapid.T) {
	m.t = t
	m.clock.advance(time.Millisecond)
	m.takeWakeups()
	m.look()
	for _, s := range m.spaces {
		if l := s.present(); l != nil {
			m.checkView(l)
			m.checkLists(l)
		}
	}
	m.checkHooks()
}

// look looks at what the store may forget when time passes.
func (m *machine) look() {
	m.checkLog()
	for _, s := range m.spaces {
		if l := s.present(); l != nil {
			m.checkMail(l)
		}
	}
}

// checkLog reads the changes that were recorded since the last step: their numbers have no gap, and each is true.
func (m *machine) checkLog() {
	found, err := m.store.Changes(m.ctx, int64(len(m.changes)), 1000)
	m.must("read the log", err)
	for _, c := range found {
		if c.Seq != int64(len(m.changes))+1 {
			m.t.Fatalf("change %d comes after %d", c.Seq, len(m.changes))
		}
		m.changes = append(m.changes, c)
		l := m.lifeOf(c.Workspace, c.Life-1)
		m.trueTimes(fmt.Sprintf("change %d, of life %d of %s", c.Seq, c.Life, c.Workspace), l, encoded(c))
	}
}

// lifeOf is a life by its number.
func (m *machine) lifeOf(id string, number int64) *life {
	for _, s := range m.spaces {
		if s.id == id && number >= 0 && number < int64(len(s.lives)) {
			return s.lives[number]
		}
	}
	m.t.Fatalf("%s has no life %d", id, number)
	return nil
}

// written is a time in a text.
var written = regexp.MustCompile(`\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)

// future are the members that may be times to come.
var future = regexp.MustCompile(`"(lease_until|recheck_at|expires_at)":"[^"]*"`)

// ahead is evidence of what is to come, which says so, and of the platform, which was there before the workspace.
var ahead = regexp.MustCompile(`\{"at":"[^"]*","fact":"([^"]* then|last sweep[^"]*|the bootstrap window ends[^"]*)"\}`)

// toCome are sentences that tell of a time to come, or of the platform.
var toCome = regexp.MustCompile(`(until|before|by|from|at the latest|in the hour of|sweeper has not run since) ` +
	`20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)

// trueTimes checks that what is said of a life tells of no time before it, and of none to come.
func (m *machine) trueTimes(what string, l *life, said string) {
	now := m.clock.Now()
	text := toCome.ReplaceAllString(ahead.ReplaceAllString(future.ReplaceAllString(said, ""), ""), "")
	for _, word := range written.FindAllString(text, -1) {
		at, err := time.Parse(time.RFC3339Nano, word)
		switch {
		case err != nil:
			m.t.Fatal(err)
		case at.After(now):
			m.t.Fatalf("%s says at %s: %s", what, now.Format(time.RFC3339Nano), said)
		case at.Before(l.began.Truncate(time.Second)):
			m.t.Fatalf("%s, which began at %s, says: %s", what, l.began.Format(time.RFC3339Nano), said)
		}
	}
}

// checkView checks what anybody is told of a workspace.
func (m *machine) checkView(l *life) {
	now := m.clock.Now()
	f, ok := m.facts(l.space.id)
	if !ok || f.Lives != l.number {
		m.t.Fatalf("life %d of %s is not there: %+v", l.number, l.space.id, f)
	}
	p, err := m.store.Profile(m.ctx, f.ID)
	m.must("read the profile", err)
	viewer := httpapi.ViewerOf(m.ctx, m.env.Registry, now, f).As(httpapi.Caller{Person: "root", Scope: people.Admin})
	view, told := viewer.Workspace(f, p), viewer.Explanation(f, p, false)
	said := encoded(view) + encoded(told)
	what := fmt.Sprintf("life %d of %s", l.number, l.space.id)
	m.trueTimes(what, l, said)
	m.ofThisLife(what, l, said)
	never := view.Reason == workspace.ReasonNeverRegistered || strings.Contains(said, "no call accepted since")
	switch {
	case l.accepted && never:
		m.t.Fatalf("%s: a call was accepted, and it says %s", what, said)
	case l.polled && strings.Contains(said, "has never polled"):
		m.t.Fatalf("%s: a poll was accepted, and it says %s", what, said)
	case view.Since.After(now):
		m.t.Fatalf("%s: since is to come: %s", what, said)
	}
	if !f.Conserved() {
		m.t.Fatalf("%s: the counters of its mail disagree: %+v", what, f)
	}
}

// marks are the marks of lives in a text.
var marks = regexp.MustCompile(`mark-of-([a-z]+)-(\d+)-`)

// ofThisLife checks that nothing is said that an agent of another life of the workspace said.
func (m *machine) ofThisLife(what string, l *life, said string) {
	for _, found := range marks.FindAllStringSubmatch(said, -1) {
		if found[1] == l.space.id && found[0] != l.mark() {
			m.t.Fatalf("%s is told of another life: %s", what, said)
		}
	}
}

// checkMail checks that each accepted message is there until its receipt may go.
func (m *machine) checkMail(l *life) {
	kept, now := workspace.Life{Workspace: l.space.id, Number: l.number}, m.clock.Now()
	if l.mail == nil {
		l.mail = map[string]time.Time{}
	}
	seen := map[string]bool{}
	for below := ""; ; {
		ms, next, err := m.env.Delivery.List(m.ctx, kept, delivery.Selection{At: now, Below: below, Limit: 100})
		m.must("list messages", err)
		for _, msg := range ms {
			if seen[msg.ID] {
				m.t.Fatalf("%s is listed twice", msg.ID)
			}
			seen[msg.ID] = true
			l.mail[msg.ID] = time.Time{}
			if !msg.State.Open() {
				l.mail[msg.ID] = msg.SettledAt.Add(m.env.Delivery.Policy.Retention)
			}
		}
		if below = next; below == "" {
			break
		}
	}
	for id, until := range l.mail {
		switch {
		case seen[id]:
		case until.IsZero() || now.Before(until):
			m.t.Fatalf("%s of life %d of %s is lost", id, l.number, l.space.id)
		default:
			delete(l.mail, id)
		}
	}
}

// checkLists checks that what a life logged and delegated is its own, and that a list by pages is the list.
func (m *machine) checkLists(l *life) {
	kept := workspace.Life{Workspace: l.space.id, Number: l.number}
	what := fmt.Sprintf("life %d of %s", l.number, l.space.id)
	all, err := m.store.ActivityLog(m.ctx, kept, activity.Range{Limit: 1000})
	m.must("read the log", err)
	m.ofThisLife("the log of "+what, l, encoded(all))
	delegated, err := m.env.Delegations.List(m.ctx, kept, 50)
	m.must("list delegations", err)
	m.ofThisLife("the delegations of "+what, l, encoded(delegated))
	for _, d := range delegated {
		ms, err := m.store.Messages(m.ctx, d.To(), d.MessageID)
		m.must("read", err)
		if len(ms) > 0 && ms[0].State.Open() && d.State != "queued" && d.State != "dispatched" && d.State != "completed" {
			m.t.Fatalf("%s: a task is %s (%s), and its message is %s", what, d.State, d.Error, ms[0].State)
		}
	}
}

// checkHooks checks that a webhook was told each change, or counts it as missed.
func (m *machine) checkHooks() {
	for url, r := range m.hooks {
		h, err := m.store.Hook(m.ctx, r.id)
		m.must("read the webhook "+url, err)
		if h.Last < r.last { // its run is not through
			continue
		}
		if told := int64(len(r.taken)); told+h.Missed != h.Last-r.from {
			m.t.Fatalf("a webhook that began after %d and is at %d was told %d, and counts %d as missed",
				r.from, h.Last, told, h.Missed)
		}
	}
}

// heals is the end of a history: everything works again, and after a while all is well.
func (m *machine) heals(t *rapid.T) {
	m.t, m.mute = t, false
	for _, r := range m.hooks {
		r.down = false
		_, err := m.env.Webhooks.Enable(m.ctx, r.id, false, by)
		m.must("enable", err)
	}
	for _, s := range m.spaces {
		if l := s.present(); l != nil {
			m.brings(l)
		}
	}
	const minutes = 30
	for minute := range minutes {
		m.clock.advance(time.Minute)
		for _, a := range m.hosts() {
			m.beat(a, 0, false)
			if a.url == "" {
				m.poll(a, a.newest, 50)
				m.poll(a, a.newest, 50)
			}
		}
		m.wake()
		m.sweep()
		if m.look(); minute%10 == 0 {
			m.check(t)
		}
	}
	m.wake()
	m.check(t)
	m.isWell(t)
}

// brings has a life's operator and its agent do what the status asks for.
func (m *machine) brings(l *life) {
	if l.paused {
		_, err := m.env.Registry.Hold(m.ctx, l.space.id, workspace.NoHold, by, m.clock.Now())
		m.must("resume", err)
		l.paused = false
	}
	m.show(l)
	a := l.agents[len(l.agents)-1]
	m.beat(a, 0, false)
	m.registersAsPoller(a)
}

// isWell checks the end of a history.
func (m *machine) isWell(t *rapid.T) {
	now := m.clock.Now()
	for _, s := range m.spaces {
		for _, l := range s.lives {
			kept := workspace.Life{Workspace: s.id, Number: l.number}
			open, err := m.store.OpenMail(m.ctx, kept, 0)
			m.must("read open mail", err)
			left, err := m.env.Delivery.LeftToDo(m.ctx, kept)
			m.must("read the outbox", err)
			if len(open) > 0 || left {
				t.Fatalf("of life %d of %s wait %+v, and is something left to do: %v", l.number, s.id, open, left)
			}
		}
		if f, ok := m.facts(s.id); ok && s.present() != nil {
			if v := m.env.Registry.Assess(m.ctx, f, now); v.Status != workspace.StatusOnline {
				t.Fatalf("%s is %s: %s", s.id, v.Status, encoded(v))
			}
		}
		if f, ok := m.facts(s.id); ok && f.ErasedLives < f.LivesToErase {
			t.Fatalf("%s: %d of %d lives are erased", s.id, f.ErasedLives, f.LivesToErase)
		}
	}
	standing := map[string]string{}
	for _, c := range m.changes {
		standing[c.Workspace] = string(c.To.Status)
	}
	for _, s := range m.spaces {
		if f, ok := m.facts(s.id); ok {
			if v := m.env.Registry.Assess(m.ctx, f, now); standing[s.id] != string(v.Status) {
				t.Fatalf("%s is %s, and the log says %s", s.id, v.Status, standing[s.id])
			}
		}
	}
	done, err := m.store.Announced(m.ctx)
	m.must("read how far the log is announced", err)
	if done.Last != int64(len(m.changes)) {
		t.Fatalf("the log is at %d, and announced up to %d", len(m.changes), done.Last)
	}
	for _, r := range m.hooks {
		h, err := m.store.Hook(m.ctx, r.id)
		m.must("read the webhook", err)
		if h.Last != int64(len(m.changes)) {
			t.Fatalf("the log is at %d, and the webhook at %s", len(m.changes), encoded(h))
		}
	}
	m.queuesAreNeeded(t)
}

// queuesAreNeeded checks that each chat queue belongs to a workspace that is there.
func (m *machine) queuesAreNeeded(t *rapid.T) {
	names, _, err := m.queues.List(m.ctx, "")
	m.must("list queues", err)
	for _, name := range names {
		id := m.queues.Workspace(name)
		f, ok := m.facts(id)
		key := f.Life().Key()
		if !ok || f.Hold == workspace.Removed || !strings.HasPrefix(name, key+"-g") {
			t.Fatalf("nobody needs the queue %s", name)
		}
	}
}
