package app

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
)

// CheckSettings reports what is wrong with ROLLCALL_ variables before a function
// is given them: one that no function reads, or a value that it would refuse.
func CheckSettings(variables map[string]string) error {
	var c Config
	params, err := env.GetFieldParams(&c)
	if err != nil {
		return fmt.Errorf("app: %w", err)
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
			return fmt.Errorf("app: no function reads %s", name)
		}
		environment[name] = variables[name]
		if _, err := env.ParseAsWithOptions[Config](env.Options{Environment: environment}); err != nil {
			return fmt.Errorf("app: %s=%s: %w", name, variables[name], err)
		}
	}
	if c, err = env.ParseAsWithOptions[Config](env.Options{Environment: environment}); err != nil {
		return fmt.Errorf("app: %w", err)
	}
	if _, err := c.root(); err != nil {
		return err
	}
	return c.check()
}
