package simulation

import (
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/cost"
)

// Result is what was seen of one story.
type Result struct {
	Story  string
	Does   string
	Paced  bool
	Agents int

	MeanCalls float64 // a second, before the trouble
	PeakCalls int     // in a second, from the trouble on, while the platform is up
	Throttled int     // calls that the API refused

	FalseOffline int // verdicts of offline over agents that lived and called
	Suspected    int // verdicts of unknown: the platform is suspected
	Judged       int // verdicts that sweeps asked for
	Changes      int

	Detected           int // deaths that a sweep found
	Detect50, Detect99 time.Duration
	Accepted           int
	Refused            int // messages that found the platform down
	Delivered          int
	Drain50, Drain99   time.Duration // from accept to delivered, of agents that were there all the time
	SweepLag           time.Duration // of the slowest sweep: from its begin to its last workspace
	ToldAfter          time.Duration // from a verdict that changed to its record, at most
	Workload           cost.Workload // what it did, as the bill's arithmetic takes it, if it went on like this
	Bill               float64       // of that, in US dollars a month

	Calls   []int     // offered in each second
	Online  []float64 // the share that is shown online or degraded, each ten seconds
	Backlog []int     // messages that are open, each ten seconds

	timers       int
	beats, polls int
	detect       []instant
	drain        []instant
}

func newResult(c Config, story Story, paced bool) *Result {
	return &Result{
		Story: story.Name, Does: story.Does, Paced: paced, Agents: c.Agents, Calls: make([]int, int(Length.Seconds())),
	}
}

func (res *Result) offered(now instant, poll, down bool) {
	res.Calls[now/1000]++
	if n := res.Calls[now/1000]; !down && now >= after(Trouble) {
		res.PeakCalls = max(res.PeakCalls, n)
	}
	if poll {
		res.polls++
	} else {
		res.beats++
	}
}

// sample notes what the plots show.
func (r *run) sample() {
	if r.now%10_000 != 0 {
		return
	}
	well := 0
	for i := range r.agents {
		if s := r.agents[i].shown; s == online || s == degraded {
			well++
		}
	}
	r.result.Online = append(r.result.Online, float64(well)/float64(r.Agents))
	r.result.Backlog = append(r.result.Backlog, r.mail.backlog)
}

// finish works out what the counts say.
func (res *Result) finish(r *run) {
	before := res.Calls[:int(Trouble.Seconds())]
	for _, n := range before {
		res.MeanCalls += float64(n) / float64(len(before))
	}
	res.Detected = len(res.detect)
	res.Detect50, res.Detect99 = quantile(res.detect, 0.5), quantile(res.detect, 0.99)
	res.Drain50, res.Drain99 = quantile(res.drain, 0.5), quantile(res.drain, 0.99)
	res.Workload = r.workload()
	res.Bill = cost.Of(res.Workload, cost.USEast1).Total
}

// workload is what the fleet did, as the bill's arithmetic takes it.
func (r *run) workload() cost.Workload {
	every := func(agents, calls float64) time.Duration {
		return time.Duration(agents * float64(Length) / max(calls, 1))
	}
	agents := float64(r.Agents)
	beating := agents
	if r.paced {
		beating *= 1 - r.Polling
	}
	return cost.Workload{
		Agents: agents, Polling: r.Polling, PollEvery: every(agents*r.Polling, float64(r.result.polls)),
		BeatEvery: every(beating, float64(r.result.beats)), PollersBeat: !r.paced, MessageKB: 1, AnswerTime: r.AnswerTime,
		MessagesPerDay: float64(r.result.Accepted) / agents * float64(24*time.Hour) / float64(Length),
	}
}

func quantile(ts []instant, q float64) time.Duration {
	if len(ts) == 0 {
		return 0
	}
	slices.Sort(ts)
	return time.Duration(ts[int(q*float64(len(ts)-1))]) * time.Millisecond
}
