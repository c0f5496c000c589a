package throughput

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
)

// handed is a message that was handed out: what acknowledges it, and the id that its receipt is read by.
type handed struct {
	id  string
	ack any
}

// system does the work of the table, each call for one agent. Calls for different agents run at the same time.
type system interface {
	accept(ctx context.Context, agent int, text string) error
	handOut(ctx context.Context, agent int) (handed, error)
	acknowledge(ctx context.Context, agent int, h handed) error
	receipt(ctx context.Context, agent int, h handed) (delivered bool, err error)
}

// contestant is a system with its name, and what it does not do of what Rollcall does.
type contestant struct {
	name  string
	lacks string
	open  func(t *testing.T, agents int) system
}

var contestants = []contestant{
	{"rollcall, in memory", "a store: the fake of the tests, one lock", newMemory},
	{"rollcall, a Go server", "Lambda: net/http over the same use cases and the emulator's tables", newServer},
	{"rollcall, Lambda form", "nothing: the built functions, one call at a time each, on the emulator", newFunctions},
	{"JetStream, in memory", jetStreamLacks, newMemoryStream},
	{"JetStream, on disk", jetStreamLacks, newDiskStream},
	{
		"River on Postgres", "order for each agent, a verdict, a lease, hand-out to the agent that asks: a job runs in a worker",
		newRiver,
	},
}

// sent is the body of each message, the same for every system, and made before the clock runs: to write it is the
// sender's work.
var sent = string(chat.TextBody("1", "message"))

// crowds are how many agents work at the same time.
var crowds = []int{1, 8, 64}

// measured is how long each crowd works, unless BENCH_FOR says otherwise.
func measured(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("BENCH_FOR")
	if text == "" {
		return 2 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		t.Fatalf("BENCH_FOR must be a time such as 2s, not %q", text)
	}
	return d
}

// TestThroughput prints how many messages a second each system carries. It fails when one loses a message, and never
// for a time.
func TestThroughput(t *testing.T) {
	rates, works := map[string][]float64{}, map[string][]float64{}
	var skipped []string
	for _, c := range contestants {
		t.Run(c.name, func(t *testing.T) {
			for _, agents := range crowds {
				rate, work := measure(t, c.open(t, agents), agents)
				rates[c.name], works[c.name] = append(rates[c.name], rate), append(works[c.name], work)
			}
		})
		if len(rates[c.name]) < len(crowds) {
			skipped = append(skipped, c.name)
		}
	}
	fmt.Print(table(rates))
	fmt.Println("processor time of a message, in ms, of those that run in this process:")
	for _, name := range []string{"rollcall, in memory", "JetStream, in memory"} {
		if ms := works[name]; len(ms) == len(crowds) {
			fmt.Printf("%s: %.3f\n", name, ms)
		}
	}
	for _, name := range skipped {
		fmt.Printf("%s was not measured\n", name)
	}
}

// measure has each agent send itself a message, fetch it, acknowledge it and read its receipt, again and again. The
// processor time of this process, in ms a message, depends less on what else the machine does than how many a second do.
func measure(t *testing.T, s system, agents int) (perSecond, work float64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var done atomic.Int64
	var all sync.WaitGroup
	began, spent := time.Now(), processorTime(t)
	until := began.Add(measured(t))
	for agent := range agents {
		all.Go(func() {
			for n := 0; time.Now().Before(until); n++ {
				if err := cycle(ctx, s, agent, sent); err != nil {
					t.Errorf("agent %d, message %d: %v", agent, n, err)
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	n := float64(max(1, done.Load()))
	return n / time.Since(began).Seconds(), float64(processorTime(t)-spent) / float64(time.Millisecond) / n
}

// processorTime is what this process has used of the processors.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		t.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func cycle(ctx context.Context, s system, agent int, text string) error {
	if err := s.accept(ctx, agent, text); err != nil {
		return fmt.Errorf("accept: %w", err)
	}
	h, err := s.handOut(ctx, agent)
	if err != nil {
		return fmt.Errorf("hand out: %w", err)
	}
	if err := s.acknowledge(ctx, agent, h); err != nil {
		return fmt.Errorf("acknowledge: %w", err)
	}
	switch delivered, err := s.receipt(ctx, agent, h); {
	case err != nil:
		return fmt.Errorf("receipt: %w", err)
	case !delivered:
		return fmt.Errorf("the receipt of %s does not say that it was delivered", h.id)
	}
	return nil
}

// table shows the rates, and their ratio to JetStream in memory with as many agents.
func table(rates map[string][]float64) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "messages a second, from accept to receipt")
	for _, agents := range crowds {
		fmt.Fprintf(w, "\t%d agents", agents)
	}
	fmt.Fprint(w, "\tto JetStream in memory\tlacks\n")
	base := rates["JetStream, in memory"]
	for _, c := range contestants {
		if len(rates[c.name]) < len(crowds) {
			continue
		}
		var ratios []string
		fmt.Fprint(w, c.name)
		for i, rate := range rates[c.name] {
			fmt.Fprintf(w, "\t%.0f", rate)
			if len(base) > i {
				ratios = append(ratios, fmt.Sprintf("%.2g", rate/base[i]))
			}
		}
		fmt.Fprintf(w, "\t%s\t%s\n", strings.Join(ratios, " "), c.lacks)
	}
	w.Flush()
	return text.String()
}
