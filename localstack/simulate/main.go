// Command simulate plays a fleet against the platform's rules in virtual time, prints what was seen of each story, and
// draws it. make simulate runs it.
package main

import (
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/rollcall/rollcall/localstack/proofs/simulation"
)

func main() {
	if err := simulate(); err != nil {
		fmt.Fprintln(os.Stderr, "rollcall:", err)
		os.Exit(1)
	}
}

// atOnce is how many stories are played at the same time.
const atOnce = 2

func simulate() error {
	agents, err := number("FLEET", 1_000_000)
	if err != nil {
		return err
	}
	seed, err := number("SEED", 1)
	if err != nil {
		return err
	}
	c := simulation.Default(agents, uint64(seed))
	results := make([]*simulation.Result, 2*len(simulation.Stories))
	var g errgroup.Group
	g.SetLimit(atOnce)
	for i := range results {
		g.Go(func() error {
			results[i] = simulation.Play(c, simulation.Stories[i/2], i%2 == 1)
			return nil
		})
	}
	_ = g.Wait() // none fails
	fmt.Print(simulation.Table(c, results))
	if dir := os.Getenv("PLOTS"); dir != "" {
		if err := simulation.Draw(dir, results); err != nil {
			return err
		}
	}
	return simulation.Check(results)
}

// number is a positive number of the environment.
func number(name string, def int) (int, error) {
	text := os.Getenv(name)
	if text == "" {
		return def, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%s must be a number from 1, not %q", name, text)
	}
	return n, nil
}
