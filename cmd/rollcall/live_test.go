package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/client"
	"github.com/rollcall/rollcall/shared/workspace"
)

// fakeFleet answers as a platform does whose fleet changes by itself, without a network, so that its time can be
// virtual. It counts its calls.
type fakeFleet struct {
	mu     sync.Mutex // is held but in a pause
	fleet  []api.Workspace
	events []api.Change
	team   bool // the caller is bound to one
	gone   bool // the log does not go on from where anybody was
	calls  map[string]int
}

func newFakeFleet(size int) *fakeFleet {
	p := &fakeFleet{calls: map[string]int{}}
	for i := range size {
		p.fleet = append(p.fleet, row(fmt.Sprintf("w%05d", i), "online", "healthy", time.Now()))
	}
	return p
}

// after changes the fleet after a time.
func (p *fakeFleet) after(d time.Duration, change func()) {
	time.AfterFunc(d, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		change()
	})
}

// turn changes a workspace's status.
func (p *fakeFleet) turn(i int, status workspace.Status, reason workspace.Reason) {
	p.fleet[i].Status, p.fleet[i].Reason = status, reason
	p.events = append(p.events, api.Change{
		Seq: int64(len(p.events) + 1), Workspace: p.fleet[i].ID, To: api.Standing{Status: status, Reason: reason},
	})
}

// RoundTrip implements http.RoundTripper.
func (p *fakeFleet) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	status, body := p.answer(r.Context(), r.URL.Path, r.URL.Query())
	text, err := json.Marshal(body)
	return &http.Response{StatusCode: status, Body: io.NopCloser(bytes.NewReader(text))}, err
}

func (p *fakeFleet) answer(ctx context.Context, path string, query url.Values) (int, any) {
	number := func(name string) int { n, _ := strconv.Atoi(query.Get(name)); return n }
	switch {
	case path == "/events" && p.team:
		return http.StatusForbidden, api.Problem{Error: "not yours", Code: "other_team", Action: "stop"}
	case path == "/events" && !query.Has("since"):
		p.calls["newest event"]++
		return http.StatusOK, api.Events{Next: int64(len(p.events))}
	case path == "/events":
		p.calls["events"]++
		if p.gone {
			p.gone = false
			return http.StatusGone, api.Problem{Error: "gone", Code: "cursor_gone", Action: "drop_cursor"}
		}
		since := number("since")
		for waited := 0; waited < number("wait") && len(p.events) <= since; waited++ {
			p.mu.Unlock()
			pause(ctx, time.Second)
			p.mu.Lock()
		}
		return http.StatusOK, api.Events{Events: p.events[since:], Next: int64(len(p.events))}
	case query.Has("ids"):
		p.calls["named"]++
		out := api.Fleet{}
		for id := range strings.SplitSeq(query.Get("ids"), ",") {
			i, err := strconv.Atoi(strings.TrimPrefix(id, "w"))
			if err == nil && i < len(p.fleet) {
				out.Workspaces = append(out.Workspaces, p.fleet[i])
			}
		}
		return http.StatusOK, out
	}
	p.calls["page of the fleet"]++
	from := number("cursor")
	to := min(from+number("limit"), len(p.fleet))
	out := api.Fleet{Workspaces: p.fleet[from:to]}
	if to < len(p.fleet) {
		next := strconv.Itoa(to)
		out.Next = &next
	}
	return http.StatusOK, out
}

// watchFor runs watch of the whole fleet for a time, and returns what it printed.
func watchFor(t *testing.T, p *fakeFleet, d time.Duration) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	var out, errs bytes.Buffer
	a := &app{
		out: &output{to: &out}, errs: &errs, output: "table", platform: client.Client{URL: "http://platform", Transport: p},
	}
	if err := a.watch(ctx, filter{}, fleetAnew); err != nil || errs.Len() > 0 {
		t.Errorf("%v\n%s", err, &errs)
	}
	return out.String()
}

// A large fleet is read once, and then followed: a minute costs three or four waiting calls, and one call for the
// workspaces that changed.
func TestWatchReadsTheFleetOnce(t *testing.T) {
	const fleet = 2_000
	for name, c := range map[string]struct {
		during func(*fakeFleet)
		last   time.Duration
		most   map[string]int
		says   []string
	}{
		"nothing happens": {
			func(*fakeFleet) {}, time.Minute, map[string]int{"newest event": 1, "page of the fleet": 4, "events": 4}, nil,
		},
		"some change": {
			func(p *fakeFleet) {
				p.turn(3, "degraded", "push_failing")
				p.turn(1_999, "offline", "lease_expired")
			}, time.Minute,
			// who is not well is looked after
			map[string]int{"newest event": 1, "page of the fleet": 4, "events": 5, "named": 1},
			[]string{"w00003  online → degraded (push_failing)", "w01999  online → offline (lease_expired)"},
		},
		"a third changes": {
			func(p *fakeFleet) {
				for i := range fleet / 3 {
					p.turn(i, "offline", "lease_expired")
				}
			}, time.Minute,
			map[string]int{"newest event": 2, "page of the fleet": 8, "events": 5},
			[]string{"w00665  online → offline"},
		},
		"the log is another one": {
			func(p *fakeFleet) {
				p.turn(3, "degraded", "push_failing")
				p.events, p.gone = nil, true
			}, time.Minute,
			map[string]int{"newest event": 2, "page of the fleet": 8, "events": 5},
			[]string{"w00003  online → degraded"},
		},
		"half an hour": {
			func(*fakeFleet) {}, 29 * time.Minute,
			map[string]int{"newest event": 6, "page of the fleet": 24, "events": 29 * 3},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newFakeFleet(fleet)
				p.after(25*time.Second, func() { c.during(p) })
				out := watchFor(t, p, c.last)
				for what, n := range p.calls {
					if n > c.most[what] {
						t.Errorf("%d calls for %s, at most %d are needed: %v", n, what, c.most[what], p.calls)
					}
				}
				for _, says := range c.says {
					if !strings.Contains(out, says) {
						t.Errorf("it does not say %q", says)
					}
				}
			})
		})
	}
}

// What time alone changes is seen when it is due: of a small fleet, of each workspace; of a large one, of those that
// are not well, as the sweep tells of the others.
func TestWatchLooksWhenItIsTime(t *testing.T) {
	for _, c := range []struct {
		size int
		was  workspace.Status
		seen bool
	}{{50, "online", true}, {51, "online", false}, {51, "degraded", true}} {
		synctest.Test(t, func(t *testing.T) {
			p := newFakeFleet(c.size)
			p.fleet[7].Status = c.was
			p.fleet[7].RecheckAt = time.Now().Add(31 * time.Second)
			p.after(30*time.Second, func() { // no change is recorded yet
				p.fleet[7].Status, p.fleet[7].Reason, p.fleet[7].RecheckAt = "offline", "lease_expired", time.Time{}
			})
			out := watchFor(t, p, 45*time.Second)
			if seen := strings.Contains(out, "w00007  "+string(c.was)+" → offline"); seen != c.seen {
				t.Errorf("%d, %s: seen=%t\n%s", c.size, c.was, seen, out)
			}
		})
	}
}

// Who is bound to a team may not follow the whole fleet's changes, and reads the team's workspaces now and then.
func TestWatchOfATeam(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newFakeFleet(3)
		p.team = true
		p.after(25*time.Second, func() { p.fleet[1].Status = "degraded" })
		out := watchFor(t, p, time.Minute)
		if !strings.Contains(out, "w00001  online → degraded") || p.calls["page of the fleet"] > 4 {
			t.Errorf("%v\n%s", p.calls, out)
		}
	})
}
