package app

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// beforePush is how long a drain may take until it pushes: an agent that hung last time is probed first.
const beforePush = 30 * time.Second

// CheckSettings reports what is wrong with ROLLCALL_ variables before a function
// is given them: one that no function reads, or a value that it would refuse. It
// returns how long the function dispatch must be able to run with them: a push begins
// only while it has as long left as a delivery may take, so in less it pushes nothing.
func CheckSettings(variables map[string]string) (shortestDrain time.Duration, err error) {
	var c Config
	params, err := env.GetFieldParams(&c)
	if err != nil {
		return 0, fmt.Errorf("app: %w", err)
	}
	environment, known := map[string]string{}, map[string]bool{}
	for _, p := range params {
		known[p.Key] = true
		if p.Required {
			environment[p.Key] = strings.Repeat("ab", 32) // stands in for what the stack sets
		}
	}
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		if !known[name] {
			return 0, fmt.Errorf("app: no function reads %s", name)
		}
		environment[name] = variables[name]
		if _, err := env.ParseAsWithOptions[Config](env.Options{Environment: environment}); err != nil {
			return 0, fmt.Errorf("app: %s=%s: %w", name, variables[name], err)
		}
	}
	if c, err = env.ParseAsWithOptions[Config](env.Options{Environment: environment}); err != nil {
		return 0, fmt.Errorf("app: %w", err)
	}
	if _, err := c.root(); err != nil {
		return 0, err
	}
	return c.chatPolicy().VisibilityTimeout + beforePush, c.check()
}
