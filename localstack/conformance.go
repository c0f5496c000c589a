package main

import (
	"context"
	"errors"
	"os"

	"github.com/rollcall/rollcall/localstack/platform"
	"github.com/rollcall/rollcall/localstack/platform/emulator"
	"github.com/rollcall/rollcall/localstack/platform/wire"
	"github.com/rollcall/rollcall/localstack/proofs/conformance"
)

// playConformance plays the existing clients' sequences on a platform of its own.
func playConformance(ctx context.Context, dirs emulator.Dirs) error {
	p, err := startConformancePlatform(ctx, chosenEmulator(), dirs)
	if err != nil {
		return err
	}
	defer p.Close()
	return p.play(ctx)
}

// conformancePlatform is a platform whose store can be made unavailable and whose
// emulator can be killed, as the sequences do.
type conformancePlatform struct {
	*platform.Platform
	store storeSwitch
}

func startConformancePlatform(
	ctx context.Context, kind emulator.Kind, dirs emulator.Dirs,
) (*conformancePlatform, error) {
	data := dirs.State("conformance")
	if err := os.RemoveAll(data); err != nil {
		return nil, err
	}
	p := &conformancePlatform{}
	var err error
	p.Platform, err = platform.Start(ctx, platform.Options{
		Kind: kind, Addr: loopback, Dirs: dirs, Data: data,
		Settings: testSettings(), Layers: []wire.Layer{p.store.Layer},
	})
	return p, err
}

func (p *conformancePlatform) play(ctx context.Context) error {
	err := conformance.Run(ctx, conformance.Platform{
		Client: p.Client, MaxOpen: maxOpen, SetStore: p.store.SetAvailable,
		Restart: func(ctx context.Context) error { p.Emulator.Kill(); return p.Restart(ctx) },
	}, os.Stdout)
	return errors.Join(err, p.CheckRights())
}
