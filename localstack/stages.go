package main

import (
	"context"
	"fmt"
	"os"

	"github.com/rollcall/rollcall/localstack/platform/emulator"
	"github.com/rollcall/rollcall/localstack/proofs/stages"
)

// twoStages deploys two stages into one account of ministack, whose HTTP API they are
// called by.
func twoStages(ctx context.Context, dirs emulator.Dirs) error {
	fmt.Println("two stages in one account, on ministack:")
	return stages.SideBySide(ctx, dirs, os.Stdout)
}
