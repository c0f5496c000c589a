package cost

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// fleet is half polled and half pushed, and its pollers beat too.
func fleet(agents float64) Workload {
	return Workload{
		Agents: agents, Polling: 0.5, PollEvery: 5 * time.Second, BeatEvery: 30 * time.Second, PollersBeat: true,
		MessagesPerDay: 20, MessageKB: 1, AnswerTime: 20 * time.Second,
	}
}

// The lines of a fleet, worked out by hand from the price list.
func TestOfAFleet(t *testing.T) {
	want := map[string]float64{
		"HTTP API": 31_188, // 34,620 million calls: 300 at $1, the rest at $0.90
		// 8,640 million beats and 0.367 of 25,920 million polls at $0.625, each poll read at $0.125
		"heartbeats and polls":           14_580,
		"drains that wait for an answer": 2_006, // 30 million × 20 s × 0.25 GB, and the requests
		"wake-ups and tickets":           81,    // 30 million × 3 × $0.90
	}
	for _, line := range Of(fleet(100_000), USEast1).Lines {
		if usd, ok := want[line.What]; ok && math.Abs(line.USD-usd) > 1 {
			t.Errorf("%s costs $%.2f, want $%.0f: %s", line.What, line.USD, usd, line.Arithmetic)
		}
		delete(want, line.What)
	}
	if len(want) > 0 {
		t.Errorf("no line for %v", want)
	}
}

// Pushes that share runs cost no more than the runs there are, and no more than a run for each.
func TestDrainsCostNoMoreThanTheirRuns(t *testing.T) {
	drains := func(w Workload) float64 {
		for _, line := range Of(w, USEast1).Lines {
			if line.What == "drains that wait for an answer" {
				return line.USD
			}
		}
		return math.NaN()
	}
	w := fleet(100_000) // 30 million pushes
	w.AnswerTime = 2 * time.Minute
	requests := 30 * USEast1.LambdaRequest
	if got := w.Waiting(); math.Abs(got-1389) > 1 { // 30 million × 120 s in 2.592 million s
		t.Errorf("%g wait", got)
	}
	for answer, want := range map[time.Duration]float64{
		2 * time.Minute: 138.9, // all of them take as long
		time.Minute:     138.9, // half as many wait, and the slowest of ten takes twice the mean
		2 * time.Second: 6.78,  // 23.1 wait, and the slowest of ten takes 2.93 times the mean
		0:               0,
	} {
		w.AnswerTime = answer
		if got := w.Runs(); math.Abs(got-want) > 0.1 {
			t.Errorf("answers of %s need %g runs, want %g", answer, got, want)
		}
	}
	w.AnswerTime = 2 * time.Minute
	for runs, want := range map[float64]float64{
		0:    30e6 * 120 * 0.25 * USEast1.LambdaGBs,
		139:  139 * 2.592e6 * 0.25 * USEast1.LambdaGBs,
		1500: 30e6 * 120 * 0.25 * USEast1.LambdaGBs,
	} {
		w.MaxDrains = runs
		if got := drains(w); math.Abs(got-want-requests) > 1 {
			t.Errorf("%g runs cost $%.2f, want $%.2f", runs, got, want+requests)
		}
	}
}

func TestTiers(t *testing.T) {
	tiers := Tiers{{300, 1}, {500, 0.5}, {0, 0.1}}
	for quantity, want := range map[float64]float64{0: 0, 299: 299, 300: 300, 302: 301, 500: 400, 600: 410} {
		if got := tiers.cost(quantity); math.Abs(got-want) > 1e-9 {
			t.Errorf("%g costs %g, want %g", quantity, got, want)
		}
	}
}

// More of anything never costs less, a bill is the sum of its lines, and each line says how it was worked out.
func TestMoreNeverCostsLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string, low, high float64) float64 { return rapid.Float64Range(low, high).Draw(t, name) }
		w := Workload{
			Agents: draw("agents", 1, 1e6), Polling: draw("polling", 0, 1), PollersBeat: rapid.Bool().Draw(t, "pollers beat"),
			PollEvery: time.Duration(draw("poll every", 1, 60) * float64(time.Second)),
			BeatEvery: time.Duration(draw("beat every", 10, 60) * float64(time.Second)),
			MessageKB: draw("KB", 0.1, 256), MessagesPerDay: draw("messages", 0, 1000),
			AnswerTime: time.Duration(draw("answer", 0, 120) * float64(time.Second)), MaxDrains: draw("drains", 0, 1000),
		}
		b, sum := Of(w, USEast1), 0.0
		for _, line := range b.Lines {
			if sum += line.USD; line.USD < 0 || !strings.Contains(line.Arithmetic, "×") {
				t.Fatalf("%+v", line)
			}
		}
		if math.Abs(sum-b.Total) > 1e-6*sum {
			t.Fatalf("the lines add up to %g, and the bill to %g", sum, b.Total)
		}
		for _, a := range Alternatives(w, b, USEast1) {
			if a.USD <= 0 || math.IsNaN(a.USD) || a.Lacks == "" {
				t.Fatalf("%+v", a)
			}
		}
		more := map[string]func(*Workload){
			"agents": func(w *Workload) { w.Agents *= 2 }, "messages": func(w *Workload) { w.MessagesPerDay++ },
			"polls": func(w *Workload) { w.PollEvery /= 2 }, "beats": func(w *Workload) { w.BeatEvery /= 2 },
			"size": func(w *Workload) { w.MessageKB *= 2 }, "slower answers": func(w *Workload) { w.AnswerTime += time.Second },
		}
		for name, change := range more {
			w := w
			if change(&w); Of(w, USEast1).Total < b.Total {
				t.Fatalf("more %s cost less", name)
			}
		}
	})
}
