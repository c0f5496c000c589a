// Package conformance plays the exact sequences of the existing clients, each configured as
// its users do, on a platform, and prints what held. It is written from the wire contract,
// docs/wire-contract.md; the author of a client can read here what Rollcall promises.
package conformance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/localstack/proofs/openapi"
	"github.com/rollcall/rollcall/shared/client"
)

// Platform is what the sequences are played on.
type Platform struct {
	client.Client
	// Deployed is a platform with the policies of a deployment, whose store and machine
	// are out of reach: a credential is presented wherever one is asked for, and what only
	// a local platform can do is left out.
	Deployed bool
	// MaxOpen is how many messages one mailbox takes.
	MaxOpen int
	// SetStore makes the store unavailable to the functions, and available again.
	SetStore func(available bool)
	// Restart kills the emulator and starts it again.
	Restart func(ctx context.Context) error
}

// Run plays every client, prints a line for each thing that held or didn't, and
// returns an error if one didn't.
func Run(ctx context.Context, p Platform, out io.Writer) error {
	doc, err := p.Do(ctx, "GET", "/openapi.json", "", nil)
	if err != nil {
		return err
	}
	checker, err := openapi.New(doc.Raw)
	if err != nil {
		return err
	}
	at, err := url.Parse(p.URL)
	if err != nil {
		return err
	}
	checker.Path = at.EscapedPath()
	p.Transport = checker
	failed := 0
	var runs []*run
	for _, d := range []dialect{
		mcp{}, mcp{acks: true}, sdk{}, sdk{stored: true}, channel{}, bridge{newest: true}, bridge{},
	} {
		if p.Deployed && d.traits().secret == bootstrapped {
			continue // a deployment gives nobody a first credential unasked
		}
		fmt.Fprintf(out, "%s\n", d.name())
		r := &run{Platform: p, out: out, client: &agent{
			dialect: d, Client: p.Client, id: uuid.NewString(), booted: time.Now(),
		}}
		r.playSequence(ctx)
		runs = append(runs, r)
		failed += r.failed
	}
	if !p.Deployed {
		failed += playLocal(ctx, p, runs, out)
	}
	last := &run{Platform: p, out: out}
	if p.Deployed {
		last.step("what was created is removed", func() error {
			var errs []error
			for _, r := range runs {
				errs = append(errs, r.removed(ctx))
			}
			return errors.Join(errs...)
		})
	}
	last.step("every call was as /openapi.json describes it", func() error {
		if d := checker.Departures(); len(d) > 0 {
			return fmt.Errorf("%d were not: %s", len(d), strings.Join(d, "\n        "))
		}
		return nil
	})
	failed += last.failed
	if failed > 0 {
		return fmt.Errorf("%d did not hold", failed)
	}
	fmt.Fprintln(out, "everything held")
	return nil
}

// playLocal plays what needs the platform's machine, or its open policies, and returns
// how much did not hold.
func playLocal(ctx context.Context, p Platform, runs []*run, out io.Writer) (failed int) {
	for _, part := range []struct {
		what string
		play func(*run, context.Context)
	}{
		{"the in-container runtime", (*run).playContainer},
		{"calls that no client makes, answered as people expect", (*run).playOddCalls},
	} {
		fmt.Fprintln(out, part.what)
		r := &run{Platform: p, out: out}
		part.play(r, ctx)
		failed += r.failed
	}
	fmt.Fprintln(out, "the clients, with the platform killed under them")
	last := &run{Platform: p, out: out}
	last.step("every message arrives once, in order; no client ends", func() error { return platformKilled(ctx, p, runs) })
	return failed + last.failed
}
