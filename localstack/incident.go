package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"

	"github.com/rollcall/rollcall/localstack/platform"
	"github.com/rollcall/rollcall/localstack/platform/emulator"
	"github.com/rollcall/rollcall/localstack/proofs/scenario"
	"github.com/rollcall/rollcall/shared/client"
)

// incident replays the incident on the platform that runs in this checkout if it
// answers, and otherwise on a platform of its own.
func incident(ctx context.Context, dirs emulator.Dirs) error {
	agent := dirs.Built("agent")
	if running, ok := runningPlatform(ctx, dirs); ok {
		return scenario.Incident(ctx, running, agent, os.Stdout)
	}
	p, err := platform.Start(ctx, platform.Options{Kind: chosenEmulator(), Addr: loopback, Dirs: dirs})
	if err != nil {
		return err
	}
	defer p.Close()
	return scenario.Incident(ctx, p.Client, agent, os.Stdout)
}

// runningPlatform reads where the platform of make run is, and reports whether it
// answers.
func runningPlatform(ctx context.Context, dirs emulator.Dirs) (local client.Client, ok bool) {
	raw, err := os.ReadFile(localFile(dirs))
	if err != nil || json.Unmarshal(raw, &local) != nil {
		return local, false
	}
	r, err := local.Do(ctx, http.MethodGet, "/healthz", "", nil)
	return local, err == nil && r.Status == http.StatusOK
}
