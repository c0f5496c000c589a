package main

import (
	"context"
	"fmt"
	"os"

	"github.com/rollcall/rollcall/localstack/platform"
	"github.com/rollcall/rollcall/localstack/platform/emulator"
	"github.com/rollcall/rollcall/localstack/platform/wire"
	"github.com/rollcall/rollcall/localstack/proofs/alarms"
)

// provokeAlarms provokes every alarm of the stack on ministack, and follows its runbook.
func provokeAlarms(ctx context.Context, dirs emulator.Dirs) error {
	var trouble alarms.Trouble
	p, err := platform.Start(ctx, platform.Options{
		Kind: emulator.Ministack, Addr: loopback, Dirs: dirs, Layers: []wire.Layer{trouble.Layer},
	})
	if err != nil {
		return err
	}
	defer p.Close()
	fmt.Println("every alarm, provoked on ministack, with its runbook:")
	return alarms.Run(ctx, p, &trouble, os.Stdout)
}
