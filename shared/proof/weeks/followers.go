package weeks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/webhook"
)

// follower is a page that follows the log of changes: it goes on from the last number that it was given.
type follower struct {
	at    int64
	begun bool
}

// follow has one of a few followers come back, whenever that is. It is given each change from where it was, or is told
// to begin again; then it is given where to go on.
func (m *machine) follow(t *rapid.T) {
	if len(m.followers) < 3 {
		m.followers = append(m.followers, &follower{})
	}
	f := m.followers[rapid.IntRange(0, len(m.followers)-1).Draw(t, "follower")]
	if f.begun {
		limit := rapid.SampledFrom([]int{1, 2, 100}).Draw(t, "limit")
		found, err := m.env.StatusLog.Follow(m.ctx, f.at, limit, 0, nil)
		if fault.CodeOf(err) != fault.CursorGone {
			m.must("follow", err)
			m.continues(f, found)
			if latest := int64(len(m.changes)); len(found) == 0 && f.at != latest {
				t.Fatalf("after %d nothing is shown, and the log is at %d", f.at, latest)
			}
			return
		}
	}
	found, at, err := m.env.StatusLog.Newest(m.ctx, 100)
	m.must("begin to follow", err)
	if latest := int64(len(m.changes)); at != latest {
		t.Fatalf("who begins is given %d, and the log is at %d", at, latest)
	}
	if n := len(found); n > 0 {
		m.continues(&follower{at: found[0].Seq - 1}, found)
	}
	f.at, f.begun = at, true
	m.past.numbers = append(m.past.numbers, at)
	if _, err := m.env.StatusLog.Follow(m.ctx, f.at, 1, 0, nil); err != nil {
		t.Fatalf("who has just begun is told at %d: %v", f.at, err)
	}
}

// continues checks that a follower misses nothing.
func (m *machine) continues(f *follower, found []statuslog.Change) {
	for _, c := range found {
		if c.Seq != f.at+1 {
			m.t.Fatalf("a follower at %d is told %d next", f.at, c.Seq)
		}
		f.at = c.Seq
	}
}

// receiver is what serves the URL of a webhook.
type receiver struct {
	id    string
	from  int64 // the log's number when it was made
	down  bool
	taken map[int64]bool
	last  int64
}

// changeHooks makes a webhook, has its receiver fail or come back, or enables it.
func (m *machine) changeHooks(t *rapid.T) {
	if len(m.hooks) == 0 {
		url := fmt.Sprintf("http://10.0.0.8/hook-%d", m.next())
		h, err := m.env.Webhooks.Create(m.ctx, url, nil, by)
		m.must("make a webhook", err)
		m.hooks[url] = &receiver{id: h.ID, from: h.Last, last: h.Last, taken: map[int64]bool{}}
		return
	}
	for _, url := range slices.Sorted(maps.Keys(m.hooks)) {
		r := m.hooks[url]
		if r.down = rapid.Bool().Draw(t, "it is down"); !r.down {
			_, err := m.env.Webhooks.Enable(m.ctx, r.id, false, by)
			m.must("enable", err)
		}
	}
}

// SendEvent implements webhook.Sender.
func (m *machine) SendEvent(
	_ context.Context, to, _ string, _ time.Time, _ []string, body []byte,
) (status int, media string, err error) {
	r := m.hooks[to]
	if r == nil {
		return 0, "", errors.New("nobody serves it")
	}
	if r.down {
		return 500, "", errors.New("it answered HTTP 500")
	}
	var event struct {
		Type string
		Data statuslog.Change
	}
	if err := json.Unmarshal(body, &event); err != nil {
		m.t.Fatal(err)
	}
	if event.Type != webhook.TypeChanged {
		return 204, "", nil
	}
	if seq := event.Data.Seq; seq <= r.last || r.taken[seq] {
		m.t.Fatalf("the webhook is told %d after %d", seq, r.last)
	}
	r.taken[event.Data.Seq], r.last = true, event.Data.Seq
	return 204, "", nil
}
