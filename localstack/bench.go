package main

import (
	"context"
	"os"

	"github.com/rollcall/rollcall/localstack/platform/emulator"
)

// bench prints what each operation costs; it fails if one is over its budget.
func bench(ctx context.Context, dirs emulator.Dirs) error {
	return testOnLocalStack(ctx, dirs, "-v", "-run", "TestBudget", endToEnd)
}

// endToEndTests runs the end-to-end tests that RUN selects, all without it.
func endToEndTests(ctx context.Context, dirs emulator.Dirs) error {
	return testOnLocalStack(ctx, dirs, "-v", "-run", os.Getenv("RUN"), endToEnd)
}
