package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/rollcall/rollcall/localstack/platform"
	"github.com/rollcall/rollcall/localstack/platform/emulator"
	"github.com/rollcall/rollcall/localstack/platform/wire"
	"github.com/rollcall/rollcall/localstack/proofs/chaos"
	"github.com/rollcall/rollcall/localstack/proofs/faults"
)

// chaosCampaign runs the campaign of SEED and FAULTS on a platform of its own.
func chaosCampaign(ctx context.Context, dirs emulator.Dirs) error {
	seed, err := wholeNumber("SEED", uint64(time.Now().UnixNano()%1e6))
	if err != nil {
		return err
	}
	count, err := wholeNumber("FAULTS", 300)
	if err != nil {
		return err
	}
	return runCampaign(ctx, chosenEmulator(), dirs, seed, int(count))
}

func runCampaign(ctx context.Context, kind emulator.Kind, dirs emulator.Dirs, seed uint64, count int) error {
	var p *platform.Platform
	injector := faults.New(seed, func(function string) { emulator.KillFunction(p.Emulator.PID(), function) })
	var err error
	p, err = platform.Start(ctx, platform.Options{
		Kind: kind, Addr: loopback, Dirs: dirs, Settings: chaos.Settings(), Layers: []wire.Layer{injector.Layer},
	})
	if err != nil {
		return err
	}
	defer p.Close()
	if err := p.TraceInvocations(ctx); err != nil {
		return err
	}
	err = chaos.Run(ctx, chaos.Config{
		Client: p.Client, Seed: seed, Faults: count, Injector: injector,
		SetClock: p.SetClock, Sweep: p.Sweep, Out: os.Stdout,
	})
	return errors.Join(err, p.KeepLogs(ctx, dirs.State("chaos.log")))
}
