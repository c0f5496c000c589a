package throughput

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"
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
	rates := map[string][]float64{}
	var skipped []string
	for _, c := range contestants {
		t.Run(c.name, func(t *testing.T) {
			for _, agents := range crowds {
				rates[c.name] = append(rates[c.name], measure(t, c.open(t, agents), agents))
			}
		})
		if len(rates[c.name]) < len(crowds) {
			skipped = append(skipped, c.name)
		}
	}
	fmt.Print(table(rates))
	for _, name := range skipped {
		fmt.Printf("%s was not measured\n", name)
	}
}

// measure has each agent send itself a message, fetch it, acknowledge it and read its receipt, again and again.
func measure(t *testing.T, s system, agents int) (perSecond float64) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var done atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	until := began.Add(measured(t))
	for agent := range agents {
		all.Go(func() {
			for n := 0; time.Now().Before(until); n++ {
				if err := cycle(ctx, s, agent, fmt.Sprintf("message %d", n)); err != nil {
					t.Errorf("agent %d, message %d: %v", agent, n, err)
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	return float64(done.Load()) / time.Since(began).Seconds()
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
