package delivery_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/memory"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// looks is a store that has somebody look at the workspace after each write.
type looks struct {
	*memory.Store
	look func(write string)
}

func (s looks) seen(write string, err error) error {
	s.look(write)
	return err
}

func (s looks) Renew(
	ctx context.Context, id string, presented token.Hash, sig workspace.Signal, now time.Time,
) (workspace.Facts, error) {
	f, err := s.Store.Renew(ctx, id, presented, sig, now)
	return f, s.seen("renew", err)
}

func (s looks) Save(ctx context.Context, old, next workspace.Facts, with registry.SaveExtras) error {
	return s.seen("save", s.Store.Save(ctx, old, next, with))
}

func (s looks) Count(ctx context.Context, id string, at time.Time, probe bool, most int64) (
	workspace.Facts, bool, error,
) {
	f, counted, err := s.Store.Count(ctx, id, at, probe, most)
	return f, counted, s.seen("count", err)
}

func (s looks) WriteMessages(
	ctx context.Context, life workspace.Life, moves []chat.Move, u delivery.MailboxUpdate,
) error {
	return s.seen("messages", s.Store.WriteMessages(ctx, life, moves, u))
}

// calls is a workspace whose calls are looked at between their writes.
type calls struct {
	*world.World
	fails  bool // its URL
	cursor string
	sent   int
	told   []string // the verdicts that were seen, each after the write that brought it about
}

func newCalls(t *testing.T, mode workspace.Mode, url string) *calls {
	c := &calls{World: world.New(t, mode, url)}
	store := looks{c.Store, func(write string) { c.told = append(c.told, write, c.stands()) }}
	c.Registry.Leases, c.Ledger = store, store
	c.Agent = func(chat.Message) delivery.PushResult {
		if c.fails {
			return refused
		}
		return delivery.PushResult{}
	}
	return c
}

func (c *calls) stands() string {
	v := c.Verdict()
	return string(v.Status) + "/" + string(v.Reason)
}

// call does one call. Mail that did not reach the agent before a silence is told when it ends, and mail that the call
// finds to have ended undelivered, at once. That an agent registers in a loop, only its register tells.
func (c *calls) call(t *rapid.T, name string, do func(*rapid.T)) {
	c.Now = c.Now.Add(time.Second)
	before := c.stands()
	c.told = nil
	do(t)
	after := c.stands()
	may := []string{before, after, "online/healthy", "online/busy"}
	if strings.HasPrefix(before, "offline/") || c.Facts().UndeliveredAt.Equal(c.Now) {
		may = append(may, "degraded/push_failing", "degraded/inbox_unattended")
	}
	if name == "register" {
		may = append(may, "degraded/restart_loop")
	}
	for i := 1; i < len(c.told); i += 2 {
		if seen := c.told[i]; !slices.Contains(may, seen) {
			t.Fatalf("%s: it was %s, and then %s, but between its writes: %v", name, before, after, c.told)
		}
	}
}

// drained is a call after which a drain is awake at once.
func (c *calls) drained(name string, do func(*rapid.T)) func(*rapid.T) {
	return func(t *rapid.T) {
		c.call(t, name, func(t *rapid.T) {
			do(t)
			c.DrainOnce()
		})
	}
}

// polls polls with the cursor of the last row, or without.
func (c *calls) polls(t *rapid.T) {
	if rapid.Bool().Draw(t, "without a cursor") {
		c.cursor = ""
	}
	_, cursor, err := poll(c.World, delivery.PollRequest{Cursor: c.cursor})
	c.NoError(err)
	c.cursor = cursor
}

// Each call of several writes, and the drain that it wakes: nothing is told between its writes that was not told
// before it, and is not told after it, but that all is well.
func TestNothingIsToldBetweenTheWritesOfACall(t *testing.T) {
	for mode, url := range map[workspace.Mode]string{workspace.Poll: "", workspace.Push: "https://agent.example/a2a"} {
		rapid.Check(t, func(rt *rapid.T) {
			c := newCalls(t, mode, url)
			rt.Repeat(map[string]func(*rapid.T){
				"time passes": func(t *rapid.T) {
					seconds := rapid.SampledFrom([]int{1, 10, 30, 61, 83, 121, 151, 400}).Draw(t, "seconds")
					c.Now = c.Now.Add(time.Duration(seconds) * time.Second)
				},
				"its URL fails, or not": func(t *rapid.T) { c.fails = rapid.Bool().Draw(t, "it fails") },
				"a sweep":               func(*rapid.T) { c.SweepOnce() },
				"register": c.drained("register", func(*rapid.T) {
					register(c.World, mode, url)
					c.cursor = ""
				}),
				"heartbeat": c.drained("heartbeat", func(t *rapid.T) {
					c.Heartbeat(rapid.IntRange(0, 1).Draw(t, "active tasks"))
				}),
				"send": c.drained("send", func(*rapid.T) {
					c.sent++
					c.Send(fmt.Sprint("m", c.sent))
				}),
				"probe": c.drained("probe", func(t *rapid.T) {
					_, err := c.Probe(t.Context(), world.ID, c.Now)
					c.NoError(err)
				}),
				"poll": func(t *rapid.T) { c.call(t, "poll", c.polls) },
				"acknowledge": func(t *rapid.T) {
					c.call(t, "acknowledge", func(*rapid.T) { c.NoError(ack(c.World, c.Facts().Accepted, 0)) })
				},
			})
		})
	}
}
