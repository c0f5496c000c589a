package main

import (
	"context"

	"github.com/rollcall/rollcall/localstack/platform/emulator"
)

// bench prints what each operation costs; it fails if one is over its budget.
func bench(ctx context.Context, dirs emulator.Dirs) error {
	return testOnLocalStack(ctx, dirs, "-v", "-run", "TestBudget", endToEnd)
}
