package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rollcall/rollcall/localstack/platform/emulator"
	"github.com/rollcall/rollcall/localstack/proofs/conformance"
	"github.com/rollcall/rollcall/localstack/proofs/deployed"
	"github.com/rollcall/rollcall/shared/client"
)

// defaultProbes is how long probes are sent.
const defaultProbes = "10m"

// prove tries the deployment that ROLLCALL_URL and ROLLCALL_TOKEN name, with the tests
// that TESTS names, one after another.
func prove(ctx context.Context, dirs emulator.Dirs) error {
	p := deployed.Platform{
		Client: client.Client{
			URL: strings.TrimRight(os.Getenv("ROLLCALL_URL"), "/"), OperatorToken: os.Getenv("ROLLCALL_TOKEN"),
		},
		CLI: dirs.Built("rollcall"), Agent: filepath.Join(dirs.Root, "examples", "poll-python", "agent.py"),
	}
	if p.URL == "" || p.OperatorToken == "" {
		return errors.New("set ROLLCALL_URL to the deployment's address, and ROLLCALL_TOKEN to a credential of the " +
			"scope operate")
	}
	for test := range strings.FieldsSeq(cmp.Or(os.Getenv("TESTS"), "smoke conformance probes")) {
		fmt.Printf("%s, on %s:\n", test, p.URL)
		if err := proveOne(ctx, p, test); err != nil {
			return fmt.Errorf("%s: %w", test, err)
		}
	}
	return nil
}

func proveOne(ctx context.Context, p deployed.Platform, test string) error {
	switch test {
	case "smoke":
		return deployed.Smoke(ctx, p, os.Stdout)
	case "conformance":
		return conformance.Run(ctx, conformance.Platform{Client: p.Client, Deployed: true}, os.Stdout)
	case "probes":
		lasts, err := time.ParseDuration(cmp.Or(os.Getenv("PROBES_FOR"), defaultProbes))
		if err != nil {
			return fmt.Errorf("PROBES_FOR: %w", err)
		}
		return deployed.Probes(ctx, p, lasts, os.Stdout)
	}
	return fmt.Errorf("TESTS knows smoke, conformance and probes, not %q", test)
}
