// Package simulation plays a whole fleet against the platform's rules in virtual time: up to a million agents, their
// senders, the sweep and the drains, through a steady half hour and four that are not. What decides is the real pure
// code: the verdicts, the fleet's suspicion and the pace of shared/workspace, the life of a message in shared/chat, the
// bill of shared/cost. What is modelled is said beside each number.
package simulation

import (
	"container/heap"
	"hash/fnv"
	"math/rand/v2"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/statuslog"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Config is the fleet and its platform.
type Config struct {
	Agents         int
	Seed           uint64
	Polling        float64       // the share that polls; the others are pushed to
	PollEvery      time.Duration // how often an agent polls
	MessagesPerDay float64       // to each agent
	AnswerTime     time.Duration // how long a pushed agent takes on average; exponentially distributed
	Sweep          Sweep
	Policy         workspace.Policy
	Chat           chat.Policy
}

// Sweep is what the sweeper can do.
type Sweep struct {
	Workers int     // one for each segment
	Each    float64 // workspaces a second that one worker looks at
	Changes float64 // changes of verdict a second that all of them record: their log has one number
}

const (
	segmentSize = 30_000  // the most workspaces that one function sweeps, by default
	mostWorkers = 40      // of a sweep at once, by default
	oneFunction = 100_000 // how many workspaces one function sees in its time
)

// SweepOf is the sweep of so many workspaces: by one function, or by a worker for each segment.
func SweepOf(workspaces int) Sweep {
	return Sweep{
		Workers: min(mostWorkers, workspace.Segments(workspaces, segmentSize)),
		Each:    oneFunction / sweepsFor.Seconds(), Changes: changesASecond(),
	}
}

// What DynamoDB takes within a region is modelled: a transaction of 100 writes, and a read or a write of one item.
const (
	transaction = 25 * time.Millisecond
	oneCall     = 5 * time.Millisecond
)

// changesASecond is how many changes statuslog records when there are always more. In each turn the right to record is
// taken, the newest number read, one page written after the other, and the right given back.
func changesASecond() float64 {
	turn := 3*oneCall + statuslog.TurnSize/statuslog.PageSize*transaction
	return statuslog.TurnSize / turn.Seconds()
}

// Default is a fleet of so many agents as docs/scale.md plays it.
func Default(agents int, seed uint64) Config {
	return Config{
		Agents: agents, Seed: seed, Polling: 0.2, PollEvery: 5 * time.Second, MessagesPerDay: 20,
		AnswerTime: 2 * time.Second, Sweep: SweepOf(agents), Policy: workspace.DefaultPolicy(), Chat: chat.DefaultPolicy(),
	}
}

// Length is how much virtual time a story takes; Trouble is when its trouble begins.
const (
	Length  = 30 * time.Minute
	Trouble = 5 * time.Minute
)

// instant is a virtual time, in milliseconds since the story began.
type instant int64

// slot is the resolution of the agents' calls, in milliseconds.
const slot = 10

// epoch is the story's begin, as real code sees it.
var epoch = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func (i instant) time() time.Time { return epoch.Add(time.Duration(i) * time.Millisecond) }

func after(d time.Duration) instant { return instant(d / time.Millisecond) }

// run is one story under way.
type run struct {
	Config
	story  Story
	paced  bool
	rand   *rand.Rand
	now    instant
	agents []agent
	calls  []int32 // by slot: the first agent that calls then, or none
	timers timers
	boxes  map[int32]*mailbox
	gate   gate
	sweep  sweep
	fast   lane
	slow   lane
	mail   mail
	result *Result
}

// Play plays a story with a fleet, paced as the platform asks or by fixed timers.
func Play(c Config, story Story, paced bool) *Result {
	r := &run{
		Config: c, story: story, paced: paced, boxes: map[int32]*mailbox{},
		rand:   newRand(c.Seed, story.Name),
		result: newResult(c, story, paced),
	}
	r.populate()
	r.openGate()
	r.openLanes()
	r.beginSweeps()
	r.nextMail()
	for _, e := range story.events(c) {
		r.at(after(e.at), func() { e.do(r) })
	}
	end := after(Length)
	for r.now = 0; r.now < end; r.now += slot {
		for len(r.timers) > 0 && r.timers[0].at <= r.now {
			heap.Pop(&r.timers).(timer).do()
		}
		r.gate.refill()
		r.callsDue()
		r.sweepOn()
		if r.now%1000 == 0 {
			r.sample()
		}
	}
	r.judgeSilent()
	r.result.finish(r)
	return r.result
}

// newRand is the chance of one story.
func newRand(seed uint64, story string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(story))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// timer is something that happens once.
type timer struct {
	at  instant
	seq int // timers of one moment run in the order they were set
	do  func()
}

type timers []timer

func (t timers) Len() int { return len(t) }
func (t timers) Less(i, j int) bool {
	return t[i].at < t[j].at || t[i].at == t[j].at && t[i].seq < t[j].seq
}
func (t timers) Swap(i, j int) { t[i], t[j] = t[j], t[i] }
func (t *timers) Push(x any)   { *t = append(*t, x.(timer)) }
func (t *timers) Pop() any {
	last := len(*t) - 1
	x := (*t)[last]
	*t = (*t)[:last]
	return x
}

// at has something done at a moment that is not past.
func (r *run) at(when instant, do func()) {
	r.result.timers++
	heap.Push(&r.timers, timer{max(when, r.now), r.result.timers, do})
}

// in has something done after a time.
func (r *run) in(d time.Duration, do func()) { r.at(r.now+after(d), do) }

// exponential is a random time with a mean.
func (r *run) exponential(mean time.Duration) time.Duration {
	return time.Duration(r.rand.ExpFloat64() * float64(mean))
}
