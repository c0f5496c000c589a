// Package scenario plays stories on a running platform: what goes wrong with agents,
// credentials, delivery and the platform itself, and which verdicts, hints and history
// a user then sees. Incident replays one of them with real processes.
package scenario

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/rollcall/rollcall/shared/client"
)

// Settings make the platform's timeouts short, so that a story takes seconds.
func Settings() map[string]string {
	return map[string]string{
		"ROLLCALL_LEASE_TTL": leaseTTL.String(), "ROLLCALL_GRACE": grace.String(),
		"ROLLCALL_DELIVERY_OBJECTIVE": deliveryObjective.String(),
		"ROLLCALL_PUSH_TIMEOUT":       "2s", "ROLLCALL_VISIBILITY": "8s", "ROLLCALL_ANSWER_WITHIN": "3s",
		"ROLLCALL_OUTAGE_AFTER": outageAfter.String(), "ROLLCALL_SUSPECT_FOR": suspectFor.String(),
	}
}

const (
	leaseTTL          = 8 * time.Second
	grace             = 4 * time.Second
	deliveryObjective = 6 * time.Second
	outageAfter       = 25 * time.Second
	suspectFor        = 12 * time.Second
	heartbeatEvery    = 2 * time.Second
	sweepEvery        = 4 * time.Second
	busyBelieved      = time.Minute // the platform's own
	busyPatience      = 10 * time.Minute
	// patience is how long a verdict may take to appear: the longest timeout there is,
	// and room for a slow machine.
	patience = 75 * time.Second
)

// storiesAtOnce is how many stories are played at the same time.
const storiesAtOnce = 8

// Platform is what the stories are played on. Its functions run with Settings.
type Platform struct {
	client.Client
	// SetStore makes the store unavailable to the functions, and available again.
	SetStore func(available bool)
	// SetClock moves the clock of every function by an offset from the true time.
	SetClock func(ctx context.Context, offset time.Duration) error
	// SetSchedule stops the scheduled sweeps, or starts them again.
	SetSchedule func(ctx context.Context, on bool) error
	// SetSegment sets how many workspaces one function sweeps; 0 is the platform's own number.
	SetSegment func(ctx context.Context, workspaces int) error
}

// story is one story of a workspace. play panics with a storyFailure at the first step
// that does not hold.
type story struct {
	title string
	play  func(ctx context.Context, p Platform)
}

// workspaceStories can be played at the same time: each has a workspace of its own.
func workspaceStories() []story {
	return slices.Concat(
		credentialStories,
		strangerStories,
		signatureStories,
		copyStories,
		restartStories,
		answerStories,
		messageStories,
		workStories,
		deliveryStories,
		callbackStories,
		livenessStories,
		operatorStories,
		verdictStories,
		peopleStories,
		webhookStories,
	)
}

// Play plays every story whose title matches a regular expression, those about one
// workspace and then those about the whole fleet, and prints on out which held.
func Play(ctx context.Context, p Platform, titles string, out io.Writer) error {
	only, err := regexp.Compile(titles)
	if err != nil {
		return err
	}
	f, err := startFleet(ctx, p)
	if err != nil {
		return err
	}
	defer f.close()
	// The stories sweep by themselves, and one of them has to stop that.
	if err := p.SetSchedule(ctx, false); err != nil {
		return err
	}
	sweeping, stopSweeps := context.WithCancel(ctx)
	defer stopSweeps()
	go sweepRepeatedly(sweeping, p)
	f.stopSweeps = stopSweeps

	r := report{out: out}
	var all sync.WaitGroup
	slots := make(chan struct{}, storiesAtOnce)
	for _, s := range chosen(workspaceStories(), only) {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			r.play(ctx, s, p)
		})
	}
	all.Wait()
	for _, s := range chosen(f.stories(), only) {
		r.play(ctx, s, p)
	}
	if r.failed == nil && r.held == 0 {
		return fmt.Errorf("no title matches %s", only)
	}
	if r.failed == nil {
		fmt.Fprintf(out, "%d stories, each as told\n", r.held)
	}
	return r.failed
}

// chosen are the stories whose title matches.
func chosen(all []story, only *regexp.Regexp) []story {
	return slices.DeleteFunc(all, func(s story) bool { return !only.MatchString(s.title) })
}

// report prints a line for each story that was played.
type report struct {
	mu     sync.Mutex
	out    io.Writer
	held   int
	failed error
}

func (r *report) play(ctx context.Context, s story, p Platform) {
	start := time.Now()
	err := s.outcome(ctx, p)
	took := time.Since(start).Seconds()
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.failed = errors.Join(r.failed, fmt.Errorf("%s: %w", s.title, err))
		fmt.Fprintf(r.out, "  ✗ %s (%.0f s)\n      %v\n", s.title, took, err)
		return
	}
	r.held++
	fmt.Fprintf(r.out, "  ✓ %s (%.0f s)\n", s.title, took)
}

// outcome plays the story and returns the first step that did not hold.
func (s story) outcome(ctx context.Context, p Platform) (err error) {
	defer func() {
		switch reason := recover().(type) {
		case nil:
		case storyFailure:
			err = reason.error
		default:
			panic(reason)
		}
	}()
	s.play(ctx, p)
	return nil
}

// storyFailure ends a story at the first step that does not hold.
type storyFailure struct{ error }

func must(err error) {
	if err != nil {
		panic(storyFailure{err})
	}
}

// mustGet is the result of a call, which must not have failed.
func mustGet[T any](v T, err error) T {
	must(err)
	return v
}

func sweepRepeatedly(ctx context.Context, p Platform) {
	for wait(ctx, sweepEvery) {
		_, _ = p.Do(ctx, "POST", "/sweep", p.OperatorToken, nil) // the next sweep comes soon
	}
}

// wait reports whether the time passed before the context ended.
func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
