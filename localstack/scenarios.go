package main

import (
	"context"
	"errors"
	"os"

	"github.com/rollcall/rollcall/localstack/platform"
	"github.com/rollcall/rollcall/localstack/platform/emulator"
	"github.com/rollcall/rollcall/localstack/platform/wire"
	"github.com/rollcall/rollcall/localstack/proofs/scenario"
)

// scenarios plays the stories of package scenario on a platform of its own.
func scenarios(ctx context.Context, dirs emulator.Dirs) error {
	return playStories(ctx, chosenEmulator(), dirs)
}

func playStories(ctx context.Context, kind emulator.Kind, dirs emulator.Dirs) error {
	var store storeSwitch
	p, err := platform.Start(ctx, platform.Options{
		Kind: kind, Addr: loopback, Dirs: dirs, Settings: scenario.Settings(), Layers: []wire.Layer{store.Layer},
	})
	if err != nil {
		return err
	}
	defer p.Close()
	err = scenario.Play(ctx, scenario.Platform{
		Client: p.Client, SetStore: store.SetAvailable, SetClock: p.SetClock, SetSchedule: p.SetSchedule,
		SetSegment: p.SetSegment,
	}, os.Getenv("STORY"), os.Stdout)
	return errors.Join(err, p.CheckRights())
}
