package simulation

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

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
// them. Pushes come at random times, so many a second, and each agent takes about answer seconds. It returns how long
// pushes waited for a run, in order, and the run-seconds that each took.
func waits(runs, inARun int, rate, answer float64) (waited []float64, each float64) {
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
			end = max(end, begin+answer*(0.5+rnd.Float64()))
			next++
		}
		each += end - begin
		heap.Push(&busy, end)
	}
	slices.Sort(waited)
	return waited, each / pushes
}

// With a hundred runs and agents that take a minute to two and a half: what a push waits for a run, and what it costs.
func TestRunsThatShareWaitForMore(t *testing.T) {
	const runs, answer = 100, 100.0
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
		p50, p99 := waited[len(waited)/2], waited[len(waited)*99/100]
		t.Logf("%8g   %8g   %8.1fs   %8.1fs   %8.1f", c.rate, c.inARun, p50, p99, each)
		if p99 > c.most {
			t.Errorf("%g pushes a second, %g in a run: the p99 waits for %.1f s, at most %g", c.rate, c.inARun, p99, c.most)
		}
	}
}
