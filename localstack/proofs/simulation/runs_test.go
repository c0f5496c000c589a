package simulation

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/cost"
)

// ends are when the runs that are at work end, the earliest first.
type ends []float64

func (e ends) Len() int           { return len(e) }
func (e ends) Less(i, j int) bool { return e[i] < e[j] }
func (e ends) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *ends) Push(x any)        { *e = append(*e, x.(float64)) }
func (e *ends) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// waits plays so many runs that wait for agents. Each takes what waits, up to so many pushes, and ends with the last of
// them. Pushes come at random times, so many a second, and answer draws what an agent takes. It returns how long
// pushes waited for a run, in seconds, in the order in which they came, and the run-seconds that each took.
func waits(runs, inARun int, rate float64, answer func(*rand.Rand) float64) (waited []float64, each float64) {
	const pushes = 50_000
	rnd := rand.New(rand.NewPCG(3, 5))
	arrivals := make([]float64, pushes)
	for i, now := 0, 0.0; i < pushes; i++ {
		now += rnd.ExpFloat64() / rate
		arrivals[i] = now
	}
	var busy ends
	for next := 0; next < pushes; {
		begin := arrivals[next]
		if len(busy) == runs {
			begin = max(begin, heap.Pop(&busy).(float64))
		}
		end := begin
		for n := 0; n < inARun && next < pushes && arrivals[next] <= begin; n++ {
			waited = append(waited, begin-arrivals[next])
			end = max(end, begin+answer(rnd))
			next++
		}
		each += end - begin
		heap.Push(&busy, end)
	}
	return waited, each / pushes
}

// With a hundred runs and agents that take a minute to two and a half: what a push waits for a run, and what it costs.
func TestRunsThatShareWaitForMore(t *testing.T) {
	const runs = 100
	answer := func(rnd *rand.Rand) float64 { return 50 + 100*rnd.Float64() }
	t.Log("pushes/s   in a run   waits p50   waits p99   run-seconds a push")
	for _, c := range []struct{ rate, inARun, most float64 }{
		{0.5, 1, 1},
		{0.5, cost.DrainsInARun, 1},
		{2, 1, math.Inf(1)},
		{2, cost.DrainsInARun, 10},
		{4, cost.DrainsInARun, 10},
		{6, cost.DrainsInARun, 45},
	} {
		waited, each := waits(runs, int(c.inARun), c.rate, answer)
		slices.Sort(waited)
		p50, p99 := waited[len(waited)/2], waited[len(waited)*99/100]
		t.Logf("%8g   %8g   %8.1fs   %8.1fs   %8.1f", c.rate, c.inARun, p50, p99, each)
		if p99 > c.most {
			t.Errorf("%g pushes a second, %g in a run: the p99 waits for %.1f s, at most %g", c.rate, c.inARun, p99, c.most)
		}
	}
}

// With a tenth more runs than cost.Workload.Runs says, no push waits for long; with a tenth less, each waits for longer
// than the one before.
func TestRunsAreWhatThePushesNeed(t *testing.T) {
	const runs = 20
	for _, mean := range []time.Duration{2 * time.Second, 60 * time.Second, 119 * time.Second} {
		longest := cost.PushTimeout.Seconds()
		answer := func(rnd *rand.Rand) float64 { return min(longest, rnd.ExpFloat64()*mean.Seconds()) }
		one := cost.Workload{Agents: 1, MessagesPerDay: 24 * 3600, AnswerTime: mean}.Runs() // of one push a second
		for _, c := range []struct {
			needed float64
			grows  bool
		}{{0.9 * runs, false}, {1.1 * runs, true}} {
			waited, _ := waits(runs, cost.DrainsInARun, c.needed/one, answer)
			begin, end := median(waited[:len(waited)/4]), median(waited[3*len(waited)/4:])
			if grows := end > 2*begin+mean.Seconds(); grows != c.grows {
				t.Errorf("answers of %s, %.1f of %d runs needed: pushes wait for %.1f s, and later for %.1f s",
					mean, c.needed, runs, begin, end)
			}
		}
	}
}

func median(x []float64) float64 {
	x = slices.Clone(x)
	slices.Sort(x)
	return x[len(x)/2]
}

// A lane of one run takes ten wake-ups and no more, and the next when the last of these has ended.
func TestARunTakesTenWakeups(t *testing.T) {
	const wakeups = 25
	r := &run{
		Config: Default(wakeups, 1), rand: newRand(1, "test"), boxes: map[int32]*mailbox{},
		result: &Result{Calls: make([]int, 3600)},
	}
	r.populate()
	l := &lane{free: 1}
	for i := range int32(wakeups) {
		r.boxes[i] = &mailbox{held: true} // without mail: its drain ends at once
		l.waits = append(l.waits, i)
	}
	r.startRuns(l)
	var taken []int
	for len(r.timers) > 0 {
		taken = append(taken, len(r.timers))
		for range taken[len(taken)-1] {
			if l.free != 0 {
				t.Error("the run is free while its drains are at work")
			}
			heap.Pop(&r.timers).(timer).do()
		}
	}
	if l.free != 1 || len(l.waits) > 0 || !slices.Equal(taken, []int{10, 10, 5}) {
		t.Errorf("runs of %v wake-ups; %d runs are free, and %d wake-ups wait", taken, l.free, len(l.waits))
	}
}
