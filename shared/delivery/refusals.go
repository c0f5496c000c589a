package delivery

import (
	"sync"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// refusalFor is how long a refusal for want of room is remembered: less than a tenth of the time after which a refused
// sender is asked to send again.
const refusalFor = 2 * time.Second

// maxRefusals bounds how many are remembered.
const maxRefusals = 1000

// Refusals are whom this process refused lately for want of room, and at which workspace. To find that a sender has its
// share takes a read of all mail that waits there, in the partition from which the agent polls. A sender that goes on
// has the same refusal again without it.
type Refusals struct {
	mu    sync.Mutex
	known map[refused]refusal
}

type refused struct{ workspace, source string }

// refusal is what was found of one sender.
type refusal struct {
	waiting int64 // messages
	at      time.Time
	why     fault.Error
}

// of is what is remembered of the sender of m; nil: nothing. A probe has a place of its own.
func (r *Refusals) of(m chat.Message, now time.Time) *refusal {
	if r == nil || m.Probe {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	was, ok := r.known[refused{m.Workspace, m.Source}]
	if age := now.Sub(was.at); !ok || age < 0 || age >= refusalFor {
		return nil
	}
	return &was
}

// note remembers a refusal of the sender of m. When there is no room, all are forgotten: each is found again.
func (r *Refusals) note(m chat.Message, was refusal) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil || len(r.known) >= maxRefusals {
		r.known = map[refused]refusal{}
	}
	r.known[refused{m.Workspace, m.Source}] = was
}

// holds reports whether the refusal may still be given: no less mail waits than when it was. Another life has less.
func (r *refusal) holds(f workspace.Facts) bool { return f.Open >= r.waiting }

// again is the refusal, as it was given.
func (r *refusal) again() error {
	e := r.why
	return &e
}
